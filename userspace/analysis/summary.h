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

/* Of a model without a filter that is finished and knows its end. 0, -ENOMEM, or the sink's error.
 */
int summary_put(struct model *model, summary_sink *sink, void *context);

/* One payload, into a model that is fed no events and was fed the session. 0, -EBADMSG, -ENOMEM. */
int summary_get(struct model *model, struct bytes_reader *in);

#endif
