// SPDX-License-Identifier: GPL-2.0-or-later
/* What somebody without any right asks about a small capture: text that should be JSON. */
#include "analysis/answer.h"
#include "analysis/filter.h"
#include "capture/events.h"
#include "tests/fuzz/chunks.h"

static struct bytes_buffer payload;

static void put_payload(struct bytes_buffer *chunks, enum chunk_type type)
{
	chunks_put(chunks, type, &payload);
	payload.size = 0;
}

/* How it was made, and what names things. */
static void put_names(struct bytes_buffer *chunks)
{
	struct session_record session = {
		.host = "host", .kernel = "6.1", .tool_version = "1", .mode = "multi", .begin_ns = 5
	};
	struct module_record module = { .id = 1,
					.build_id_size = 4,
					.build_id = { 1, 2, 3, 4 },
					.path = "/usr/lib/libx.so",
					.note = "" };
	struct target_record target = { .id = 1, .pid = 7, .comm = "app", .exe = "/usr/bin/app" };
	struct thread_record thread = { .id = 1, .pid = 7, .tid = 7, .comm = "worker" };
	struct function_record function = {
		.id = 1, .name = "malloc", .module = 1, .instruction = "nop"
	};
	static struct stack_record stack = { .id = 1,
					     .frame_count = 2,
					     .frames = { { 1, 64 }, { 1, 128 } } };

	session_record_put(&payload, &session);
	put_payload(chunks, CHUNK_SESSION);
	module_record_put(&payload, &module);
	put_payload(chunks, CHUNK_MODULES);
	target_record_put(&payload, &target);
	put_payload(chunks, CHUNK_TARGETS);
	thread_record_put(&payload, &thread);
	put_payload(chunks, CHUNK_THREADS);
	function_record_put(&payload, &function);
	put_payload(chunks, CHUNK_FUNCTIONS);
	stack_record_put(&payload, &stack);
	put_payload(chunks, CHUNK_STACKS);
}

/* Two blocks of one stack and one from the segment before, a mapping, and how much memory there is.
 */
static void put_calls(struct bytes_buffer *chunks)
{
	static const struct capture_event EVENTS[] = {
		{ .time_ns = 10,
		  .address = 64,
		  .size = 9,
		  .stack = 1,
		  .thread = 1,
		  .function = 1,
		  .kind = CAPTURE_ALLOC },
		{ .time_ns = 20,
		  .address = 128,
		  .size = 5000,
		  .stack = 1,
		  .thread = 1,
		  .function = 1,
		  .kind = CAPTURE_ALLOC },
		{ .time_ns = 30, .address = 64, .thread = 1, .function = 1, .kind = CAPTURE_FREE },
	};
	static const struct capture_event LIVE = { .time_ns = 1,
						   .address = 256,
						   .size = 77,
						   .stack = 1,
						   .thread = 1,
						   .kind = CAPTURE_ALLOC };
	static const struct mapping_record MAPPING = {
		.time_ns = 15, .thread = 1, .address = 8192, .size = 4096, .stack = 1
	};
	static const struct memory_record MEMORY = {
		.time_ns = 12, .pid = 7, .resident_bytes = 65536, .shared_bytes = 4096
	};

	capture_events_encode(&payload, &LIVE, 1);
	put_payload(chunks, CHUNK_LIVE);
	mapping_record_put(&payload, &MAPPING);
	put_payload(chunks, CHUNK_MAPPINGS);
	memory_record_put(&payload, &MEMORY);
	put_payload(chunks, CHUNK_MEMORY);
	capture_events_encode(&payload, EVENTS, sizeof(EVENTS) / sizeof(EVENTS[0]));
	put_payload(chunks, CHUNK_EVENTS);
	require(!chunks->failed && !payload.failed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct capture_verdict VERDICT = { .reason = "complete" };
	static struct bytes_buffer chunks;
	struct filter filter;
	struct model model;
	struct answer_context context = { .model = &model, .verdict = &VERDICT };

	json_object_seed(1);
	if (!chunks.size) {
		put_names(&chunks);
		put_calls(&chunks);
	}
	json_t *question = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (!question)
		return 0;
	if (!filter_parse(json_object_get(question, "filter"), &filter)) {
		require(chunks_read(&model, chunks.data, chunks.size, &filter) == 0);
		json_t *reply = answer(&context, question);
		require(reply);
		json_decref(reply);
		model_close(&model);
	}
	json_decref(question);
	return 0;
}
