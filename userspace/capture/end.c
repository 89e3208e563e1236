// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/end.h"

void end_record_put(struct bytes_buffer *out, const struct end_record *record)
{
	const uint64_t fields[] = { record->duration_ns,    record->events_written,
				    record->events_emitted, record->events_lost,
				    record->live_bytes,	    record->live_blocks,
				    record->peak_bytes,	    record->peak_time_ns };

	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		bytes_put_varint(out, fields[i]);
	bytes_put_string(out, record->reason);
	bytes_put_varint(out, record->summary_chunks);
}

bool end_record_get(struct bytes_reader *in, struct end_record *record)
{
	uint64_t *const fields[] = { &record->duration_ns,    &record->events_written,
				     &record->events_emitted, &record->events_lost,
				     &record->live_bytes,     &record->live_blocks,
				     &record->peak_bytes,     &record->peak_time_ns };

	*record = (struct end_record) { 0 };
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		*fields[i] = bytes_get_varint(in);
	uint64_t size = bytes_get_varint(in);
	const uint8_t *reason = size < sizeof(record->reason) ? bytes_get(in, (size_t)size) : NULL;
	if (!reason)
		return false;
	memcpy(record->reason, reason, (size_t)size);
	/* earlier recorders wrote no summary */
	record->summary_chunks = bytes_left(in) ? bytes_get_varint(in) : 0;
	return !in->failed;
}

bool end_totals_get(const void *payload, size_t size, struct end_record *record)
{
	struct bytes_reader in = bytes_reader_on(payload, size);
	uint64_t totals_size = bytes_get_varint(&in);
	const uint8_t *totals = bytes_get(&in, totals_size > bytes_left(&in) ? SIZE_MAX
									     : (size_t)totals_size);
	struct bytes_reader inner = bytes_reader_on(totals, totals ? (size_t)totals_size : 0);

	return totals && end_record_get(&inner, record);
}
