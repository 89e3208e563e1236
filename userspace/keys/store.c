// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/store.h"

#include "base/io.h"
#include "base/text.h"
#include "keys/age.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 4096 /* of a file */

struct keys {
	uint8_t identities[KEYS_IDENTITIES_MAX][32]; /* the newest first */
	size_t count;
	uint8_t host_sk[crypto_sign_SECRETKEYBYTES];
	uint8_t host_pk[32];
	char recipient[BECH32_TEXT_MAX];
};

/* A secret that others can read or exchange is none. */
static int check_owner(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EBADMSG;
	return st.st_uid != geteuid() || (st.st_mode & 077) ? -EPERM : 0;
}

/* Whoever can write to the directory can exchange what is in it. */
static int check_directory(int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	return st.st_uid != geteuid() || (st.st_mode & 022) ? -EPERM : 0;
}

static int read_secret(int directory, const char *name, char text[static TEXT_MAX])
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return errno == ELOOP ? -EPERM : -errno;
	int err = check_owner(fd);
	if (!err) {
		ssize_t n = read(fd, text, TEXT_MAX - 1);
		if (n < 0)
			err = -errno;
		else
			text[n] = 0;
	}
	close(fd);
	return err;
}

/* Whole or not at all; and, unless it replaces, never over another: two first uses at once end with
 * one key. */
static int write_file(int directory, const char *name, const char *text, mode_t mode,
		      bool replaces)
{
	char temporary[64], number[17];
	uint8_t random[8];

	randombytes_buf(random, sizeof(random));
	snprintf(temporary, sizeof(temporary), ".%s.%s", name,
		 text_hex(number, random, sizeof(random)));
	int fd = openat(directory, temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
			mode);
	if (fd < 0)
		return -errno;
	int err = io_write(fd, text, strlen(text));
	if (!err && ((!replaces && fchmod(fd, mode)) || fsync(fd)))
		err = -errno;
	if (!err && replaces && renameat(directory, temporary, directory, name))
		err = -errno;
	if (!err && !replaces && linkat(directory, temporary, directory, name, 0))
		err = errno == EEXIST ? 0 : -errno;
	close(fd);
	if (err || !replaces)
		unlinkat(directory, temporary, 0);
	if (!err && fsync(directory))
		err = -errno;
	return err;
}

/* The keys in an identity file: the lines that are not comments, as age-keygen writes them. */
static int parse_identities(const char *text, struct keys *keys)
{
	keys->count = 0;
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		char key[BECH32_TEXT_MAX];
		size_t length = strcspn(line, "\r\n");
		if (length == 0 || *line == '#')
			continue;
		if (length >= sizeof(key) || keys->count == KEYS_IDENTITIES_MAX)
			return -EBADMSG;
		memcpy(key, line, length);
		key[length] = 0;
		int err = bech32_decode(AGE_PREFIX_IDENTITY, key, keys->identities[keys->count++]);
		sodium_memzero(key, sizeof(key));
		if (err)
			return -EBADMSG;
	}
	return keys->count ? 0 : -EBADMSG;
}

/* Appends an identity with its public half as a comment, as age-keygen does. */
static void put_identity(const uint8_t identity[static 32], char text[static TEXT_MAX])
{
	uint8_t public[32];
	char secret_text[BECH32_TEXT_MAX], public_text[BECH32_TEXT_MAX];
	size_t used = strlen(text);

	crypto_scalarmult_base(public, identity);
	bech32_encode(AGE_PREFIX_RECIPIENT, public, public_text);
	bech32_encode(AGE_PREFIX_IDENTITY, identity, secret_text);
	for (char *p = secret_text; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	snprintf(text + used, TEXT_MAX - used, "# public key: %s\n%s\n", public_text, secret_text);
	sodium_memzero(secret_text, sizeof(secret_text));
}

static int make_vault_key(int directory)
{
	uint8_t identity[32];
	char text[TEXT_MAX] = "";

	randombytes_buf(identity, sizeof(identity));
	put_identity(identity, text);
	int err = write_file(directory, "vault.key", text, 0600, false);
	sodium_memzero(identity, sizeof(identity));
	sodium_memzero(text, sizeof(text));
	return err;
}

static int make_host_key(int directory)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char text[2 * sizeof(seed) + 2];

	randombytes_buf(seed, sizeof(seed));
	text_hex(text, seed, sizeof(seed));
	strcat(text, "\n");
	int err = write_file(directory, "host.key", text, 0600, false);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	return err;
}

/* Reads a secret, after making it where it is missing and may be made. */
static int obtain(int directory, const char *name, bool create, int (*make)(int),
		  char text[static TEXT_MAX])
{
	int err = read_secret(directory, name, text);

	if (err != -ENOENT || !create)
		return err;
	err = make(directory);
	return err ? err : read_secret(directory, name, text);
}

static int load_vault_key(struct keys *keys, int directory, bool create)
{
	char text[TEXT_MAX];
	uint8_t public[32];
	int err = obtain(directory, "vault.key", create, make_vault_key, text);

	if (!err)
		err = parse_identities(text, keys);
	sodium_memzero(text, sizeof(text));
	if (err)
		return err;
	crypto_scalarmult_base(public, keys->identities[0]);
	bech32_encode(AGE_PREFIX_RECIPIENT, public, keys->recipient);
	return 0;
}

static int load_host_key(struct keys *keys, int directory, bool create)
{
	uint8_t seed[crypto_sign_SEEDBYTES];
	char text[TEXT_MAX];
	size_t size = 0;
	int err = obtain(directory, "host.key", create, make_host_key, text);

	if (!err &&
	    (sodium_hex2bin(seed, sizeof(seed), text, strcspn(text, "\n"), NULL, &size, NULL) ||
	     size != sizeof(seed)))
		err = -EBADMSG;
	if (!err)
		crypto_sign_seed_keypair(keys->host_pk, keys->host_sk, seed);
	sodium_memzero(seed, sizeof(seed));
	sodium_memzero(text, sizeof(text));
	return err;
}

static int publish_one(int directory, const char *name, const char *key)
{
	char text[BECH32_TEXT_MAX + 2];

	if (faccessat(directory, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return 0;
	snprintf(text, sizeof(text), "%s\n", key);
	return write_file(directory, name, text, 0644, false);
}

/* The public halves, for people and scripts; they follow from the secrets. */
static int publish(const struct keys *keys, int directory)
{
	char host[2 * sizeof(keys->host_pk) + 1];
	int err = publish_one(directory, "vault.pub", keys->recipient);

	return err ? err
		   : publish_one(directory, "host.pub",
				 text_hex(host, keys->host_pk, sizeof(keys->host_pk)));
}

int keys_open(const char *path, bool create, struct keys **out)
{
	struct keys *keys;
	int err, directory;

	if (sodium_init() < 0)
		return -ENOSYS;
	if (create && mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (directory < 0)
		return -errno;
	keys = sodium_malloc(sizeof(*keys)); /* locked, guarded, and wiped when freed */
	err = keys ? check_directory(directory) : -ENOMEM;
	if (!err)
		err = load_vault_key(keys, directory, create);
	if (!err)
		err = load_host_key(keys, directory, create);
	if (!err && create)
		err = publish(keys, directory);
	close(directory);
	if (err)
		keys_close(keys);
	else
		*out = keys;
	return err;
}

int keys_rotate(struct keys *keys, const char *path)
{
	char *text = sodium_malloc(TEXT_MAX), public_line[BECH32_TEXT_MAX + 2];
	struct keys *rotated = sodium_malloc(sizeof(*rotated));
	int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	int err = !text || !rotated ? -ENOMEM : directory < 0 ? -errno : check_directory(directory);

	if (!err && keys->count == KEYS_IDENTITIES_MAX)
		err = -E2BIG;
	if (!err) {
		uint8_t public[32];
		*rotated = *keys;
		memmove(rotated->identities + 1, keys->identities,
			keys->count * sizeof(keys->identities[0]));
		randombytes_buf(rotated->identities[0], sizeof(rotated->identities[0]));
		rotated->count++;
		crypto_scalarmult_base(public, rotated->identities[0]);
		bech32_encode(AGE_PREFIX_RECIPIENT, public, rotated->recipient);
		*text = 0;
		for (size_t i = 0; i < rotated->count; i++)
			put_identity(rotated->identities[i], text);
		err = write_file(directory, "vault.key", text, 0600, true);
	}
	if (!err) {
		*keys = *rotated;
		snprintf(public_line, sizeof(public_line), "%s\n", keys->recipient);
		err = write_file(directory, "vault.pub", public_line, 0644, true);
	}
	io_close(&directory);
	sodium_free(text);
	sodium_free(rotated);
	return err;
}

const char *keys_recipient(const struct keys *keys)
{
	return keys->recipient;
}

const uint8_t *keys_host_pk(const struct keys *keys)
{
	return keys->host_pk;
}

void keys_sign_host(const struct keys *keys, const void *message, size_t size,
		    uint8_t sig[static 64])
{
	crypto_sign_detached(sig, NULL, message, size, keys->host_sk);
}

int keys_unwrap(const struct keys *keys, const uint8_t *slot, size_t slot_size, uint8_t *secret,
		size_t size)
{
	int err = -ENOKEY;

	for (size_t i = 0; err == -ENOKEY && i < keys->count; i++)
		err = age_unwrap(keys->identities[i], slot, slot_size, secret, size);
	return err;
}

void keys_close(struct keys *keys)
{
	sodium_free(keys);
}
