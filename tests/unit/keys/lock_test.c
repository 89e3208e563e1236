// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/lock.h"

#include "base/io.h"
#include "keys/identities.h"
#include "keys/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define RECIPIENT "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
#define SECRET	  "# a secret\nof two lines\n"

static char directory[] = "/tmp/heaptrail-lock-XXXXXX";
static struct passphrase *right, *wrong;

static void say(struct passphrase *passphrase, const char *text)
{
	passphrase->size = strlen(text);
	strcpy(passphrase->text, text);
}

static int set_up(void **state)
{
	(void)state;
	right = passphrase_new();
	wrong = passphrase_new();
	if (!right || !wrong || !mkdtemp(directory))
		return -1;
	say(right, "correct horse");
	say(wrong, "correct horsf");
	return 0;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	passphrase_free(right);
	passphrase_free(wrong);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

/* A file at the least cost, for its passphrase. */
static void make(char text[static LOCK_TEXT_MAX])
{
	struct lock lock;

	lock_new(&lock);
	lock.passes = 1;
	lock.kib = 8;
	assert_int_equal(lock_derive(&lock, right), 0);
	lock_seal(&lock, RECIPIENT, SECRET, text);
}

/* What comes of a file and a passphrase. */
static int try(const char *text, const struct passphrase *passphrase,
	       char secret[static LOCK_TEXT_MAX])
{
	char recipient[BECH32_TEXT_MAX];
	struct lock lock;
	int err = lock_read(text, &lock, recipient);

	if (err)
		return err;
	assert_int_equal(lock_derive(&lock, passphrase), 0);
	return lock_open(&lock, text, secret);
}

static void the_passphrase_opens_it_and_another_does_not(void **state)
{
	char text[LOCK_TEXT_MAX], secret[LOCK_TEXT_MAX], recipient[BECH32_TEXT_MAX];
	struct lock lock;

	(void)state;
	make(text);
	assert_true(lock_is(text));
	assert_false(lock_is(SECRET));
	assert_null(strstr(text, "secret"));
	assert_int_equal(lock_read(text, &lock, recipient), 0);
	assert_string_equal(recipient, RECIPIENT);
	assert_int_equal(try(text, right, secret), 0);
	assert_string_equal(secret, SECRET);
	assert_int_equal(try(text, wrong, secret), -EKEYREJECTED);
}

/* The public key and the cost, too. */
static void nothing_of_it_can_be_changed(void **state)
{
	char text[LOCK_TEXT_MAX], changed[LOCK_TEXT_MAX], secret[LOCK_TEXT_MAX];

	(void)state;
	make(text);
	size_t size = strlen(text) - 1; /* the last newline says nothing */
	for (size_t i = 0; i < size; i++) {
		strcpy(changed, text);
		/* of a number it makes none, so that no cost is paid */
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		assert_int_not_equal(try(changed, right, secret), 0);
		strcpy(changed + i, "\n");
		assert_int_not_equal(try(changed, right, secret), 0);
	}
	strcpy(changed, text);
	strstr(changed, " 1 8 ")[1] = '2';
	assert_int_equal(try(changed, right, secret), -EKEYREJECTED);
}

static void what_is_asked_for_is_bounded_before_it_is_taken(void **state)
{
	static const struct {
		const char *cost;
		int err;
	} COSTS[] = {
		{ "argon2id 3 67108864 ", -E2BIG }, /* 64 GiB */
		{ "argon2id 3 1048577 ", -E2BIG },
		{ "argon2id 11 8 ", -E2BIG },
		{ "argon2id 4294967297 8 ", -E2BIG },
		{ "argon2id 1 99999999999999999999999999 ", -E2BIG },
		{ "argon2id 1 7 ", -EBADMSG },
		{ "argon2id 0 8 ", -EBADMSG },
		{ "argon2id 1 0 ", -EBADMSG },
		{ "argon2id -1 8 ", -EBADMSG },
		{ "argon2id +1 8 ", -EBADMSG },
		{ "argon2id 01 8 ", -EBADMSG },
		{ "argon2id 1  8 ", -EBADMSG },
		{ "argon2id 1 8", -EBADMSG },
		{ "argon2i 1 8 ", -EBADMSG },
		{ "scrypt 1 8 ", -EBADMSG },
		{ "", -EBADMSG },
		{ "argon2id 1 8 ", 0 },
		{ "argon2id 10 1048576 ", 0 },
	};
	char text[LOCK_TEXT_MAX], recipient[BECH32_TEXT_MAX];
	struct lock lock;

	(void)state;
	for (size_t i = 0; i < sizeof(COSTS) / sizeof(COSTS[0]); i++) {
		snprintf(text, sizeof(text),
			 "# public key: %s\nheaptrail-locked-v1 %sAAAAAAAAAAAAAAAAAAAAAA\nAAAA\n",
			 RECIPIENT, COSTS[i].cost);
		assert_int_equal(lock_read(text, &lock, recipient), COSTS[i].err);
	}
}

static void as_many_identities_as_there_may_be_fit(void **state)
{
	char text[LOCK_TEXT_MAX], plain[IDENTITIES_TEXT_MAX], secret[LOCK_TEXT_MAX];
	struct identities identities = { 0 };
	struct lock lock;

	(void)state;
	while (identities_add(&identities) == 0)
		;
	assert_int_equal(identities.count, IDENTITIES_MAX);
	identities_format(&identities, plain);
	lock_new(&lock);
	lock.passes = LOCK_PASSES_MAX;
	lock.kib = 64;
	assert_int_equal(lock_derive(&lock, right), 0);
	lock_seal(&lock, RECIPIENT, plain, text);
	assert_int_equal(try(text, right, secret), 0);
	assert_string_equal(secret, plain);
}

static void keys_under_a_passphrase_are_public_without_it(void **state)
{
	struct keys *keys, *locked;
	char recipient[BECH32_TEXT_MAX];
	uint8_t secret[64], sig[64];

	(void)state;
	assert_int_equal(keys_open(directory, true, &keys), 0);
	assert_false(keys_have_passphrase(keys) || keys_are_locked(keys));
	strcpy(recipient, keys_recipient(keys));
	assert_int_equal(keys_protect(keys, directory, right), 0);
	assert_true(keys_have_passphrase(keys) && !keys_are_locked(keys));

	assert_int_equal(keys_open(directory, true, &locked), 0);
	assert_true(keys_have_passphrase(locked) && keys_are_locked(locked));
	assert_string_equal(keys_recipient(locked), recipient);
	keys_sign_host(locked, "message", 7, sig);
	assert_int_equal(
		crypto_sign_verify_detached(sig, (const uint8_t *)"message", 7, keys_host_pk(keys)),
		0);
	assert_int_equal(keys_unwrap(locked, secret, 0, secret, sizeof(secret)), -EACCES);
	assert_int_equal(keys_rotate(locked, directory), -EACCES);
	assert_int_equal(keys_protect(locked, directory, NULL), -EACCES);
	assert_int_equal(keys_unlock(locked, directory, wrong), -EKEYREJECTED);
	assert_true(keys_are_locked(locked));
	assert_int_equal(keys_unlock(locked, directory, right), 0);
	assert_int_equal(keys_rotate(locked, directory), 0);
	keys_close(keys);

	/* another one, under the same */
	assert_int_equal(keys_open(directory, true, &keys), 0);
	assert_true(keys_are_locked(keys));
	assert_string_equal(keys_recipient(keys), keys_recipient(locked));
	assert_string_not_equal(keys_recipient(keys), recipient);
	keys_close(keys);

	assert_int_equal(keys_protect(locked, directory, NULL), 0);
	assert_int_equal(keys_open(directory, true, &keys), 0);
	assert_false(keys_have_passphrase(keys) || keys_are_locked(keys));
	keys_close(keys);
	keys_close(locked);
}

/* Two at once: who comes second knows less than the file has. */
static void a_change_by_another_is_not_written_over(void **state)
{
	struct keys *first, *second, *found;

	(void)state;
	assert_int_equal(keys_open(directory, true, &first), 0);
	assert_int_equal(keys_open(directory, true, &second), 0);
	assert_int_equal(keys_rotate(first, directory), 0);
	assert_int_equal(keys_rotate(second, directory), -ESTALE);
	assert_int_equal(keys_protect(second, directory, NULL), -ESTALE);
	assert_int_equal(keys_rotate(first, directory), 0);
	assert_int_equal(keys_open(directory, true, &found), 0);
	assert_string_equal(keys_recipient(found), keys_recipient(first));
	keys_close(first);
	keys_close(second);
	keys_close(found);
}

static void a_passphrase_ends_with_its_line(void **state)
{
	static const struct {
		const char *bytes, *text;
		int err;
	} INPUTS[] = {
		{ "one word", "one word", 0 },
		{ "with spaces \n", "with spaces ", 0 },
		{ "a line\nand another\n", "a line", 0 },
		{ "", NULL, -ENODATA },
		{ "\nempty\n", NULL, -ENODATA },
	};
	struct passphrase *passphrase = passphrase_new();
	char large[PASSPHRASE_MAX + 2];
	int ends[2];

	(void)state;
	for (size_t i = 0; i < sizeof(INPUTS) / sizeof(INPUTS[0]); i++) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(io_write(ends[1], INPUTS[i].bytes, strlen(INPUTS[i].bytes)), 0);
		close(ends[1]);
		assert_int_equal(passphrase_read(passphrase, ends[0]), INPUTS[i].err);
		if (!INPUTS[i].err)
			assert_string_equal(passphrase->text, INPUTS[i].text);
		close(ends[0]);
	}
	memset(large, 'x', sizeof(large));
	for (size_t size = PASSPHRASE_MAX; size <= PASSPHRASE_MAX + 2; size++) {
		assert_int_equal(pipe(ends), 0);
		assert_int_equal(io_write(ends[1], large, size), 0);
		close(ends[1]);
		assert_int_equal(passphrase_read(passphrase, ends[0]),
				 size > PASSPHRASE_MAX ? -E2BIG : 0);
		close(ends[0]);
	}
	passphrase_free(passphrase);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_passphrase_opens_it_and_another_does_not),
		cmocka_unit_test(nothing_of_it_can_be_changed),
		cmocka_unit_test(what_is_asked_for_is_bounded_before_it_is_taken),
		cmocka_unit_test(as_many_identities_as_there_may_be_fit),
		cmocka_unit_test(keys_under_a_passphrase_are_public_without_it),
		cmocka_unit_test(a_change_by_another_is_not_written_over),
		cmocka_unit_test(a_passphrase_ends_with_its_line),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
