// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What a reader makes of a capture: the bytes are chunks, each a type and a size (two bytes) before
 * its payload; the first byte says what is asked then. The answers are JSON that can be printed.
 */
#include "analysis/answer.h"
#include "tests/fuzz/fuzz.h"

static const char *const QUESTIONS[] = {
	"{\"ask\":\"report\",\"sort\":\"live\",\"limit\":0,\"from\":0,\"tree\":false}",
	"{\"ask\":\"report\",\"sort\":\"peak\",\"limit\":3,\"from\":1,\"tree\":true}",
	"{\"ask\":\"report\",\"sort\":\"temporary\",\"limit\":0,\"from\":0,\"tree\":true}",
	"{\"ask\":\"gaps\"}",
};

static const struct filter FILTERS[] = {
	FILTER_NONE,
	{ .is_set = true, .pid = 7, .size_max = 4096, .from_ns = 5, .to_ns = 1000000 },
	{ .is_set = true, .size_max = UINT64_MAX, .to_ns = UINT64_MAX, .function = "*main*" },
	{ .is_set = true, .size_max = UINT64_MAX, .to_ns = UINT64_MAX, .module = "lib*" },
	{ .is_set = true, .size_max = UINT64_MAX, .to_ns = UINT64_MAX, .thread = "w?rker" },
};

static void ask(struct model *model, const char *text)
{
	static const struct capture_verdict VERDICT = { .reason = "complete" };
	struct answer_context context = { .model = model, .verdict = &VERDICT };
	json_t *question = json_loads(text, 0, NULL), *reply;

	require(question);
	reply = answer(&context, question);
	require(reply);
	char *document = json_dumps(reply, JSON_COMPACT);
	require(document);
	free(document);
	json_decref(reply);
	json_decref(question);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes_reader in = bytes_reader_on(data, size);
	struct model model;
	uint8_t what = bytes_get_u8(&in);
	int err = model_open(&model, &FILTERS[what % (sizeof(FILTERS) / sizeof(FILTERS[0]))]);

	json_object_seed(1);
	require(!err);
	while (!err && !in.failed && bytes_left(&in)) {
		uint8_t type = bytes_get_u8(&in);
		uint16_t length = bytes_get_u16(&in);
		if (length > bytes_left(&in))
			length = (uint16_t)bytes_left(&in);
		err = model_feed(&model, type, bytes_get(&in, length), length);
	}
	if (!err)
		for (size_t i = 0; i < sizeof(QUESTIONS) / sizeof(QUESTIONS[0]); i++)
			ask(&model, QUESTIONS[i]);
	model_close(&model);
	return 0;
}
