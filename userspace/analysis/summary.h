/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a model has summed up, as the SUMMARY chunks of a capture hold it (docs/capture-format.md).
 * The recorder, whose model is fed what it writes, writes it before the End chunk: whoever asks
 * about the whole capture need not apply all its events once more.
 */
#ifndef HEAPTRAIL_ANALYSIS_SUMMARY_H
#define HEAPTRAIL_ANALYSIS_SUMMARY_H

#include "analysis/model.h"
#include "base/bytes.h"

/* Takes a payload, which fits into a chunk. 0 or -errno, which ends it. */
typedef int summary_sink(void *context, const struct bytes_buffer *payload);

/* What is summed up: who is fed the summary need not be fed these. */
bool summary_covers(enum chunk_type type);

/* CHECKPOINT chunks: what lived at one moment. */
struct checkpoint {
	uint64_t sequence, chunks; /* of the first one; how many */
	uint64_t latest_ns;	   /* of the times of all that was told before */
	uint64_t earliest_ns;	   /* of all that was told after; UINT64_MAX: nothing was */
};

/* Of a model without a filter that is finished and knows its end; and of a capture with these. 0,
 * -ENOMEM, or the sink's error. */
int summary_put(struct model *model, const struct checkpoint *checkpoints, size_t count,
		summary_sink *sink, void *context);

/* One payload, into a model that is fed no events and was fed the session. 0, -EBADMSG, -ENOMEM. */
int summary_get(struct model *model, struct bytes_reader *in);

/* Appends the checkpoints that a payload tells of; the caller frees *checkpoints. 0, -EBADMSG,
 * -ENOMEM. */
int summary_get_checkpoints(struct bytes_reader *in, struct checkpoint **checkpoints,
			    size_t *count);

#endif
