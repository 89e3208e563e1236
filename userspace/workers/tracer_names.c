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
#define FRAMES_MAX	  (8u << 20) /* that are named: code without a file has no end of places */

enum frame_state {
	FRAME_SEEN = 1,
	FRAME_ASKED /* for its name, be there one or not */
};

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

void tracer_note_frame(struct tracer *tracer, uint64_t frame)
{
	/* out of memory: this frame stays without a name */
	if (tracer->frames.count < FRAMES_MAX && !map_get(&tracer->frames, frame))
		(void)map_put(&tracer->frames, frame, FRAME_SEEN);
}

/* The frame's module, if it can be asked for names: what could not even be inspected has none. */
static struct module *module_of(const struct tracer *tracer, uint64_t frame)
{
	uint64_t id = frame >> FRAME_MODULE_SHIFT;
	struct module *module = id && id <= tracer->modules.count ? tracer->modules.items[id - 1]
								  : NULL;

	return module && module->fd >= 0 && (module->inspection.elf_class || module->is_perf_map)
		       ? module
		       : NULL;
}

/*
 * Those that are to be asked for, sorted: modules one after the other. NULL where there are none.
 * What a just-in-time compiler tells may be told otherwise the next time. fresh: how many of them
 * are asked for the first time.
 */
static uint64_t *take_frames(struct tracer *tracer, size_t *count, size_t *fresh)
{
	uint64_t *frames = tracer->frames.count ? malloc(tracer->frames.count * sizeof(*frames))
						: NULL;

	*count = *fresh = 0;
	if (!frames)
		return NULL;
	for (size_t i = 0; i < tracer->frames.capacity; i++) {
		struct map_slot *slot = &tracer->frames.slots[i];
		const struct module *module = slot->key ? module_of(tracer, slot->key) : NULL;
		if (!module || (slot->value == FRAME_ASKED && !module->is_perf_map))
			continue;
		*fresh += slot->value == FRAME_SEEN;
		slot->value = FRAME_ASKED;
		frames[(*count)++] = slot->key;
	}
	qsort(frames, *count, sizeof(*frames), compare_u64);
	return frames;
}

/* Sends the payload on as it is: it is the reader that will parse it. */
static int forward(struct tracer *tracer, const struct module *module, int out, uint64_t size)
{
	const struct stream_names head = { .module = module->id,
					   .is_passing = module->is_perf_map };

	if (size == 0)
		return 0;
	if (size > NAMES_PAYLOAD_MAX)
		return -EFBIG;
	uint8_t *bytes = malloc(sizeof(head) + size);
	if (!bytes)
		return -ENOMEM;
	memcpy(bytes, &head, sizeof(head));
	int err = io_pread(out, bytes + sizeof(head), size, 0);
	if (!err)
		tracer_send(tracer, STREAM_NAMES, bytes, sizeof(head) + size);
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
		err = forward(tracer, module, out, size);
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

size_t tracer_send_names(struct tracer *tracer)
{
	tracer_renew_maps(tracer);
	size_t count, fresh, end;
	uint64_t *frames = take_frames(tracer, &count, &fresh);

	for (size_t i = 0; i < count; i = end) {
		uint64_t id = frames[i] >> FRAME_MODULE_SHIFT;
		for (end = i; end < count && end - i < NAMES_BATCH &&
			      frames[end] >> FRAME_MODULE_SHIFT == id;
		     end++)
			;
		struct module *module = module_of(tracer, frames[i]);
		for (size_t k = i; k < end; k++)
			frames[k] &= FRAME_OFFSET_MASK;
		name_module(tracer, module, frames + i, end - i);
	}
	free(frames);
	return fresh;
}
