// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/wrapping.h"

#include "base/io.h"
#include "keys/age.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define AGE    "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
#define PLUGIN "age1twin1uqa75zvdelshhhj5896j9rs3affmrg3ggvd6uruymv7hxxlwqlqs25ylgd"

static const uint8_t SECRET[64] = "what a program gets to wrap";

/* What comes of a program that has written this, and what it has read. */
static int wrap(const void *written, size_t size, uint8_t *read_secret, struct bytes_buffer *out)
{
	struct wrapping wrapping;
	int in[2], from[2];

	assert_int_equal(wrapping_prepare(&wrapping, PLUGIN), 0);
	assert_int_equal(pipe(in), 0);
	assert_int_equal(pipe(from), 0);
	assert_int_equal(io_write(from[1], written, size), 0);
	close(from[1]);
	/* one that has gone has closed what it reads */
	if (!read_secret)
		io_close(&in[0]);
	wrapping.to = in[1];
	wrapping.from = from[0];
	int err = wrapping_wrap(&wrapping, SECRET, sizeof(SECRET), out);
	assert_true(wrapping.to == -1 && wrapping.from == -1);
	if (read_secret) {
		assert_int_equal(io_read(in[0], read_secret, sizeof(SECRET)), 0);
		/* nothing follows */
		assert_int_equal(read(in[0], read_secret, 1), 0);
	}
	io_close(&in[0]);
	return err;
}

static struct bytes_buffer age_file(size_t secret_size)
{
	static const uint8_t ZEROS[128];
	struct bytes_buffer file = { 0 };
	struct recipient recipient;

	assert_int_equal(recipient_parse(AGE, &recipient), 0);
	assert_int_equal(age_wrap(&recipient, ZEROS, secret_size, &file), 0);
	return file;
}

static void what_a_program_makes_is_taken_as_it_is(void **state)
{
	struct bytes_buffer file = age_file(sizeof(SECRET)), out = { 0 };
	uint8_t secret[sizeof(SECRET)];

	(void)state;
	assert_int_equal(wrap(file.data, file.size, secret, &out), 0);
	assert_int_equal(out.size, file.size);
	assert_memory_equal(out.data, file.data, file.size);
	bytes_free(&out);
	bytes_free(&file);
}

static void what_is_no_age_file_for_it_is_refused(void **state)
{
	static uint8_t large[2 * WRAPPING_FILE_MAX];
	struct bytes_buffer file = age_file(sizeof(SECRET)), shorter = age_file(63), out = { 0 };
	uint8_t secret[sizeof(SECRET)];

	(void)state;
	assert_int_equal(wrap("", 0, secret, &out), -EPROTO);
	assert_int_equal(wrap("rubbish\n", 8, secret, &out), -EPROTO);
	assert_int_equal(wrap(shorter.data, shorter.size, secret, &out), -EPROTO);
	for (size_t size = 0; size < file.size; size++)
		assert_int_equal(wrap(file.data, size, secret, &out), -EPROTO);
	assert_int_equal(wrap(large, sizeof(large), secret, &out), -EPROTO);
	memcpy(large, file.data, file.size);
	assert_int_equal(wrap(large, file.size + 1, secret, &out), -EPROTO);
	assert_int_equal(wrap("", 0, NULL, &out), -EPROTO);
	assert_int_equal(out.size, 0);
	bytes_free(&file);
	bytes_free(&shorter);
}

static void without_a_program_nothing_is_wrapped(void **state)
{
	struct bytes_buffer out = { 0 };
	struct wrapping wrapping;

	(void)state;
	assert_int_equal(wrapping_prepare(&wrapping, PLUGIN), 0);
	assert_int_equal(wrapping_wrap(&wrapping, SECRET, sizeof(SECRET), &out), -EINVAL);
	assert_int_equal(age_wrap(&wrapping.recipient, SECRET, sizeof(SECRET), &out), -EINVAL);
	assert_int_equal(wrapping_prepare(&wrapping, AGE), 0);
	assert_int_equal(wrapping_wrap(&wrapping, SECRET, sizeof(SECRET), &out), 0);
	bytes_free(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_a_program_makes_is_taken_as_it_is),
		cmocka_unit_test(what_is_no_age_file_for_it_is_refused),
		cmocka_unit_test(without_a_program_nothing_is_wrapped),
	};

	signal(SIGPIPE, SIG_IGN);
	return sodium_init() < 0 || cmocka_run_group_tests(tests, NULL, NULL);
}
