/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answers to questions about a capture, as JSON documents whose fields are documented in
 * docs/report-json.md. */
#ifndef HEAPTRAIL_ANALYSIS_ANSWER_H
#define HEAPTRAIL_ANALYSIS_ANSWER_H

#include "analysis/model.h"
#include "capture/read.h"

#include <jansson.h>

/* What the model does not know of the capture. */
struct answer_context {
	struct model *model;
	const struct capture_verdict *verdict;
	char id[33];   /* hex */
	char host[65]; /* hex of the host key */
	char series[33];
	uint32_t segment;
};

/*
 * {"ask": "events"} is the reader's own (workers/reader.h).
 * {"ask": "gaps"} and {"ask": "fill", …}: analysis/gaps.h.
 * {"ask": "report", "sort": "live", "limit": 0, "from": 0, "tree": false} → the report. A new
 * reference, or NULL: out of memory. A question that is not understood is answered with {"error":
 * …}.
 */
json_t *answer(const struct answer_context *context, const json_t *question);

#endif
