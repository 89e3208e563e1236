// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What targets map while they run, as the kernel tells it (tracing/sideband.h).
 *
 * A file is met at once: opened before the target can unmap it, and named, so that frames in it can
 * be told. Its sites and its table take the symbolizer's time, during which the ring is drained and
 * more files may be met: they are loaded afterwards, in the order of their ids.
 */
#include "base/message.h"
#include "workers/tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void put_mapping(struct tracer *tracer, struct target *target,
			const struct sideband_news *news)
{
	struct mapping mapping = {
		.start = news->start,
		.end = news->end,
		.file_offset = news->file_offset,
		.device = news->device,
		.inode = news->inode,
		.path = strdup(news->path),
	};

	if (mapping.path && mapping.inode) {
		const struct module *module = tracer_meet_module(tracer, target, &mapping);
		mapping.module = module ? module->id : 0;
	}
	/* the copy of its maps is wrong now: read them again */
	if (!mapping.path || maps_put(&target->maps, &mapping))
		target->has_unknown_frames = true;
}

/* The kernel side finds a target's child by its parents, if they are still there when it first
 * allocates; this way it need not. */
static void hear_fork(struct tracer *tracer, const struct sideband_news *news)
{
	bool is_ours = tracer_target(tracer, news->parent) ||
		       map_get(&tracer->children, news->parent);

	if (!tracer->options.follows || !is_ours || tracer_target(tracer, news->pid))
		return;
	(void)probes_add_target(tracer->probes, (pid_t)news->pid);
	/* so that what it maps is opened at once: after its first event it may soon be gone */
	(void)map_put(&tracer->children, news->pid, 1);
}

/* One that never allocated is not known here, and its pid may be given to another. */
static void hear_exit(struct tracer *tracer, const struct sideband_news *news)
{
	if (tracer->options.follows && !tracer_target(tracer, news->pid))
		probes_remove_target(tracer->probes, (pid_t)news->pid);
	map_remove(&tracer->children, news->pid, NULL);
}

/* Whether it is to be recorded the starter decides, by its name or its control group. */
static void hear_comm(struct tracer *tracer, const struct sideband_news *news)
{
	const struct target *target = tracer_target(tracer, news->pid);
	struct tracer_candidate candidate = { .pid = news->pid };

	if (!tracer->options.has_candidates || !tracer->is_attached || (target && !target->is_gone))
		return;
	/* not waiting: the starter may be waiting for us */
	int err = message_offer(WORKER_SOCKET, TRACER_CANDIDATE, &candidate, sizeof(candidate));
	if (err == -EAGAIN)
		tracer->missed_candidates++;
	else if (err)
		exit(1);
}

static void hear(void *context, const struct sideband_news *news)
{
	struct tracer *tracer = context;
	struct target *target;

	if (!news) {
		tracer->has_lost_news = true;
	} else if (news->kind == SIDEBAND_FORK) {
		hear_fork(tracer, news);
	} else if (news->kind == SIDEBAND_EXIT) {
		hear_exit(tracer, news);
	} else if (news->kind == SIDEBAND_COMM) {
		hear_comm(tracer, news);
	} else if ((target = tracer_heard_of(tracer, news))) {
		/* of one that is gone, too: its stacks may yet be in the ring */
		probes_mappings_changed(tracer->probes, (pid_t)target->pid);
		tracer->has_news = true;
		put_mapping(tracer, target, news);
	}
}

/* What was not told is in the targets' maps, unless it is gone again. */
static void meet_all(struct tracer *tracer)
{
	for (size_t i = 0; i < tracer->target_count; i++) {
		struct target *target = tracer->targets[i];
		if (target->is_gone)
			continue;
		probes_mappings_changed(tracer->probes, (pid_t)target->pid);
		if (tracer_meet_maps(tracer, target))
			target->has_unknown_frames = true;
	}
}

void tracer_meet_mappings(struct tracer *tracer)
{
	if (!tracer->sideband)
		return;
	sideband_drain(tracer->sideband, hear, tracer);
	if (tracer->has_lost_news) {
		tracer->has_lost_news = false;
		tracer->has_news = true;
		meet_all(tracer);
	}
}
