// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/records.h"

#define RECORD_COMM_MAX 64

_Static_assert(CENSUS_FIELD_COUNT <= RECORD_REASONS_MAX, "a census fits into a record");

/* Ids and counts are 32 bits in memory; a larger one in the file is malformed. */
static uint32_t get_u32(struct bytes_reader *in)
{
	uint64_t value = bytes_get_varint(in);

	in->failed |= value > UINT32_MAX;
	return (uint32_t)value;
}

/* Is there another record? */
static bool begins(struct bytes_reader *in)
{
	return !in->failed && bytes_left(in);
}

void stack_record_put(struct bytes_buffer *out, const struct stack_record *record)
{
	uint64_t last[2] = {
		0
	}; /* offsets of neighbours in one module are close; two modules alternate */

	bytes_put_varint(out, record->id);
	bytes_put_le(out, record->status, 1);
	bytes_put_varint(out, record->frame_count);
	for (uint32_t i = 0; i < record->frame_count; i++) {
		const struct record_frame *frame = &record->frames[i];
		bytes_put_varint(out, frame->module);
		bytes_put_signed(out, (int64_t)(frame->offset - last[frame->module & 1]));
		last[frame->module & 1] = frame->offset;
	}
}

bool stack_record_get(struct bytes_reader *in, struct stack_record *record)
{
	uint64_t last[2] = { 0 };

	if (!begins(in))
		return false;
	record->id = get_u32(in);
	record->status = bytes_get_u8(in);
	record->frame_count = get_u32(in);
	in->failed |= record->frame_count > RECORD_FRAMES_MAX;
	for (uint32_t i = 0; !in->failed && i < record->frame_count; i++) {
		struct record_frame *frame = &record->frames[i];
		frame->module = get_u32(in);
		frame->offset = last[frame->module & 1] + (uint64_t)bytes_get_signed(in);
		last[frame->module & 1] = frame->offset;
	}
	return !in->failed;
}

void stack_record_free(struct stack_record *record)
{
	(void)record;
}

void module_record_put(struct bytes_buffer *out, const struct module_record *record)
{
	bytes_put_varint(out, record->id);
	bytes_put_varint(out, record->build_id_size);
	bytes_put(out, record->build_id, record->build_id_size);
	bytes_put_varint(out, record->inode);
	bytes_put_varint(out, record->size_bytes);
	bytes_put_string(out, record->path);
	bytes_put_string(out, record->note);
}

bool module_record_get(struct bytes_reader *in, struct module_record *record)
{
	*record = (struct module_record) { 0 };
	if (!begins(in))
		return false;
	record->id = get_u32(in);
	uint64_t size = bytes_get_varint(in);
	const uint8_t *build_id = size <= RECORD_BUILD_ID_MAX ? bytes_get(in, (size_t)size) : NULL;
	in->failed |= !build_id;
	if (build_id && size)
		memcpy(record->build_id, build_id, (size_t)size);
	record->build_id_size = (uint8_t)size;
	record->inode = bytes_get_varint(in);
	record->size_bytes = bytes_get_varint(in);
	record->path = bytes_get_string(in, RECORD_STRING_MAX);
	record->note = bytes_get_string(in, RECORD_STRING_MAX);
	if (record->path && record->note)
		return true;
	in->failed = true;
	module_record_free(record);
	return false;
}

void module_record_free(struct module_record *record)
{
	free(record->path);
	free(record->note);
	record->path = record->note = NULL;
}

void target_record_put(struct bytes_buffer *out, const struct target_record *record)
{
	bytes_put_varint(out, record->id);
	bytes_put_varint(out, record->pid);
	bytes_put_string(out, record->comm);
	bytes_put_string(out, record->exe);
}

bool target_record_get(struct bytes_reader *in, struct target_record *record)
{
	*record = (struct target_record) { 0 };
	if (!begins(in))
		return false;
	record->id = get_u32(in);
	record->pid = get_u32(in);
	record->comm = bytes_get_string(in, RECORD_COMM_MAX);
	record->exe = bytes_get_string(in, RECORD_STRING_MAX);
	if (record->comm && record->exe)
		return true;
	in->failed = true;
	target_record_free(record);
	return false;
}

void target_record_free(struct target_record *record)
{
	free(record->comm);
	free(record->exe);
	record->comm = record->exe = NULL;
}

void thread_record_put(struct bytes_buffer *out, const struct thread_record *record)
{
	bytes_put_varint(out, record->id);
	bytes_put_varint(out, record->pid);
	bytes_put_varint(out, record->tid);
	bytes_put_varint(out, record->program);
	bytes_put_le(out, record->inherits, 1);
	bytes_put_string(out, record->comm);
}

bool thread_record_get(struct bytes_reader *in, struct thread_record *record)
{
	*record = (struct thread_record) { 0 };
	if (!begins(in))
		return false;
	record->id = get_u32(in);
	record->pid = get_u32(in);
	record->tid = get_u32(in);
	record->program = get_u32(in);
	record->inherits = bytes_get_u8(in);
	record->comm = bytes_get_string(in, RECORD_COMM_MAX);
	return record->comm;
}

void thread_record_free(struct thread_record *record)
{
	free(record->comm);
	record->comm = NULL;
}

void function_record_put(struct bytes_buffer *out, const struct function_record *record)
{
	bytes_put_varint(out, record->id);
	bytes_put_varint(out, record->module);
	bytes_put_varint(out, record->entry_offset);
	bytes_put_varint(out, record->site_offset);
	bytes_put_le(out, record->is_emulated, 1);
	bytes_put_string(out, record->name);
	bytes_put_string(out, record->instruction);
}

bool function_record_get(struct bytes_reader *in, struct function_record *record)
{
	*record = (struct function_record) { 0 };
	if (!begins(in))
		return false;
	record->id = get_u32(in);
	record->module = get_u32(in);
	record->entry_offset = bytes_get_varint(in);
	record->site_offset = bytes_get_varint(in);
	record->is_emulated = bytes_get_u8(in);
	record->name = bytes_get_string(in, RECORD_STRING_MAX);
	record->instruction = bytes_get_string(in, RECORD_STRING_MAX);
	if (record->name && record->instruction)
		return true;
	in->failed = true;
	function_record_free(record);
	return false;
}

void function_record_free(struct function_record *record)
{
	free(record->name);
	free(record->instruction);
	record->name = record->instruction = NULL;
}

void session_record_put(struct bytes_buffer *out, const struct session_record *record)
{
	bytes_put_varint(out, record->start_unix_ns);
	bytes_put_varint(out, record->sampling_bytes);
	bytes_put_le(out, record->has_free_stacks, 1);
	bytes_put_string(out, record->host);
	bytes_put_string(out, record->kernel);
	bytes_put_string(out, record->tool_version);
	bytes_put_string(out, record->mode);
	bytes_put_varint(out, record->begin_ns);
}

bool session_record_get(struct bytes_reader *in, struct session_record *record)
{
	*record = (struct session_record) { 0 };
	if (!begins(in))
		return false;
	record->start_unix_ns = bytes_get_varint(in);
	record->sampling_bytes = bytes_get_varint(in);
	record->has_free_stacks = bytes_get_u8(in);
	record->host = bytes_get_string(in, RECORD_STRING_MAX);
	record->kernel = bytes_get_string(in, RECORD_STRING_MAX);
	record->tool_version = bytes_get_string(in, RECORD_STRING_MAX);
	record->mode = bytes_get_string(in, RECORD_STRING_MAX);
	bool is_whole = record->host && record->kernel && record->tool_version && record->mode;
	/* earlier versions did not write it */
	if (is_whole && bytes_left(in))
		record->begin_ns = bytes_get_varint(in);
	if (is_whole && !in->failed)
		return true;
	in->failed = true;
	session_record_free(record);
	return false;
}

void session_record_free(struct session_record *record)
{
	free(record->host);
	free(record->kernel);
	free(record->tool_version);
	free(record->mode);
	record->host = record->kernel = record->tool_version = record->mode = NULL;
}

static void put_sums(struct bytes_buffer *out, const uint64_t *sums, uint32_t count)
{
	bytes_put_varint(out, count);
	for (uint32_t i = 0; i < count; i++)
		bytes_put_varint(out, sums[i]);
}

static void get_sums(struct bytes_reader *in, uint64_t *sums, uint32_t *count)
{
	*count = get_u32(in);
	in->failed |= *count > RECORD_REASONS_MAX;
	for (uint32_t i = 0; !in->failed && i < *count; i++)
		sums[i] = bytes_get_varint(in);
}

void counters_record_put(struct bytes_buffer *out, const struct counters_record *record)
{
	bytes_put_varint(out, record->time_ns);
	bytes_put_varint(out, record->emitted);
	put_sums(out, record->lost, record->loss_count);
	bytes_put_varint(out, record->stacks_lost);
	bytes_put_varint(out, record->threads_lost);
	put_sums(out, record->stack_status, record->status_count);
}

bool counters_record_get(struct bytes_reader *in, struct counters_record *record)
{
	*record = (struct counters_record) { 0 };
	if (!begins(in))
		return false;
	record->time_ns = bytes_get_varint(in);
	record->emitted = bytes_get_varint(in);
	get_sums(in, record->lost, &record->loss_count);
	record->stacks_lost = bytes_get_varint(in);
	record->threads_lost = bytes_get_varint(in);
	get_sums(in, record->stack_status, &record->status_count);
	return !in->failed;
}

void counters_record_free(struct counters_record *record)
{
	(void)record;
}

void census_record_put(struct bytes_buffer *out, const struct census_record *record)
{
	uint64_t numbers[CENSUS_FIELD_COUNT];

	memcpy(numbers, &record->census, sizeof(numbers));
	bytes_put_varint(out, record->time_ns);
	bytes_put_varint(out, record->pid);
	bytes_put_le(out, record->moment, 1);
	put_sums(out, numbers, CENSUS_FIELD_COUNT);
}

/* A later version may know more numbers. */
bool census_record_get(struct bytes_reader *in, struct census_record *record)
{
	uint64_t numbers[RECORD_REASONS_MAX] = { 0 };
	uint32_t count;

	*record = (struct census_record) { 0 };
	if (!begins(in))
		return false;
	record->time_ns = bytes_get_varint(in);
	record->pid = get_u32(in);
	record->moment = bytes_get_u8(in);
	get_sums(in, numbers, &count);
	memcpy(&record->census, numbers, sizeof(record->census));
	return !in->failed;
}

void census_record_free(struct census_record *record)
{
	(void)record;
}

void mapping_record_put(struct bytes_buffer *out, const struct mapping_record *record)
{
	bytes_put_varint(out, record->time_ns);
	bytes_put_varint(out, record->duration_ns);
	bytes_put_varint(out, record->thread);
	bytes_put_le(out, record->function, 1);
	bytes_put_le(out, record->flags, 1);
	bytes_put_varint(out, record->old_address);
	bytes_put_varint(out, record->old_size);
	bytes_put_varint(out, record->address);
	bytes_put_varint(out, record->size);
	bytes_put_varint(out, record->stack);
}

bool mapping_record_get(struct bytes_reader *in, struct mapping_record *record)
{
	*record = (struct mapping_record) { 0 };
	if (!begins(in))
		return false;
	record->time_ns = bytes_get_varint(in);
	record->duration_ns = get_u32(in);
	record->thread = get_u32(in);
	record->function = bytes_get_u8(in);
	record->flags = bytes_get_u8(in);
	record->old_address = bytes_get_varint(in);
	record->old_size = bytes_get_varint(in);
	record->address = bytes_get_varint(in);
	record->size = bytes_get_varint(in);
	record->stack = get_u32(in);
	return !in->failed;
}

void mapping_record_free(struct mapping_record *record)
{
	(void)record;
}

void memory_record_put(struct bytes_buffer *out, const struct memory_record *record)
{
	bytes_put_varint(out, record->time_ns);
	bytes_put_varint(out, record->pid);
	bytes_put_varint(out, record->resident_bytes);
	bytes_put_varint(out, record->shared_bytes);
}

bool memory_record_get(struct bytes_reader *in, struct memory_record *record)
{
	*record = (struct memory_record) { 0 };
	if (!begins(in))
		return false;
	record->time_ns = bytes_get_varint(in);
	record->pid = get_u32(in);
	record->resident_bytes = bytes_get_varint(in);
	record->shared_bytes = bytes_get_varint(in);
	return !in->failed;
}

void memory_record_free(struct memory_record *record)
{
	(void)record;
}

void mark_record_put(struct bytes_buffer *out, const struct mark_record *record)
{
	bytes_put_varint(out, record->time_ns);
	bytes_put_varint(out, record->thread);
	bytes_put_le(out, record->what, 1);
	bytes_put_varint(out, record->events);
	bytes_put_varint(out, record->depth);
	bytes_put_string(out, record->name);
}

bool mark_record_get(struct bytes_reader *in, struct mark_record *record)
{
	*record = (struct mark_record) { 0 };
	if (!begins(in))
		return false;
	record->time_ns = bytes_get_varint(in);
	record->thread = get_u32(in);
	record->what = bytes_get_u8(in);
	record->events = bytes_get_varint(in);
	record->depth = get_u32(in);
	record->name = bytes_get_string(in, RECORD_MARK_NAME_MAX);
	if (record->name)
		return true;
	in->failed = true;
	return false;
}

void mark_record_free(struct mark_record *record)
{
	free(record->name);
	record->name = NULL;
}

void cgroup_record_put(struct bytes_buffer *out, const struct cgroup_record *record)
{
	bytes_put_varint(out, record->target);
	bytes_put_string(out, record->path);
}

bool cgroup_record_get(struct bytes_reader *in, struct cgroup_record *record)
{
	*record = (struct cgroup_record) { 0 };
	if (!begins(in))
		return false;
	record->target = get_u32(in);
	record->path = bytes_get_string(in, RECORD_STRING_MAX);
	if (record->path)
		return true;
	in->failed = true;
	return false;
}

void cgroup_record_free(struct cgroup_record *record)
{
	free(record->path);
	record->path = NULL;
}
