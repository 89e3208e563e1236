// SPDX-License-Identifier: GPL-2.0-or-later
/* Names for the frames of a recording, asked of the symbolizer module by module. */
#include "base/io.h"
#include "workers/tracer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define NAMES_PAYLOAD_MAX ((4u << 20) - 16) /* a chunk of the capture holds it */
#define NAMES_BATCH	  16384		    /* offsets asked for at once */

int tracer_symbolize(struct tracer *tracer, const struct symbolizer_request *request, int module,
		     const struct debug_files *debug, int in, int *out, uint64_t *out_size)
{
	static const struct message_rule RULES[] = {
		{ SYMBOLIZER_REPLY, sizeof(struct symbolizer_reply), 0 },
	};
	static struct message message;
	const struct symbolizer_reply *reply = (const void *)message.body;
	int memory = memfd_create("symbols", MFD_CLOEXEC);
	int fds[5] = { module, debug ? debug->debug : -1, debug ? debug->common : -1, in, memory };

	if (memory < 0)
		return -errno;
	for (size_t i = 0; i < 5; i++)
		fds[i] = fds[i] >= 0 ? fds[i] : tracer->null;
	const struct call call = { .helper = HELPER_SYMBOLIZER,
				   .type = SYMBOLIZER_REQUEST,
				   .body = request,
				   .size = sizeof(*request),
				   .fds = fds,
				   .fd_count = 5 };

	tracer_call(tracer, &call, RULES, 1, &message);
	if (reply->error) {
		close(memory);
		return reply->error > 0 ? -reply->error : -EIO;
	}
	*out = memory;
	*out_size = reply->out_size;
	return reply->reduced > 0 ? reply->reduced : 0;
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* All frames, sorted: modules one after the other. NULL where there are none. */
static uint64_t *sorted_frames(const struct tracer *tracer)
{
	uint64_t *frames = tracer->frames.count ? malloc(tracer->frames.count * sizeof(*frames))
						: NULL;
	size_t count = 0;

	if (!frames)
		return NULL;
	for (size_t i = 0; i < tracer->frames.capacity; i++)
		if (tracer->frames.slots[i].key)
			frames[count++] = tracer->frames.slots[i].key;
	qsort(frames, count, sizeof(*frames), compare_u64);
	return frames;
}

/* Sends the payload on as it is: it is the reader that will parse it. */
static int forward(struct tracer *tracer, uint32_t module, int out, uint64_t size)
{
	if (size == 0)
		return 0;
	if (size > NAMES_PAYLOAD_MAX)
		return -EFBIG;
	uint8_t *bytes = malloc(sizeof(module) + size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, &module, sizeof(module));
	int err = io_pread(out, bytes + sizeof(module), size, 0);
	if (!err)
		tracer_send(tracer, STREAM_NAMES, bytes, sizeof(module) + size);
	free(bytes);
	return err;
}

static void name_module(struct tracer *tracer, struct module *module, const uint64_t *offsets,
			size_t count)
{
	struct symbolizer_request request = { .kind = module->is_perf_map ? SYMBOLIZER_PERF_MAP
									  : SYMBOLIZER_NAMES,
					      .count = (uint32_t)count };
	struct debug_files debug = { .debug = -1, .common = -1 };
	uint64_t size = 0;
	int out = -1;
	int in = memfd_create("offsets", MFD_CLOEXEC);
	int err = in < 0 ? -errno : io_write(in, offsets, count * sizeof(*offsets));

	if (!err) {
		tracer_find_debug(tracer, module, &debug);
		err = tracer_symbolize(tracer, &request, module->fd, &debug, in, &out, &size);
		/* a debug file that kills its reader must not cost the names that the module has
		 * itself */
		if (err < 0 && (debug.debug >= 0 || debug.common >= 0))
			err = tracer_symbolize(tracer, &request, module->fd, NULL, in, &out, &size);
	}
	int reduced = err > 0 ? err : 0;
	if (err >= 0)
		err = forward(tracer, module->id, out, size);
	io_close(&in);
	io_close(&out);
	debug_files_close(&debug);
	/* without names the capture still has module and offset of every frame */
	if (err)
		module_note(module, "no names", err);
	else if (reduced)
		module_note(module, "no lines", -reduced);
	if (err || reduced)
		tracer_send_module(tracer, module);
}

void tracer_send_names(struct tracer *tracer)
{
	tracer_renew_maps(tracer);
	uint64_t *frames = sorted_frames(tracer);
	size_t count = frames ? tracer->frames.count : 0, end;

	for (size_t i = 0; i < count; i = end) {
		uint64_t id = frames[i] >> FRAME_MODULE_SHIFT;
		for (end = i; end < count && end - i < NAMES_BATCH &&
			      frames[end] >> FRAME_MODULE_SHIFT == id;
		     end++)
			;
		struct module *module = id && id <= tracer->modules.count
						? tracer->modules.items[id - 1]
						: NULL;
		/* what could not even be inspected has no names either */
		if (!module || module->fd < 0 ||
		    (!module->inspection.elf_class && !module->is_perf_map))
			continue;
		for (size_t k = i; k < end; k++)
			frames[k] &= FRAME_OFFSET_MASK;
		name_module(tracer, module, frames + i, end - i);
	}
	free(frames);
}
