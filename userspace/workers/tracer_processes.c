// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Processes that become targets while they are recorded: children of targets, or any where all are
 * recorded.
 *
 * A process is met at its first event, which the kernel side lets through by itself: so none is
 * too short-lived. It may be gone by then; what its parent mapped is mostly what it had.
 */
#include "base/io.h"
#include "base/text.h"
#include "workers/tracer.h"

#include <errno.h>
#include <string.h>

/* Who it is, as long as it is there; its pidfd. */
static int identify(struct tracer *tracer, uint32_t pid, struct tracer_target *identity)
{
	static const struct message_rule RULES[] = {
		{ RESOLVER_IDENTITY, sizeof(struct tracer_target), 1 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
	};
	static struct message message;
	struct resolver_request request = { .pid = pid };
	const struct call call = { .helper = HELPER_RESOLVER,
				   .type = RESOLVER_TARGET,
				   .body = &request,
				   .size = sizeof(request) };

	tracer_call(tracer, &call, RULES, 2, &message);
	if (message.type == MESSAGE_FAILURE)
		return -ESRCH;
	memcpy(identity, message.body, sizeof(*identity));
	identity->pid = pid;
	return message_take_fd(&message, 0);
}

void tracer_name_program(struct tracer *tracer, struct tracer_target *target)
{
	struct tracer_target identity;
	int pidfd = identify(tracer, target->pid, &identity);

	if (pidfd >= 0)
		text_copy(target->exe, sizeof(target->exe), identity.exe);
	io_close(&pidfd);
}

static struct target *meet(struct tracer *tracer, uint32_t pid, const char *comm)
{
	struct tracer_target identity = { .pid = pid };
	int pidfd = identify(tracer, pid, &identity);

	if (pidfd < 0) {
		text_copy(identity.comm, sizeof(identity.comm), comm);
		pidfd = -1;
	}
	struct target *target = tracer_add_target(tracer, &identity, pidfd);
	if (!target) {
		io_close(&pidfd);
		return NULL;
	}
	target->is_met = true;
	if (!target->is_gone && tracer_meet_maps(tracer, target))
		target->has_unknown_frames = true;
	return target;
}

void tracer_meet_process(struct tracer *tracer, const struct event_thread *first)
{
	char comm[sizeof(first->comm) + 1] = "";

	if (!tracer->options.follows && !tracer->options.sees_all)
		return;
	memcpy(comm, first->comm, sizeof(first->comm));
	if (!tracer_target(tracer, first->head.pid))
		(void)meet(tracer, first->head.pid, comm);
}

struct target *tracer_heard_of(struct tracer *tracer, const struct sideband_news *news)
{
	struct target *target = tracer_target(tracer, news->pid);

	/* a file that nobody has mapped yet may be an allocator */
	if (!target && (tracer->options.sees_all || map_get(&tracer->children, news->pid)) &&
	    news->inode && !modules_find(&tracer->modules, news->device, news->inode))
		target = meet(tracer, news->pid, "");
	return target;
}
