// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The payloads that are runs of records; the first byte says of which kind. What is read and
 * written again is read and written the same a second time.
 */
#include "capture/end.h"
#include "capture/records.h"
#include "tests/fuzz/fuzz.h"

static void end_record_free(struct end_record *record)
{
	(void)record;
}

/* Reads all there are, and writes them. */
#define COPY(noun)                                                                       \
	static void copy_##noun(const void *data, size_t size, struct bytes_buffer *out) \
	{                                                                                \
		static struct noun record;                                               \
		struct bytes_reader in = bytes_reader_on(data, size);                    \
                                                                                         \
		while (bytes_left(&in) && noun##_get(&in, &record)) {                    \
			noun##_put(out, &record);                                        \
			noun##_free(&record);                                            \
		}                                                                        \
	}

COPY(stack_record)
COPY(module_record)
COPY(target_record)
COPY(thread_record)
COPY(function_record)
COPY(session_record)
COPY(counters_record)
COPY(census_record)
COPY(mapping_record)
COPY(end_record)
COPY(memory_record)
COPY(mark_record)
COPY(cgroup_record)

typedef void copy_fn(const void *data, size_t size, struct bytes_buffer *out);

static copy_fn *const COPIES[] = {
	copy_stack_record,    copy_module_record,  copy_target_record,	 copy_thread_record,
	copy_function_record, copy_session_record, copy_counters_record, copy_census_record,
	copy_mapping_record,  copy_end_record,	   copy_memory_record,	 copy_mark_record,	   copy_cgroup_record,
};

#define KINDS (sizeof(COPIES) / sizeof(COPIES[0]))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes_buffer once = { 0 }, twice = { 0 };
	copy_fn *copy = COPIES[take_byte(&data, &size) % KINDS];

	copy(data, size, &once);
	copy(once.data, once.size, &twice);
	require(once.size == twice.size);
	require(!once.size || memcmp(once.data, twice.data, once.size) == 0);
	bytes_free(&once);
	bytes_free(&twice);
	return 0;
}
