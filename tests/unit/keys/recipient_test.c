// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/recipient.h"

#include "keys/age.h"
#include "keys/bech32.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* Made by age-keygen and ssh-keygen. */
#define AGE "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"
#define SSH "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"

static char directory[] = "/tmp/heaptrail-recipients.XXXXXX";

static int set_up(void **state)
{
	(void)state;
	return sodium_init() < 0 || !mkdtemp(directory);
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

static void both_kinds_come_back_without_their_comment(void **state)
{
	static const char *const TEXTS[][2] = { { AGE, AGE },
						{ SSH, SSH },
						{ SSH " someone@somewhere", SSH } };
	struct recipient recipient;
	char text[RECIPIENT_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(recipient_parse(TEXTS[i][0], &recipient), 0);
		recipient_format(&recipient, text);
		assert_string_equal(text, TEXTS[i][1]);
	}
}

/* One character changed, or one less, and it is none: nothing is encrypted for a slip of the hand.
 */
static void what_was_mistyped_is_none(void **state)
{
	struct recipient recipient, right;
	char text[256];

	(void)state;
	for (size_t i = 0; i < strlen(AGE); i++) {
		strcpy(text, AGE);
		text[i] = text[i] == 'q' ? 'p' : 'q';
		assert_int_equal(recipient_parse(text, &recipient), -EINVAL);
		strcpy(text + i, "");
		assert_int_equal(recipient_parse(text, &recipient), -EINVAL);
	}
	assert_int_equal(recipient_parse(SSH, &right), 0);
	for (size_t i = 0; i < strlen(SSH); i++) {
		memcpy(text, SSH, i);
		text[i] = 0;
		assert_int_equal(recipient_parse(text, &recipient), -EINVAL);
	}
	assert_int_equal(recipient_parse("ssh-rsa AAAAB3NzaC1yc2E= someone", &recipient), -EINVAL);
	assert_int_equal(recipient_parse("", &recipient), -EINVAL);
}

/* The points of small order (RFC 7748, section 7): age-keygen makes none. */
static void what_nothing_can_be_encrypted_for_is_none(void **state)
{
	static const uint8_t POINTS[][32] = { { 0 }, { 1 } };
	struct recipient recipient;
	char text[BECH32_TEXT_MAX];

	(void)state;
	for (size_t i = 0; i < sizeof(POINTS) / sizeof(POINTS[0]); i++) {
		bech32_encode(AGE_PREFIX_RECIPIENT, POINTS[i], text);
		assert_int_equal(recipient_parse(text, &recipient), -EINVAL);
	}
}

/* Made by tests/lib/age-plugin-twin. */
#define TWIN "age1twin1uqa75zvdelshhhj5896j9rs3affmrg3ggvd6uruymv7hxxlwqlqs25ylgd"

static void a_plugin_is_known_by_its_name(void **state)
{
	struct recipient recipient, other;
	char text[256], name[RECIPIENT_TEXT_MAX];

	(void)state;
	assert_true(recipient_plugin(TWIN, name));
	assert_string_equal(name, "twin");
	assert_int_equal(recipient_parse(TWIN, &recipient), 0);
	assert_int_equal(recipient.kind, RECIPIENT_PLUGIN);
	recipient_format(&recipient, text);
	assert_string_equal(text, TWIN);
	assert_false(recipient_plugin(AGE, name));
	assert_int_equal(recipient_parse(AGE, &other), 0);
	assert_false(recipient_is(&recipient, &other));
	assert_true(recipient_is(&recipient, &recipient));
	for (size_t i = 0; i < strlen(TWIN); i++) {
		strcpy(text, TWIN);
		text[i] = text[i] == 'q' ? 'p' : 'q';
		assert_int_equal(recipient_parse(text, &recipient), -EINVAL);
		text[i] = '/';
		assert_int_equal(recipient_parse(text, &recipient), -EINVAL);
		text[i] = 0;
		assert_int_equal(recipient_parse(text, &recipient), -EINVAL);
	}
}

static void write_list(const char *text, mode_t mode)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/list", directory);
	(void)unlink(path);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

static void a_list_is_read_and_written(void **state)
{
	struct recipient list[2], again[2];
	size_t count;
	unsigned line;

	(void)state;
	assert_int_equal(recipients_read(directory, "list", list, 2, &count, &line), 0);
	assert_int_equal(count, 0);
	write_list("# of the team\n\n  " AGE " \r\n" SSH " someone\n", 0600);
	assert_int_equal(recipients_read(directory, "list", list, 2, &count, &line), 0);
	assert_int_equal(count, 2);
	assert_int_equal(recipients_write(directory, "list", list, 2), 0);
	assert_int_equal(recipients_read(directory, "list", again, 2, &count, &line), 0);
	assert_int_equal(count, 2);
	assert_true(recipient_is(&list[0], &again[0]) && recipient_is(&list[1], &again[1]));
	assert_false(recipient_is(&list[0], &list[1]));
}

static void a_wrong_list_says_where(void **state)
{
	struct recipient list[2];
	size_t count;
	unsigned line;

	(void)state;
	write_list(AGE "\n# none\nage1nobody\n", 0600);
	assert_int_equal(recipients_read(directory, "list", list, 2, &count, &line), -EBADMSG);
	assert_int_equal(line, 3);
	write_list(AGE "\n" SSH "\n" AGE "\n", 0600);
	assert_int_equal(recipients_read(directory, "list", list, 2, &count, &line), -E2BIG);
	write_list(AGE "\n", 0620);
	assert_int_equal(recipients_read(directory, "list", list, 2, &count, &line), -EPERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_kinds_come_back_without_their_comment),
		cmocka_unit_test(what_was_mistyped_is_none),
		cmocka_unit_test(what_nothing_can_be_encrypted_for_is_none),
		cmocka_unit_test(a_plugin_is_known_by_its_name),
		cmocka_unit_test(a_list_is_read_and_written),
		cmocka_unit_test(a_wrong_list_says_where),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
