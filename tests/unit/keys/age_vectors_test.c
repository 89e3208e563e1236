// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * age_vectors_test [DIRECTORY]: each vector of tests/lib/make-age-vectors, or of a directory of
 * C2SP's (https://c2sp.org/CCTV/age), has its result.
 */
#include "base/io.h"
#include "keys/age.h"
#include "keys/bech32.h"

#include <dirent.h>
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

#define FILE_MAX     (1 << 20)
#define PAYLOAD_MAX  65535 /* of one chunk */
#define VECTORS_MAX  512
#define VECTORS_OURS 100 /* at least */

static char directory[256] = "/tmp/heaptrail-vectors-XXXXXX";

struct vector {
	char *text; /* the whole file */
	size_t size;
	const char *expect, *hash, *passphrase;
	uint8_t identity[32];
	bool has_identity;
	bool is_other; /* armored, or for a kind of key that is not ours */
	const uint8_t *file;
	size_t file_size;
};

/* Cuts the head into its fields. */
static void parse(struct vector *vector)
{
	char *at = vector->text, *end;

	for (; *at != '\n'; at = end + 1) {
		end = strchr(at, '\n');
		assert_non_null(end);
		*end = 0;
		char *value = strchr(at, ':') + 2;
		if (strncmp(at, "expect:", 7) == 0)
			vector->expect = value;
		else if (strncmp(at, "payload:", 8) == 0)
			vector->hash = value;
		else if (strncmp(at, "passphrase:", 11) == 0)
			vector->passphrase = value;
		else if (strncmp(at, "identity:", 9) == 0 && !vector->has_identity)
			vector->has_identity = bech32_decode(AGE_PREFIX_IDENTITY, value,
							     vector->identity) == 0;
		else if (strncmp(at, "armored:", 8) == 0 || strncmp(at, "compressed:", 11) == 0)
			vector->is_other = true;
	}
	vector->file = (const uint8_t *)at + 1;
	vector->file_size = vector->size - (size_t)(at + 1 - vector->text);
	vector->is_other |= !vector->has_identity && !vector->passphrase;
}

static void load(const char *name, struct vector *vector)
{
	char path[512];

	*vector = (struct vector) { 0 };
	snprintf(path, sizeof(path), "%s/%s", directory, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(io_read_all(fd, FILE_MAX, &vector->text, &vector->size), 0);
	close(fd);
	parse(vector);
}

/* age_unwrap() wants to know the size; a secret of ours is never longer than a chunk. */
static int unwrap(const struct vector *vector, uint8_t *secret, size_t *size)
{
	if (vector->passphrase)
		return age_unwrap_passphrase(vector->passphrase, strlen(vector->passphrase),
					     vector->file, vector->file_size, secret, PAYLOAD_MAX,
					     size);
	int err = -EBADMSG;
	for (*size = 0; err == -EBADMSG && *size <= PAYLOAD_MAX; ++*size) {
		/* every size that is not the file's is as wrong as another */
		if (*size > 64 && *size < 60000)
			*size = 60000;
		if (*size > 60000)
			*size = PAYLOAD_MAX;
		err = age_unwrap(vector->identity, vector->file, vector->file_size, secret, *size);
	}
	--*size;
	return err;
}

static void has_its_result(void **state)
{
	static uint8_t secret[PAYLOAD_MAX];
	uint8_t hash[crypto_hash_sha256_BYTES];
	char text[2 * sizeof(hash) + 1];
	struct vector vector;
	size_t size;

	load(*state, &vector);
	int err = unwrap(&vector, secret, &size);
	if (strcmp(vector.expect, "success") == 0) {
		assert_int_equal(err, 0);
		crypto_hash_sha256(hash, secret, size);
		assert_string_equal(sodium_bin2hex(text, sizeof(text), hash, sizeof(hash)),
				    vector.hash);
	} else if (strcmp(vector.expect, "no match") == 0) {
		assert_int_equal(err, -ENOKEY);
	} else if (strcmp(vector.expect, "header failure") == 0 && vector.passphrase) {
		assert_true(err == -EBADMSG || err == -E2BIG);
	} else {
		assert_int_equal(err, -EBADMSG);
	}
	free(vector.text);
}

/* What was made from the format's text is what others make of it, too: it asks for passphrases by
 * the terminal only. */
static void the_age_program_says_the_same(void **state)
{
	struct vector vector;
	char command[4096];

	load(*state, &vector);
	if (vector.has_identity) {
		snprintf(
			command, sizeof(command),
			"f=%s/%s; n=$(grep -an '^$' $f | head -n 1 | cut -d: -f1); "
			"tail -n +$((n + 1)) $f >%s/.file; sed -n 's/^identity: //p' $f | head -n 1 >%s/.identity; "
			"age -d -i %s/.identity %s/.file >%s/.opened 2>/dev/null",
			directory, (const char *)*state, directory, directory, directory, directory,
			directory);
		assert_int_equal(system(command) == 0, strcmp(vector.expect, "success") == 0);
	}
	free(vector.text);
}

static int tear_down(void **state)
{
	char command[300];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

/* Is it one whose result can be known here? */
static bool applies(const char *name)
{
	struct vector vector;

	load(name, &vector);
	bool is_ours = !vector.is_other && vector.file_size < PAYLOAD_MAX;
	free(vector.text);
	return is_ours;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[2 * VECTORS_MAX];
	struct dirent **names;
	char command[512];
	size_t count = 0;

	if (sodium_init() < 0)
		return 1;
	if (argc > 1) {
		snprintf(directory, sizeof(directory), "%s", argv[1]);
	} else {
		if (!mkdtemp(directory))
			return 1;
		snprintf(command, sizeof(command), "tests/lib/make-age-vectors %s", directory);
		if (system(command))
			return 1;
	}
	int found = scandir(directory, &names, NULL, alphasort);
	for (int i = 0; i < found; i++) {
		if (names[i]->d_name[0] == '.')
			continue;
		bool is_ours = applies(names[i]->d_name);
		if (argc == 1 && !is_ours)
			return 1;
		if (!is_ours || count + 2 > sizeof(tests) / sizeof(tests[0])) {
			print_message("passed over: %s\n", names[i]->d_name);
			continue;
		}
		tests[count++] = (struct CMUnitTest) { .name = names[i]->d_name,
						       .test_func = has_its_result,
						       .initial_state = names[i]->d_name };
		if (argc == 1)
			tests[count++] = (struct CMUnitTest) {
				.name = names[i]->d_name,
				.test_func = the_age_program_says_the_same,
				.initial_state = names[i]->d_name
			};
	}
	if (argc == 1 && count < 2 * VECTORS_OURS)
		return 1;
	return _cmocka_run_group_tests("vectors", tests, count, NULL, argc > 1 ? NULL : tear_down);
}
