// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/identity_file.h"

#include "base/io.h"
#include "keys/bech32.h"
#include "keys/ssh_key.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static const char SECRET[] = "sixty-four bytes of a secret that nobody should be able to see!";

static char directory[] = "/tmp/heaptrail-identities-XXXXXX";
static struct identity_file file;

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? 0 : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static void run(const char *what)
{
	char command[512];

	snprintf(command, sizeof(command), "cd %s && %s", directory, what);
	assert_int_equal(system(command), 0);
}

/* What the file holds; the caller frees it. */
static char *load(const char *name, size_t *size)
{
	char path[128], *text;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(io_read_all(fd, IDENTITY_FILE_MAX, &text, size), 0);
	close(fd);
	return text;
}

static int parse(const char *name)
{
	size_t size;
	char *text = load(name, &size);
	int err = identity_file_parse(text, &file);

	free(text);
	return err;
}

static void assert_opens(const char *name, const struct age_key *key, int wanted)
{
	uint8_t secret[sizeof(SECRET)];
	size_t size;
	char *bytes = load(name, &size);

	assert_int_equal(age_unwrap_by(key, (uint8_t *)bytes, size, secret, sizeof(secret)),
			 wanted);
	if (!wanted)
		assert_memory_equal(secret, SECRET, sizeof(secret));
	free(bytes);
}

/* For the recipient in name.pub, by the age program and by us. */
static void wrap(const char *name)
{
	struct bytes_buffer out = { 0 };
	struct recipient recipient;
	char path[128], command[128];
	size_t size;

	snprintf(command, sizeof(command), "age -R %s.pub -o theirs plain", name);
	run(command);
	snprintf(path, sizeof(path), "%s.pub", name);
	char *text = load(path, &size);
	text[strcspn(text, "\n")] = 0;
	assert_int_equal(recipient_parse(text, &recipient), 0);
	assert_int_equal(age_wrap(&recipient, (const uint8_t *)SECRET, sizeof(SECRET), &out), 0);
	snprintf(path, sizeof(path), "%s/ours", directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(io_write(fd, out.data, out.size), 0);
	close(fd);
	bytes_free(&out);
	free(text);
}

static void write_plain(void)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/plain", directory);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_int_equal(io_write(fd, SECRET, sizeof(SECRET)), 0);
	close(fd);
}

static void ssh_keys_open_what_is_for_them(void **state)
{
	(void)state;
	write_plain();
	run("ssh-keygen -q -t ed25519 -N '' -C 'some comment' -f ssh && ssh-keygen -q -t ed25519 "
	    "-N '' -C '' -f other");
	wrap("ssh");
	assert_int_equal(parse("ssh"), 0);
	assert_int_equal(file.count, 1);
	assert_false(file.takes_program);
	assert_opens("theirs", &file.keys[0], 0);
	assert_opens("ours", &file.keys[0], 0);
	assert_int_equal(parse("other"), 0);
	assert_opens("theirs", &file.keys[0], -ENOKEY);
}

static void age_identities_open_what_is_for_them(void **state)
{
	(void)state;
	write_plain();
	run("age-keygen -o first 2>/dev/null && age-keygen -o second 2>/dev/null && cat second "
	    "first >both && age-keygen -y first >first.pub");
	wrap("first");
	assert_int_equal(parse("both"), 0);
	assert_int_equal(file.count, 2);
	assert_opens("theirs", &file.keys[0], -ENOKEY);
	assert_opens("theirs", &file.keys[1], 0);
	run("for i in $(seq 17); do cat first; done >many");
	assert_int_equal(parse("many"), -E2BIG);
	run("(cat first; echo AGE-SECRET-KEY-1) >bad");
	assert_int_equal(parse("bad"), -EBADMSG);
	run("printf '# nothing\\n\\n' >empty");
	assert_int_equal(parse("empty"), -EBADMSG);
}

/* Of a key that somebody else has to open, its public half is known. */
static void what_takes_the_age_program_is_told(void **state)
{
	uint8_t data[32] = { 1 };
	char text[BECH32_TEXT_MAX];
	struct recipient recipient;
	size_t size;

	(void)state;
	run("ssh-keygen -q -t ed25519 -N 'some words' -C '' -f locked");
	assert_int_equal(parse("locked"), 0);
	assert_int_equal(file.count, 0);
	assert_true(file.takes_program);
	char *line = load("locked.pub", &size);
	line[strcspn(line, "\n")] = 0;
	assert_int_equal(recipient_parse(line, &recipient), 0);
	assert_true(recipient_is(&recipient, &file.ssh));
	free(line);
	bech32_encode("age-plugin-some-thing-", data, text);
	for (char *at = text; *at; at++)
		*at -= *at >= 'a' && *at <= 'z' ? 'a' - 'A' : 0;
	assert_int_equal(identity_file_parse(text, &file), 0);
	assert_true(file.takes_program);
	assert_string_equal(file.plugin, "some-thing");
	bech32_encode("age-plugin-../thing-", data, text);
	assert_int_equal(identity_file_parse(text, &file), -EBADMSG);
}

static void other_ssh_keys_are_refused(void **state)
{
	(void)state;
	run("ssh-keygen -q -t ecdsa -N '' -f ecdsa");
	assert_int_equal(parse("ecdsa"), -ENOTSUP);
}

/* All that is not the key itself is checked: the key is the one that the file names. */
static void no_changed_byte_gives_another_ssh_key(void **state)
{
	static const char BEGIN[] = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
	static const char END[] = "\n-----END OPENSSH PRIVATE KEY-----\n";
	uint8_t bytes[1024];
	char text[2048], base64[1500];
	struct age_key key, changed;
	size_t size, length, same = 0;

	(void)state;
	run("ssh-keygen -q -t ed25519 -N '' -C 'c' -f exact");
	char *whole = load("exact", &length);
	assert_int_equal(ssh_key_parse(whole, &key), 0);
	const char *end = strstr(whole, "\n-----END");
	assert_int_equal(sodium_base642bin(bytes, sizeof(bytes), whole + sizeof(BEGIN) - 1,
					   (size_t)(end - whole) - sizeof(BEGIN) + 1, "\n", &size,
					   NULL, sodium_base64_VARIANT_ORIGINAL),
			 0);
	for (size_t i = 0; i < size; i++) {
		bytes[i] ^= 0x21;
		sodium_bin2base64(base64, sizeof(base64), bytes, size,
				  sodium_base64_VARIANT_ORIGINAL);
		bytes[i] ^= 0x21;
		snprintf(text, sizeof(text), "%s%s%s", BEGIN, base64, END);
		if (ssh_key_parse(text, &changed))
			continue;
		/* the comment, and nothing else */
		assert_memory_equal(&changed, &key, sizeof(key));
		same++;
	}
	assert_int_equal(same, 1);
	for (size_t cut = 0; cut < length - strlen(strstr(whole, "-----END")); cut += 7) {
		char *part = strndup(whole, cut);
		assert_int_equal(ssh_key_parse(part, &changed), -EBADMSG);
		free(part);
	}
	free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ssh_keys_open_what_is_for_them),
		cmocka_unit_test(age_identities_open_what_is_for_them),
		cmocka_unit_test(what_takes_the_age_program_is_told),
		cmocka_unit_test(other_ssh_keys_are_refused),
		cmocka_unit_test(no_changed_byte_gives_another_ssh_key),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, set_up, tear_down);
}
