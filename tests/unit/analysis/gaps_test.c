// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/gaps.h"

#include "analysis/frames.h"
#include "base/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
	NAMED = 1,
	WITHOUT_LINES,
	WITHOUT_NAMES,
	WITHOUT_BUILD_ID,
	MODULE_END
};

static struct model model;

static void feed(enum chunk_type type, struct bytes_buffer *out)
{
	assert_false(out->failed);
	assert_int_equal(model_feed(&model, type, out->data, out->size), 0);
	bytes_free(out);
}

static void put_names(struct bytes_buffer *out, uint64_t offset, const struct name *name)
{
	struct names_writer *writer = names_writer_new();

	assert_true(names_writer_add(writer, offset, name, 1));
	assert_true(names_writer_finish(writer, out));
	names_writer_free(writer);
}

static void put_stack(struct bytes_buffer *out)
{
	static struct stack_record stack = { .id = 1, .frame_count = 5 };

	for (uint32_t i = 0; i < 5; i++)
		stack.frames[i] = (struct record_frame) { i + 1 < 5 ? i + 1 : WITHOUT_NAMES,
							  i + 1 < 5 ? 100 : 50 };
	stack_record_put(out, &stack);
}

static int set_up(void **state)
{
	struct bytes_buffer out = { 0 };

	(void)state;
	assert_int_equal(model_open(&model, &(struct filter)FILTER_NONE), 0);
	for (uint32_t id = NAMED; id < MODULE_END; id++)
		module_record_put(&out, &(struct module_record) {
						.id = id,
						.path = (char *)"/bin/a",
						.note = (char *)"",
						.build_id_size = id == WITHOUT_BUILD_ID ? 0 : 2,
						.build_id = { 0xab, (uint8_t)id } });
	feed(CHUNK_MODULES, &out);
	for (uint32_t id = NAMED; id <= WITHOUT_LINES; id++) {
		bytes_put_varint(&out, id);
		put_names(&out, 100, &(struct name) { "work", "", id == NAMED ? 7 : 0 });
		feed(CHUNK_NAMES, &out);
	}
	put_stack(&out);
	feed(CHUNK_STACKS, &out);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	model_close(&model);
	return 0;
}

static void modules_without_functions_or_lines_are_gaps(void **state)
{
	json_t *gaps = gaps_find(&model);
	json_t *wanted = json_loads(
		"{\"modules\": ["
		"{\"module\": 2, \"build_id\": \"ab02\", \"offsets\": [100]},"
		"{\"module\": 3, \"build_id\": \"ab03\", \"offsets\": [50, 100]}]}",
		0, NULL);

	(void)state;
	assert_non_null(wanted);
	assert_true(json_equal(gaps, wanted));
	json_decref(gaps);
	json_decref(wanted);
}

static bool fill(json_int_t module, const char *hex)
{
	json_t *question = json_pack("{s:I, s:s}", "module", module, "names", hex);
	json_t *answer = gaps_fill(&model, question);
	bool is_filled = answer && !json_object_get(answer, "error");

	json_decref(question);
	json_decref(answer);
	return is_filled;
}

static void names_from_elsewhere_come_first(void **state)
{
	const struct record_frame frame = { WITHOUT_LINES, 100 };
	struct named_frame names[NAMES_INLINE_MAX];
	struct bytes_buffer payload = { 0 };
	char hex[512];

	(void)state;
	put_names(&payload, 100, &(struct name) { "worker", "a.c", 12 });
	assert_true(fill(WITHOUT_LINES, text_hex(hex, payload.data, payload.size)));
	assert_int_equal(frame_names(&model, &frame, names), 1);
	assert_string_equal(names[0].function, "worker");
	assert_int_equal(names[0].line, 12);
	/* what they do not say, the capture still says */
	put_names((bytes_free(&payload), &payload), 99, &(struct name) { "other", "", 0 });
	assert_true(fill(NAMED, text_hex(hex, payload.data, payload.size)));
	assert_int_equal(frame_names(&model, &(struct record_frame) { NAMED, 100 }, names), 1);
	assert_string_equal(names[0].function, "work");
	bytes_free(&payload);
}

static void what_are_no_names_is_refused(void **state)
{
	(void)state;
	assert_false(fill(WITHOUT_NAMES, ""));
	assert_false(fill(WITHOUT_NAMES, "0"));
	assert_false(fill(WITHOUT_NAMES, "zz"));
	assert_false(fill(WITHOUT_NAMES, "ff00"));
	assert_false(fill(0, "0000"));
	assert_false(fill(-1, "0000"));
	assert_false(fill(1 << 20, "0000"));
	assert_true(fill(WITHOUT_NAMES, "0000"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(modules_without_functions_or_lines_are_gaps, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(names_from_elsewhere_come_first, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_are_no_names_is_refused, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
