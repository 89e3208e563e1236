// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/model.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <cmocka.h>

#define LARGEST (1u << 26)

/* What a model says to a record of the stack with this id. */
static int feed_stack(struct model *model, uint32_t id)
{
	static struct stack_record record = { .frame_count = 1, .frames = { { 0, 4096 } } };
	struct bytes_buffer out = { 0 };

	record.id = id;
	stack_record_put(&out, &record);
	int err = model_feed(model, CHUNK_STACKS, out.data, out.size);
	bytes_free(&out);
	return err;
}

static void a_large_id_takes_little_memory(void **state)
{
	static const struct filter NONE = FILTER_NONE;
	struct model model;
	struct rusage usage;

	(void)state;
#ifdef HEAPTRAIL_SANITIZE /* it writes to all that is allocated */
	skip();
#endif
	assert_int_equal(model_open(&model, &NONE), 0);
	assert_int_equal(feed_stack(&model, 7), 0);
	int err = feed_stack(&model, LARGEST);
	/* not everywhere can so much be had, be it used or not */
	if (err)
		assert_int_equal(err, -ENOMEM);
	else
		assert_true(model.stacks[LARGEST].is_known);
	assert_true(model.stacks[7].is_known);
	assert_int_equal(model.stacks[7].frames[0].offset, 4096);
	assert_int_equal(getrusage(RUSAGE_SELF, &usage), 0);
	assert_in_range(usage.ru_maxrss, 1, 256 * 1024);
	model_close(&model);
}

static void an_id_that_no_recorder_gives_out_is_refused(void **state)
{
	static const struct filter NONE = FILTER_NONE;
	struct model model;

	(void)state;
	assert_int_equal(model_open(&model, &NONE), 0);
	assert_int_equal(feed_stack(&model, LARGEST + 1), -EBADMSG);
	assert_int_equal(feed_stack(&model, UINT32_MAX), -EBADMSG);
	assert_int_equal(model.stack_count, 0);
	model_close(&model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_id_takes_little_memory),
		cmocka_unit_test(an_id_that_no_recorder_gives_out_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
