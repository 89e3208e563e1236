// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/age.h"
#include "base/io.h"
#include "keys/bech32.h"
#include "keys/store.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static const uint8_t SECRET[] = "sixty-four bytes of a secret that nobody should be able to see!";

static char directory[] = "/tmp/heaptrail-keys-XXXXXX";
static struct keys *keys;

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? keys_open(directory, true, &keys) : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	keys_close(keys);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static void write_bytes(const char *name, const void *data, size_t size)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(io_write(fd, data, size), 0);
	close(fd);
}

static int run(const char *format)
{
	char command[512];

	snprintf(command, sizeof(command), format, directory, directory, directory, directory);
	return system(command);
}

static struct bytes_buffer wrap(void)
{
	struct bytes_buffer file = { 0 };
	struct recipient recipient;

	assert_int_equal(recipient_parse(keys_recipient(keys), &recipient), 0);
	assert_int_equal(age_wrap(&recipient, SECRET, sizeof(SECRET), &file), 0);
	return file;
}

static void what_was_wrapped_opens(void **state)
{
	struct bytes_buffer file = wrap();
	uint8_t secret[sizeof(SECRET)];

	(void)state;
	assert_int_equal(keys_unwrap(keys, file.data, file.size, secret, sizeof(secret)), 0);
	assert_memory_equal(secret, SECRET, sizeof(SECRET));
	bytes_free(&file);
}

static void the_age_program_opens_our_file(void **state)
{
	struct bytes_buffer file = wrap();

	(void)state;
	write_bytes("wrapped", file.data, file.size);
	write_bytes("plain", SECRET, sizeof(SECRET));
	assert_int_equal(run("age -d -i %s/vault.key -o %s/opened %s/wrapped"), 0);
	assert_int_equal(run("cmp %s/opened %s/plain"), 0);
	bytes_free(&file);
}

static void we_open_a_file_of_the_age_program(void **state)
{
	char path[128], *file;
	uint8_t secret[sizeof(SECRET)];
	size_t size;

	(void)state;
	write_bytes("plain", SECRET, sizeof(SECRET));
	assert_int_equal(run("age -R %s/vault.pub -o %s/theirs %s/plain"), 0);
	snprintf(path, sizeof(path), "%s/theirs", directory);
	int fd = open(path, O_RDONLY);
	assert_int_equal(io_read_all(fd, 1 << 16, &file, &size), 0);
	close(fd);
	assert_int_equal(keys_unwrap(keys, (uint8_t *)file, size, secret, sizeof(secret)), 0);
	assert_memory_equal(secret, SECRET, sizeof(SECRET));
	free(file);
}

static void no_changed_bit_and_no_cut_opens(void **state)
{
	struct bytes_buffer file = wrap();
	uint8_t secret[sizeof(SECRET)];

	(void)state;
	for (size_t bit = 0; bit < file.size * 8; bit++) {
		file.data[bit / 8] ^= 1 << bit % 8;
		assert_int_not_equal(
			keys_unwrap(keys, file.data, file.size, secret, sizeof(secret)), 0);
		file.data[bit / 8] ^= 1 << bit % 8;
	}
	for (size_t size = 0; size < file.size; size++)
		assert_int_not_equal(keys_unwrap(keys, file.data, size, secret, sizeof(secret)), 0);
	bytes_free(&file);
}

/* A changed bit of '/' that libsodium 1.0.18 would read as '/'. */
static void base64_is_read_strictly(void **state)
{
	uint8_t secret[sizeof(SECRET)];
	size_t changed = 0;

	(void)state;
	while (changed < 20) {
		struct bytes_buffer file = wrap();
		for (size_t i = 0; i < file.size - 16 - sizeof(SECRET) - 16; i++) {
			if (file.data[i] != '/' || i < 22)
				continue;
			file.data[i] ^= 0x80;
			assert_int_not_equal(
				keys_unwrap(keys, file.data, file.size, secret, sizeof(secret)), 0);
			file.data[i] ^= 0x80;
			changed++;
		}
		bytes_free(&file);
	}
}

static void another_identity_is_told_so(void **state)
{
	struct bytes_buffer file = wrap();
	uint8_t secret[sizeof(SECRET)], other[32];

	(void)state;
	randombytes_buf(other, sizeof(other));
	assert_int_equal(age_unwrap(other, file.data, file.size, secret, sizeof(secret)), -ENOKEY);
	bytes_free(&file);
}

static void keys_are_made_once(void **state)
{
	struct keys *again;

	(void)state;
	assert_int_equal(keys_open(directory, true, &again), 0);
	assert_string_equal(keys_recipient(again), keys_recipient(keys));
	assert_memory_equal(keys_host_pk(again), keys_host_pk(keys), 32);
	keys_close(again);
}

static void a_key_that_others_can_read_is_refused(void **state)
{
	char path[128];
	struct keys *again;

	(void)state;
	snprintf(path, sizeof(path), "%s/vault.key", directory);
	chmod(path, 0640);
	assert_int_equal(keys_open(directory, true, &again), -EPERM);
	chmod(path, 0600);
}

static void a_directory_that_others_can_write_is_refused(void **state)
{
	struct keys *again;

	(void)state;
	chmod(directory, 0770);
	assert_int_equal(keys_open(directory, true, &again), -EPERM);
	chmod(directory, 0700);
}

static void a_link_in_place_of_a_key_is_refused(void **state)
{
	char path[128], moved[128];
	struct keys *again;

	(void)state;
	snprintf(path, sizeof(path), "%s/host.key", directory);
	snprintf(moved, sizeof(moved), "%s/moved", directory);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(symlink(moved, path), 0);
	assert_int_equal(keys_open(directory, true, &again), -EPERM);
	assert_int_equal(rename(moved, path), 0);
}

static void a_key_file_of_other_bytes_is_refused(void **state)
{
	char path[128], moved[128];
	struct keys *again;

	(void)state;
	snprintf(path, sizeof(path), "%s/vault.key", directory);
	snprintf(moved, sizeof(moved), "%s/moved", directory);
	assert_int_equal(rename(path, moved), 0);
	write_bytes("vault.key", "# only a comment\n", 17);
	assert_int_equal(keys_open(directory, true, &again), -EBADMSG);
	assert_int_equal(rename(moved, path), 0);
}

static void nothing_is_made_unless_asked_for(void **state)
{
	char path[128];
	struct keys *again;

	(void)state;
	snprintf(path, sizeof(path), "%s/none", directory);
	assert_int_equal(keys_open(path, false, &again), -ENOENT);
	assert_int_equal(access(path, F_OK), -1);
}

static void bech32_refuses_mixed_case_and_wrong_checksums(void **state)
{
	char text[BECH32_TEXT_MAX];
	uint8_t key[32];

	(void)state;
	strcpy(text, keys_recipient(keys));
	text[10] ^= 0x20;
	assert_int_equal(bech32_decode("age", text, key), -EINVAL);
	strcpy(text, keys_recipient(keys));
	text[20] = text[20] == 'q' ? 'p' : 'q';
	assert_int_equal(bech32_decode("age", text, key), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_wrapped_opens),
		cmocka_unit_test(the_age_program_opens_our_file),
		cmocka_unit_test(we_open_a_file_of_the_age_program),
		cmocka_unit_test(no_changed_bit_and_no_cut_opens),
		cmocka_unit_test(base64_is_read_strictly),
		cmocka_unit_test(another_identity_is_told_so),
		cmocka_unit_test(keys_are_made_once),
		cmocka_unit_test(a_key_that_others_can_read_is_refused),
		cmocka_unit_test(a_directory_that_others_can_write_is_refused),
		cmocka_unit_test(a_link_in_place_of_a_key_is_refused),
		cmocka_unit_test(a_key_file_of_other_bytes_is_refused),
		cmocka_unit_test(nothing_is_made_unless_asked_for),
		cmocka_unit_test(bech32_refuses_mixed_case_and_wrong_checksums),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
