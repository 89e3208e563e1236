// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Code without a file, as just-in-time compilers make it. Each target's is a module of its own,
 * whose offsets are addresses and whose file is the map of names that the compiler may write for
 * perf, /tmp/perf-PID.map. It is held open from its first sight, as the target may be gone when
 * names are asked for.
 */
#include "base/clock.h"
#include "base/io.h"
#include "workers/tracer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEEK_INTERVAL_NS 100000000

static struct module *code_module(struct tracer *tracer, struct target *target)
{
	if (target->code)
		return target->code;
	target->code = modules_add(&tracer->modules, 0, 0, "");
	if (target->code) {
		target->code->is_perf_map = true;
		tracer_send_module(tracer, target->code);
	}
	return target->code;
}

void tracer_seek_map(struct tracer *tracer, struct target *target)
{
	struct resolver_request request = { .pid = target->pid };
	int fd = target->hangs ? -ETIMEDOUT
			       : tracer_resolve(tracer, RESOLVER_PERF_MAP, &request,
						sizeof(request), target->pidfd);
	struct module *module = fd >= 0 ? code_module(tracer, target) : NULL;
	char path[32], *copy;

	target->hangs |= fd == -ETIMEDOUT;
	target->code_ns = clock_now_ns();
	if (!module) {
		io_close(&fd);
		return;
	}
	io_close(&module->fd);
	module->fd = fd;
	/* as pids are called here, which a target in a container may not know */
	snprintf(path, sizeof(path), "perf-%u.map", target->pid);
	if (!*module->path && (copy = strdup(path))) {
		free(module->path);
		module->path = copy;
		tracer_send_module(tracer, module);
	}
}

uint64_t tracer_code_frame(struct tracer *tracer, struct target *target, uint64_t frame)
{
	uint64_t address = frame & FRAME_ADDRESS_MASK;
	const struct module *module = address <= FRAME_OFFSET_MASK ? code_module(tracer, target)
								   : NULL;

	return module ? (uint64_t)module->id << FRAME_MODULE_SHIFT | address : frame;
}

void tracer_seek_maps(struct tracer *tracer)
{
	uint64_t now = clock_now_ns();

	for (size_t i = 0; i < tracer->target_count; i++) {
		struct target *target = tracer->targets[i];
		if (target->code && target->code->fd < 0 && !target->is_gone &&
		    now - target->code_ns > SEEK_INTERVAL_NS)
			tracer_seek_map(tracer, target);
	}
}

void tracer_renew_maps(struct tracer *tracer)
{
	for (size_t i = 0; i < tracer->target_count; i++)
		if (tracer->targets[i]->code)
			tracer_seek_map(tracer, tracer->targets[i]);
}
