/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Chunks as bytes, each a type and a size (two bytes) before its payload, and what the reader makes
 * of them: workers/reader.c, without a capture around it. */
#ifndef HEAPTRAIL_TESTS_CHUNKS_H
#define HEAPTRAIL_TESTS_CHUNKS_H

#include "analysis/model.h"
#include "analysis/summary.h"
#include "tests/fuzz/fuzz.h"

enum chunks_part {
	CHUNKS_ALL,
	CHUNKS_OF_NAMES,
	CHUNKS_OF_REST,
	CHUNKS_OF_SUMMARY
};

/* What earlier passes have found out. */
struct chunks_moment {
	uint64_t end_ns, to_event, to_ns;
};

static inline void chunks_put(struct bytes_buffer *chunks, enum chunk_type type,
			      const struct bytes_buffer *payload)
{
	bytes_put_le(chunks, type, 1);
	bytes_put_le(chunks, payload->size, 2);
	bytes_put(chunks, payload->data, payload->size);
}

static inline int chunks_feed(struct model *model, const uint8_t *data, size_t size,
			      enum chunks_part part)
{
	struct bytes_reader in = bytes_reader_on(data, size);
	int err = 0;

	while (!err && !in.failed && bytes_left(&in)) {
		uint8_t type = bytes_get_u8(&in);
		uint16_t length = bytes_get_u16(&in);
		if (length > bytes_left(&in))
			length = (uint16_t)bytes_left(&in);
		const uint8_t *payload = bytes_get(&in, length);
		bool is_name = type == CHUNK_STACKS || type == CHUNK_MODULES || type == CHUNK_NAMES;
		bool is_wanted = part == CHUNKS_OF_SUMMARY
					 ? !summary_covers(type)
					 : part == CHUNKS_ALL ||
						   is_name == (part == CHUNKS_OF_NAMES);
		if (is_wanted)
			err = model_feed(model, type, payload, length);
	}
	return err;
}

static inline int chunks_pass(struct model *model, const uint8_t *data, size_t size,
			      const struct filter *filter, const struct chunks_moment *moment)
{
	bool has_names = filter_needs_names(filter);
	int err = 0;

	require(model_open(model, filter) == 0);
	require(model_count_tags(model) == 0);
	model->end_ns = moment->end_ns;
	model->to_event = moment->to_event;
	model->to_ns = moment->to_ns;
	if (has_names)
		err = chunks_feed(model, data, size, CHUNKS_OF_NAMES);
	return err ? err : chunks_feed(model, data, size, has_names ? CHUNKS_OF_REST : CHUNKS_ALL);
}

/* The moments that the filter names become times; 0 where there are none. */
static inline int chunks_find_moments(struct model *model, const uint8_t *data, size_t size,
				      struct filter *filter)
{
	struct chunks_moment moment = { 0 };
	int err = chunks_pass(model, data, size, filter, &moment);

	if (filter->from_mark[0])
		filter->from_ns = model->from_mark_ns;
	if (filter->to_mark[0])
		filter->to_ns = model->to_mark_ns;
	if (!err)
		model_close(model);
	return err;
}

/* As many passes as the filter needs; model_close() is the caller's, on an error, too. */
static inline int chunks_read(struct model *model, const uint8_t *data, size_t size,
			      const struct filter *asked)
{
	static const struct filter EVERYTHING = FILTER_NONE;
	struct filter resolved = *asked, *filter = &resolved;
	struct chunks_moment moment = { 0 };
	int err;

	if (filter_needs_marks(filter)) {
		err = chunks_find_moments(model, data, size, filter);
		if (err)
			return err;
	}

	if (filter_needs_end(filter)) {
		err = chunks_pass(model, data, size, &EVERYTHING, &moment);
		moment.end_ns = model_end_ns(model);
		if (err)
			return err;
		model_close(model);
	}
	if (filter->at_peak) {
		err = chunks_pass(model, data, size, filter, &moment);
		moment.to_event = model->peak_event;
		moment.to_ns = model_totals(model)->peak_time_ns;
		if (err)
			return err;
		model_close(model);
	}
	return chunks_pass(model, data, size, filter, &moment);
}

#endif
