// SPDX-License-Identifier: GPL-2.0-or-later
#include "capture/compress.h"

#include "base/bytes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <sys/resource.h>

#include <cmocka.h>

#define BLOCK	   131072 /* the most that one holds */
#define OUTPUT_MAX (32 * BLOCK)

#define SINGLE_SEGMENT 0x20
#define CONTENT_SIZE_8 0xc0

static struct compressor *compressor;
static uint8_t output[OUTPUT_MAX + 1];

static int set_up(void **state)
{
	(void)state;
	compressor = compressor_new();
	return compressor ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	compressor_free(compressor);
	return 0;
}

/* The head of a frame (RFC 8878): its window, or, where that is 0, its content's size. */
static struct bytes_buffer head(uint8_t window, uint64_t content)
{
	struct bytes_buffer frame = { 0 };

	bytes_put_le(&frame, 0xfd2fb528, 4);
	bytes_put_le(&frame, window ? 0 : CONTENT_SIZE_8 | SINGLE_SEGMENT, 1);
	if (window)
		bytes_put_le(&frame, window, 1);
	else
		bytes_put_le(&frame, content, 8);
	return frame;
}

/* Blocks of one byte, repeated. */
static void put_blocks(struct bytes_buffer *frame, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		bytes_put_le(frame, (uint64_t)BLOCK << 3 | 1 << 1 | (i + 1 == count), 3);
		bytes_put_le(frame, 'x', 1);
	}
}

/* Frees the frame. */
static int unpack(struct bytes_buffer *frame, size_t size)
{
	output[size] = '!';
	int err = compress_unpack(compressor, frame->data, frame->size, output, size);

	assert_int_equal(output[size], '!');
	bytes_free(frame);
	return err;
}

static int unpack_repeated(uint8_t window, uint64_t content, size_t blocks, size_t size)
{
	struct bytes_buffer frame = head(window, content);

	put_blocks(&frame, blocks);
	return unpack(&frame, size);
}

static void what_is_within_bounds_is_unpacked(void **state)
{
	(void)state;
	assert_int_equal(unpack_repeated(12 << 3, 0, 32, OUTPUT_MAX), 0);
	assert_int_equal(output[OUTPUT_MAX - 1], 'x');
	assert_int_equal(unpack_repeated(0, OUTPUT_MAX, 32, OUTPUT_MAX), 0);
	assert_int_equal(unpack_repeated(8 << 3 | 7, 0, 1, BLOCK), 0);
}

static void a_frame_yields_what_it_should_and_no_more(void **state)
{
	struct bytes_buffer frame = head(8 << 3, 0), second = head(8 << 3, 0);

	(void)state;
	assert_int_equal(unpack_repeated(8 << 3, 0, 2, BLOCK), -EBADMSG);
	assert_int_equal(unpack_repeated(8 << 3, 0, 2, 3 * BLOCK), -EBADMSG);
	assert_int_equal(unpack_repeated(0, 3 * BLOCK, 2, 2 * BLOCK), -EBADMSG);
	/* two frames, each of which is right */
	put_blocks(&frame, 1);
	put_blocks(&second, 1);
	bytes_put(&frame, second.data, second.size);
	bytes_free(&second);
	assert_int_equal(unpack(&frame, 2 * BLOCK), -EBADMSG);
	/* one that is to be skipped, and holds nothing */
	bytes_put_le(&frame, 0x184d2a50, 4);
	bytes_put_le(&frame, 0, 4);
	assert_int_equal(unpack(&frame, 0), -EBADMSG);
}

static void a_window_that_is_too_large_is_refused(void **state)
{
	(void)state;
	for (uint8_t window = (12 << 3) + 1; window; window++)
		assert_int_equal(unpack_repeated(window, 0, 1, BLOCK), -EBADMSG);
}

/* 30 GiB, which it says or not, cost nothing. */
static void a_bomb_takes_no_memory(void **state)
{
	struct rusage before, after;

	(void)state;
	getrusage(RUSAGE_SELF, &before);
	assert_int_equal(unpack_repeated(8 << 3, 0, 240000, BLOCK), -EBADMSG);
	assert_int_equal(unpack_repeated(0, 240000ull * BLOCK, 240000, BLOCK), -EBADMSG);
	assert_int_equal(unpack_repeated(0, 1ull << 62, 2, BLOCK), -EBADMSG);
	assert_int_equal(unpack_repeated(0, UINT64_MAX, 2, BLOCK), -EBADMSG);
	getrusage(RUSAGE_SELF, &after);
	assert_in_range(after.ru_maxrss - before.ru_maxrss, 0, 16 << 10); /* KiB */
}

static void a_frame_that_is_cut_is_refused(void **state)
{
	struct bytes_buffer frame = head(8 << 3, 0);

	(void)state;
	put_blocks(&frame, 3);
	for (size_t size = 0; size < frame.size; size++)
		assert_int_equal(compress_unpack(compressor, frame.data, size, output, 3 * BLOCK),
				 -EBADMSG);
	assert_int_equal(unpack(&frame, 3 * BLOCK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_within_bounds_is_unpacked),
		cmocka_unit_test(a_frame_yields_what_it_should_and_no_more),
		cmocka_unit_test(a_window_that_is_too_large_is_refused),
		cmocka_unit_test(a_bomb_takes_no_memory),
		cmocka_unit_test(a_frame_that_is_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
