// SPDX-License-Identifier: GPL-2.0-or-later
/* What somebody without any right asks about a capture: text that should be JSON. */
#include "analysis/answer.h"
#include "analysis/filter.h"
#include "tests/fuzz/fuzz.h"

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
		json_t *reply = answer(&context, question);
		require(reply);
		json_decref(reply);
		model_close(&model);
	}
	json_decref(question);
	return 0;
}
