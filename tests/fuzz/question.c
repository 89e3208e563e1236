// SPDX-License-Identifier: GPL-2.0-or-later
/* What somebody without any right asks about a small capture: text that should be JSON. */
#include "analysis/answer.h"
#include "analysis/filter.h"
#include "capture/events.h"
#include "tests/fuzz/fuzz.h"

/* A module, a thread, and two blocks of one stack. */
static void feed_capture(struct model *model)
{
	static struct stack_record stack = { .id = 1,
					     .frame_count = 2,
					     .frames = { { 1, 64 }, { 1, 128 } } };
	static const struct capture_event EVENTS[] = {
		{ .time_ns = 10,
		  .address = 64,
		  .size = 9,
		  .stack = 1,
		  .thread = 1,
		  .kind = CAPTURE_ALLOC },
		{ .time_ns = 20,
		  .address = 128,
		  .size = 5000,
		  .stack = 1,
		  .thread = 1,
		  .kind = CAPTURE_ALLOC },
	};
	struct module_record module = { .id = 1,
					.build_id_size = 4,
					.build_id = { 1, 2, 3, 4 },
					.path = "/usr/lib/libx.so",
					.note = "" };
	struct thread_record thread = { .id = 1, .pid = 7, .tid = 7, .comm = "worker" };
	struct bytes_buffer out[4] = { 0 };
	static const enum chunk_type TYPES[] = { CHUNK_MODULES, CHUNK_THREADS, CHUNK_STACKS,
						 CHUNK_EVENTS };

	module_record_put(&out[0], &module);
	thread_record_put(&out[1], &thread);
	stack_record_put(&out[2], &stack);
	capture_events_encode(&out[3], EVENTS, sizeof(EVENTS) / sizeof(EVENTS[0]));
	for (size_t i = 0; i < 4; i++) {
		require(model_feed(model, TYPES[i], out[i].data, out[i].size) == 0);
		bytes_free(&out[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct capture_verdict VERDICT = { .reason = "complete" };
	struct filter filter;
	struct model model;
	struct answer_context context = { .model = &model, .verdict = &VERDICT };

	json_object_seed(1);
	json_t *question = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (!question)
		return 0;
	if (!filter_parse(json_object_get(question, "filter"), &filter)) {
		require(model_open(&model, &filter) == 0);
		feed_capture(&model);
		json_t *reply = answer(&context, question);
		require(reply);
		json_decref(reply);
		model_close(&model);
	}
	json_decref(question);
	return 0;
}
