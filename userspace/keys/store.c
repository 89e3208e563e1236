// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/store.h"

#include "base/io.h"
#include "base/text.h"
#include "keys/age.h"
#include "keys/identities.h"
#include "keys/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEXT_MAX 4096 /* of a file */

_Static_assert(TEXT_MAX == LOCK_TEXT_MAX && TEXT_MAX == IDENTITIES_TEXT_MAX, "they are one file's");

struct keys {
	struct identities identities; /* none while they are locked */
	struct lock lock;
	bool has_lock;
	char locked[TEXT_MAX]; /* the file, where it is under a passphrase */
	uint8_t file_hash[32]; /* of the file, as it was read or written */
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
static int write_file(int directory, const char *name, const char *text, mode_t mode, bool replaces)
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

static int make_vault_key(int directory)
{
	struct identities identities = { 0 };
	char text[TEXT_MAX];
	int err = identities_add(&identities);

	identities_format(&identities, text);
	if (!err)
		err = write_file(directory, "vault.key", text, 0600, false);
	sodium_memzero(&identities, sizeof(identities));
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

static void hash_file(const char *text, uint8_t hash[static 32])
{
	crypto_generichash(hash, 32, (const uint8_t *)text, strlen(text), NULL, 0);
}

static int load_vault_key(struct keys *keys, int directory, bool create)
{
	char text[TEXT_MAX];
	int err = obtain(directory, "vault.key", create, make_vault_key, text);

	if (!err)
		hash_file(text, keys->file_hash);
	if (!err && lock_is(text)) {
		keys->has_lock = true;
		memcpy(keys->locked, text, sizeof(text));
		err = lock_read(text, &keys->lock, keys->recipient);
	} else if (!err) {
		err = identities_parse(text, &keys->identities);
		if (!err)
			identities_recipient(&keys->identities, keys->recipient);
	}
	sodium_memzero(text, sizeof(text));
	return err;
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
	if (keys)
		memset(keys, 0, sizeof(*keys));
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

bool keys_are_locked(const struct keys *keys)
{
	return keys->identities.count == 0;
}

bool keys_have_passphrase(const struct keys *keys)
{
	return keys->has_lock;
}

static int open_directory(const char *path, int *directory)
{
	*directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *directory < 0 ? -errno : check_directory(*directory);
}

static int lock_directory(int directory)
{
	while (flock(directory, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* However many are asked at once, one takes the memory. */
static int derive(struct lock *lock, int directory, const struct passphrase *passphrase)
{
	int err = lock_directory(directory);

	if (!err)
		err = lock_derive(lock, passphrase);
	flock(directory, LOCK_UN);
	return err;
}

int keys_unlock(struct keys *keys, const char *path, const struct passphrase *passphrase)
{
	char *text = sodium_malloc(TEXT_MAX), recipient[BECH32_TEXT_MAX];
	int directory = -1;
	int err = text ? open_directory(path, &directory) : -ENOMEM;

	if (!err)
		err = derive(&keys->lock, directory, passphrase);
	if (!err)
		err = lock_open(&keys->lock, keys->locked, text);
	if (!err)
		err = identities_parse(text, &keys->identities);
	if (!err) {
		identities_recipient(&keys->identities, recipient);
		err = strcmp(recipient, keys->recipient) ? -EBADMSG : 0;
	}
	if (err)
		keys->identities.count = 0;
	io_close(&directory);
	sodium_free(text);
	return err;
}

/* A key that another vault has made meanwhile must not be written over. */
static int check_unchanged(const struct keys *keys, int directory)
{
	char text[TEXT_MAX];
	uint8_t hash[32];
	int err = read_secret(directory, "vault.key", text);

	if (!err) {
		hash_file(text, hash);
		err = memcmp(hash, keys->file_hash, sizeof(hash)) ? -ESTALE : 0;
	}
	sodium_memzero(text, sizeof(text));
	return err;
}

/* Writes the identities, as they are protected; what was there stays, or is gone. */
static int write_vault_key(struct keys *changed, int directory)
{
	char *text = sodium_malloc(TEXT_MAX);

	if (!text)
		return -ENOMEM;
	identities_recipient(&changed->identities, changed->recipient);
	identities_format(&changed->identities, text);
	if (changed->has_lock)
		lock_seal(&changed->lock, changed->recipient, text, changed->locked);
	const char *file = changed->has_lock ? changed->locked : text;
	hash_file(file, changed->file_hash);
	int err = write_file(directory, "vault.key", file, 0600, true);
	sodium_free(text);
	return err;
}

/* Makes a change to a copy, and writes it if that went well. context: of the change. */
static int change(struct keys *keys, const char *path,
		  int (*make)(struct keys *changed, int directory, const void *context),
		  const void *context)
{
	struct keys *changed = sodium_malloc(sizeof(*changed));
	char public_line[BECH32_TEXT_MAX + 2];
	int directory = -1;
	int err = !changed		  ? -ENOMEM
		  : keys_are_locked(keys) ? -EACCES
					  : open_directory(path, &directory);

	if (!err) {
		*changed = *keys;
		err = make(changed, directory, context);
	}
	if (!err)
		err = lock_directory(directory);
	if (!err)
		err = check_unchanged(keys, directory);
	if (!err)
		err = write_vault_key(changed, directory);
	if (!err) {
		*keys = *changed;
		snprintf(public_line, sizeof(public_line), "%s\n", keys->recipient);
		err = write_file(directory, "vault.pub", public_line, 0644, true);
	}
	io_close(&directory); /* unlocks it */
	sodium_free(changed);
	return err;
}

static int rotate(struct keys *changed, int directory, const void *context)
{
	(void)directory, (void)context;
	return identities_add(&changed->identities);
}

int keys_rotate(struct keys *keys, const char *path)
{
	return change(keys, path, rotate, NULL);
}

static int protect(struct keys *changed, int directory, const void *passphrase)
{
	changed->has_lock = passphrase != NULL;
	if (!passphrase)
		return 0;
	lock_new(&changed->lock);
	return derive(&changed->lock, directory, passphrase);
}

int keys_protect(struct keys *keys, const char *path, const struct passphrase *passphrase)
{
	return change(keys, path, protect, passphrase);
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
	int err = keys_are_locked(keys) ? -EACCES : -ENOKEY;

	for (size_t i = 0; err == -ENOKEY && i < keys->identities.count; i++)
		err = age_unwrap(keys->identities.keys[i], slot, slot_size, secret, size);
	return err;
}

void keys_close(struct keys *keys)
{
	sodium_free(keys);
}
