// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an asker opens a capture with instead of the vault's key: identities of their own, or the
 * capture's passphrase. It is theirs, and so is what it opens: the rules are not asked, but all is
 * on record. Only root and the vault's user bring something: nobody gives secrets to another
 * user's process.
 */
#include "base/clock.h"
#include "base/io.h"
#include "capture/slots.h"
#include "keys/identity_file.h"
#include "keys/passphrase_slot.h"
#include "vault/unwrap.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <errno.h>
#include <poll.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_MS 300000 /* until somebody has typed a PIN, and touched a key */

/* What only the age program opens with. */
struct program_identity {
	uint32_t file;	      /* of those that were brought, from 0 */
	struct recipient ssh; /* of kind RECIPIENT_SSH_ED25519: for it only */
	char plugin[RECIPIENT_TEXT_MAX];
};

struct vault_brought {
	struct age_key keys[IDENTITY_KEYS_MAX];
	size_t count;
	struct program_identity programs[VAULT_IDENTITIES_MAX];
	size_t program_count;
	uint32_t files;
	char name[RECIPIENT_TEXT_MAX + 16]; /* of the first identity, for the record */
	bool is_waiting;		    /* the text, for its passphrase */
	char text[IDENTITY_FILE_MAX + 1];
	size_t text_size;
	bool wants_passphrase; /* a capture that is to be opened */
	struct passphrase passphrase;
	unsigned tried, asked; /* slots, with it and with the age program */
};

static struct vault_brought *brought_of(struct vault *vault)
{
	if (!vault_trusts(vault))
		worker_fail(4, EPERM,
			    "only root and the vault's user bring keys of their own; whoever is "
			    "another user starts a vault of their own (--state-dir)");
	if (!vault->brought) {
		vault->brought = sodium_malloc(sizeof(*vault->brought)); /* wiped when freed */
		if (!vault->brought)
			worker_fail(1, ENOMEM, "no memory could be locked for keys");
		memset(vault->brought, 0, sizeof(*vault->brought));
	}
	return vault->brought;
}

void vault_brought_forget(struct vault *vault)
{
	sodium_free(vault->brought);
	vault->brought = NULL;
}

/* Up to its end, or max bytes; whoever asks may hang up meanwhile. */
static int read_given(int fd, void *data, size_t max, size_t *size)
{
	uint64_t end_ns = clock_now_ns() + WAIT_MS * 1000000ull;
	struct pollfd polls[2] = { { .fd = fd, .events = POLLIN },
				   { .fd = WORKER_SOCKET, .events = 0 } };

	for (*size = 0; *size < max;) {
		uint64_t now_ns = clock_now_ns();
		if (now_ns >= end_ns || poll(polls, 2, (int)((end_ns - now_ns) / 1000000) + 1) == 0)
			return -ETIMEDOUT;
		if (polls[1].revents)
			return -EPIPE;
		ssize_t n = read(fd, (uint8_t *)data + *size, max - *size);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			return 0;
		*size += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* Names the first one: of an age identity, its recipient. */
static void name_identity(struct vault_brought *brought, const struct identity_file *file)
{
	char text[RECIPIENT_TEXT_MAX];

	if (brought->name[0])
		return;
	if (file->count) {
		recipient_format(&file->keys[0].recipient, text);
	} else if (file->ssh.kind == RECIPIENT_SSH_ED25519) {
		recipient_format(&file->ssh, text);
	} else {
		snprintf(brought->name, sizeof(brought->name), "age-plugin-%.100s", file->plugin);
		return;
	}
	snprintf(brought->name, sizeof(brought->name), "%s", text);
}

/* Takes the identities out of the text. NULL, or what is wrong with it. */
static const char *take_identities(struct vault_brought *brought, const char *text)
{
	struct identity_file *file = sodium_malloc(sizeof(*file));
	const char *why = NULL;

	if (!file)
		return strerror(ENOMEM);
	switch (identity_file_parse(text, file)) {
	case 0: break;
	case -ENOTSUP: why = "is an SSH key of another type than ed25519"; break;
	case -E2BIG: why = "has more than sixteen identities"; break;
	case -ENOMEM: why = strerror(ENOMEM); break;
	default:
		why = "is no identity: neither age's (AGE-SECRET-KEY-1…, AGE-PLUGIN-…) nor an SSH "
		      "key of type ed25519, or it is damaged";
	}
	if (!why && file->count > IDENTITY_KEYS_MAX - brought->count)
		why = "is one too many: sixteen identities at most";
	if (!why) {
		name_identity(brought, file);
		memcpy(brought->keys + brought->count, file->keys,
		       file->count * sizeof(file->keys[0]));
		brought->count += file->count;
		if (file->takes_program) {
			struct program_identity *program =
				&brought->programs[brought->program_count++];
			program->file = brought->files;
			program->ssh = file->ssh;
			memcpy(program->plugin, file->plugin, sizeof(program->plugin));
		}
		brought->files++;
	}
	sodium_free(file);
	return why;
}

void vault_serve_identity(struct vault *vault, int fd)
{
	struct vault_brought *brought = brought_of(vault);
	const struct vault_locked locked = { .is_subject = 1 };
	const char *why = NULL;

	if (brought->is_waiting || brought->files == VAULT_IDENTITIES_MAX)
		worker_fail(1, EINVAL, "too many files of identities: at most %d",
			    VAULT_IDENTITIES_MAX);
	int err = read_given(fd, brought->text, sizeof(brought->text), &brought->text_size);
	if (err)
		why = strerror(-err);
	else if (brought->text_size == sizeof(brought->text))
		why = "is larger than any identity";
	if (!why) {
		brought->text[brought->text_size] = 0;
		brought->is_waiting = identity_file_is_locked(brought->text, brought->text_size);
		if (!brought->is_waiting)
			why = take_identities(brought, brought->text);
	}
	if (!brought->is_waiting)
		sodium_memzero(brought->text, sizeof(brought->text));
	if (why)
		worker_refuse(WORKER_SOCKET, 1, EINVAL, "%s", why);
	else if (brought->is_waiting)
		vault_reply(VAULT_LOCKED, &locked, sizeof(locked));
	else
		vault_reply(VAULT_NOTED, NULL, 0);
}

/* The identity file that waits. NULL, or why it stays closed; *error: errno of that. */
static const char *unlock_identities(struct vault_brought *brought, int *error)
{
	char *plain = sodium_malloc(IDENTITY_FILE_MAX + 1);
	int err = plain ? identity_file_unlock(&brought->passphrase, brought->text,
					       brought->text_size, plain)
			: -ENOMEM;
	const char *why = NULL;

	*error = err == -ENOKEY ? EKEYREJECTED : -err;
	switch (err) {
	case 0: why = take_identities(brought, plain); break;
	case -ENOKEY: why = "the passphrase is wrong"; break;
	case -E2BIG:
		why = "asks for more than 1 GiB to try a passphrase; encrypt it again with less";
		break;
	case -EBADMSG: why = "is not an age file under a passphrase, or damaged"; break;
	default: why = strerror(-err);
	}
	if (err != -ENOKEY) {
		brought->is_waiting = false;
		sodium_memzero(brought->text, sizeof(brought->text));
	}
	sodium_free(plain);
	return why;
}

bool vault_brought_waits(const struct vault *vault)
{
	return vault->brought && (vault->brought->is_waiting || vault->brought->wants_passphrase);
}

void vault_brought_unlock(struct vault *vault, int fd)
{
	struct vault_brought *brought = vault->brought;
	const char *why = NULL;
	int err = passphrase_read(&brought->passphrase, fd), error = EINVAL;

	if (err) {
		why = err == -ENODATA ? "no passphrase was given"
		      : err == -E2BIG ? "the passphrase is too long"
				      : strerror(-err);
	} else if (brought->is_waiting) {
		why = unlock_identities(brought, &error);
		sodium_memzero(&brought->passphrase, sizeof(brought->passphrase));
	}
	brought->wants_passphrase = false;
	if (why)
		worker_refuse(WORKER_SOCKET, error == EKEYREJECTED ? 4 : 1, error, "%s", why);
	else
		vault_reply(VAULT_NOTED, NULL, 0);
}

void vault_take_passphrase(struct vault *vault, int fd)
{
	int err = vault->new_passphrase ? -EEXIST : 0;

	vault->new_passphrase = err ? vault->new_passphrase : passphrase_new();
	if (!err)
		err = vault->new_passphrase ? passphrase_read(vault->new_passphrase, fd) : -ENOMEM;
	if (!err && vault->new_passphrase->size < PASSPHRASE_MIN)
		err = -EINVAL;
	if (err)
		worker_fail(1, -err, "the capture's new passphrase: %s",
			    err == -EINVAL || err == -ENODATA ? "has at least eight characters"
			    : err == -E2BIG		      ? "is too long"
							      : strerror(-err));
}

/* --- slots --- */

/* The asker runs the age program, whose answer comes here and nowhere else; not for ever, however
 * many slots there are. */
static int open_by_program(struct vault_brought *brought, const struct program_identity *identity,
			   const struct unwrap_slot *slot,
			   uint8_t secret[static CAPTURE_SECRET_BYTES])
{
	struct vault_age request = { .identity = identity->file,
				     .size = (uint32_t)slot->size,
				     .offset = slot->offset };
	uint8_t answer[CAPTURE_SECRET_BYTES + 1];
	int pair[2];
	size_t size = 0;

	if (identity->ssh.kind == RECIPIENT_SSH_ED25519
		    ? !age_names_ssh_key(slot->bytes, slot->size, &identity->ssh)
		    : !age_is_for_plugin(slot->bytes, slot->size))
		return -ENOKEY;
	if (brought->asked++ == WRITER_RECIPIENTS_MAX)
		return -E2BIG;
	snprintf(request.plugin, sizeof(request.plugin), "%s", identity->plugin);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	int err = message_send(WORKER_SOCKET, VAULT_AGE, &request, sizeof(request), &pair[1], 1);
	close(pair[1]);
	if (!err)
		err = read_given(pair[0], answer, sizeof(answer), &size);
	close(pair[0]);
	/* it says nothing where it is not for this identity */
	if (!err && size != CAPTURE_SECRET_BYTES)
		err = size ? -EBADMSG : -ENOKEY;
	if (!err)
		memcpy(secret, answer, CAPTURE_SECRET_BYTES);
	sodium_memzero(answer, sizeof(answer));
	return err;
}

static int open_by_identities(void *context, const struct unwrap_slot *slot,
			      uint8_t secret[static CAPTURE_SECRET_BYTES])
{
	struct vault_brought *brought = context;
	int err = -ENOKEY, worst = -ENOKEY;

	for (size_t i = 0; i < brought->count && (err == -ENOKEY || err == -EBADMSG); i++) {
		err = age_unwrap_by(&brought->keys[i], slot->bytes, slot->size, secret,
				    CAPTURE_SECRET_BYTES);
		worst = err == -EBADMSG ? err : worst;
	}
	/* whether or not it is a whole one, it is read strictly here before age reads it */
	if ((err == -ENOKEY || err == -EBADMSG) &&
	    !age_is_file(slot->bytes, slot->size, CAPTURE_SECRET_BYTES))
		return -EBADMSG;
	for (size_t i = 0; i < brought->program_count && (err == -ENOKEY || err == -EBADMSG); i++)
		err = open_by_program(brought, &brought->programs[i], slot, secret);
	return err == -ENOKEY ? worst : err;
}

/* However many ask a service at once, one takes the memory. */
static int open_by_passphrase(void *context, const struct unwrap_slot *slot,
			      uint8_t secret[static CAPTURE_SECRET_BYTES])
{
	struct vault *vault = context;
	struct vault_brought *brought = vault->brought;

	if (brought->tried++ == SLOT_PASSPHRASES_MAX)
		return -EKEYREJECTED;
	flock(vault->key_folder, LOCK_EX);
	int err = passphrase_slot_open(&brought->passphrase, slot->bytes, slot->size, secret,
				       CAPTURE_SECRET_BYTES);
	flock(vault->key_folder, LOCK_UN);
	/* another one may have this passphrase */
	return err == -EKEYREJECTED ? -ENOKEY : err;
}

/* Looks at what it asks for; and opens none. */
static int look_at_slot(void *context, const struct unwrap_slot *slot,
			uint8_t secret[static CAPTURE_SECRET_BYTES])
{
	struct lock lock;
	int err = passphrase_slot_read(slot->bytes, slot->size, &lock);

	(void)secret;
	*(size_t *)context += !err;
	return err ? err : -ENOKEY;
}

int vault_brought_check(struct vault *vault, uint32_t by, int fd,
			const struct capture_header *header, bool *is_ready)
{
	struct vault_brought *brought = brought_of(vault);
	uint8_t key[CAPTURE_KEY_BYTES];
	size_t count = 0;
	const struct unwrapper look = { .type = SLOT_PASSPHRASE,
					.context = &count,
					.open = look_at_slot };

	*is_ready = true;
	if (by == VAULT_BY_IDENTITY)
		return brought->files ? 0 : -EINVAL;
	int err = unwrap_capture(&look, fd, header, key);
	if (err != -ENOKEY || !count)
		return err;
	*is_ready = brought->passphrase.size > 0;
	brought->wants_passphrase = !*is_ready;
	return 0;
}

int vault_brought_unwrap(struct vault *vault, uint32_t by, int fd,
			 const struct capture_header *header, uint8_t key[static CAPTURE_KEY_BYTES])
{
	struct vault_brought *brought = vault->brought;
	const struct unwrapper unwrapper = {
		.type = by == VAULT_BY_IDENTITY ? SLOT_AGE : SLOT_PASSPHRASE,
		.context = by == VAULT_BY_IDENTITY ? (void *)brought : (void *)vault,
		.open = by == VAULT_BY_IDENTITY ? open_by_identities : open_by_passphrase
	};

	brought->tried = brought->asked = 0;
	int err = unwrap_capture(&unwrapper, fd, header, key);
	sodium_memzero(&brought->passphrase, sizeof(brought->passphrase));
	/* there is such a slot: vault_brought_check() */
	if (by == VAULT_BY_PASSPHRASE && err == -ENOKEY)
		err = -EKEYREJECTED;
	brought->wants_passphrase = err == -EKEYREJECTED;
	return err;
}

void vault_brought_describe(const struct vault *vault, uint32_t by, char *rule, size_t size)
{
	const struct vault_brought *brought = vault->brought;
	size_t count = brought->count + brought->program_count;

	if (by == VAULT_BY_PASSPHRASE)
		snprintf(rule, size, "passphrase of the capture");
	else if (count > 1)
		snprintf(rule, size, "identity %.90s and %zu more", brought->name, count - 1);
	else
		snprintf(rule, size, "identity %.110s", brought->name);
}
