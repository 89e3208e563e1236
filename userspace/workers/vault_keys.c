// SPDX-License-Identifier: GPL-2.0-or-later
/* Whom captures are encrypted for: this vault, by its newest key, and the recipients that every
 * recording has; and other recipients for a capture that is there. */
#include "base/io.h"
#include "capture/rewrap.h"
#include "keys/passphrase_slot.h"
#include "keys/wrapping.h"
#include "vault/unwrap.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

void vault_serve_public(struct vault *vault)
{
	struct vault_keys keys = { 0 };

	memcpy(keys.host_pk, keys_host_pk(vault->keys), sizeof(keys.host_pk));
	snprintf(keys.recipient, sizeof(keys.recipient), "%s", keys_recipient(vault->keys));
	keys.has_passphrase = keys_have_passphrase(vault->keys);
	keys.is_locked = keys_are_locked(vault->keys);
	vault_reply(VAULT_KEYS, &keys, sizeof(keys));
}

/* Those in the file; one that cannot be read forbids every recording. */
static size_t read_recipients(struct vault *vault,
			      struct recipient recipients[static VAULT_RECIPIENTS_MAX])
{
	size_t count;
	unsigned line;
	int err = recipients_read(vault->key_directory, RECIPIENTS_NAME, recipients,
				  VAULT_RECIPIENTS_MAX, &count, &line);

	if (err)
		worker_fail(
			err == -EPERM ? 4 : 1, -err, "%s/keys/" RECIPIENTS_NAME ", line %u: %s",
			vault->state_directory, line,
			err == -EBADMSG
				? "is neither age1... nor ssh-ed25519 AAAA..., so nothing is recorded; mend "
				  "or remove it"
			: err == -E2BIG ? "more than eight recipients"
			: err == -EPERM ? "others may write it, or own it; chown it, and chmod go-w"
					: strerror(-err));
	return count;
}

void vault_serve_recipients(struct vault *vault)
{
	struct recipient recipients[VAULT_RECIPIENTS_MAX];
	struct vault_recipients answer = { .count = (uint32_t)read_recipients(vault, recipients) };

	for (uint32_t i = 0; i < answer.count; i++)
		recipient_format(&recipients[i], answer.texts[i]);
	vault_reply(VAULT_RECIPIENT_LIST, &answer, sizeof(answer));
}

/* NULL, or why the list stays as it is. */
static const char *change_recipients(struct vault *vault, const struct recipient *recipient,
				     bool is_added)
{
	struct recipient recipients[VAULT_RECIPIENTS_MAX + 1];
	size_t count = read_recipients(vault, recipients), kept = 0;

	for (size_t i = 0; i < count; i++)
		if (!recipient_is(&recipients[i], recipient))
			recipients[kept++] = recipients[i];
	if (is_added && kept < count)
		return "is a recipient already";
	if (!is_added && kept == count)
		return "is no recipient";
	if (is_added)
		recipients[kept++] = *recipient;
	if (kept > VAULT_RECIPIENTS_MAX)
		return "there are eight recipients already";
	int err = recipients_write(vault->key_directory, RECIPIENTS_NAME, recipients, kept);
	return err ? strerror(-err) : NULL;
}

const char *vault_why_unchanged(int err)
{
	switch (err) {
	case 0: return NULL;
	case -E2BIG: return "the vault has sixteen keys already";
	case -ESTALE: return "somebody else has changed the keys meanwhile; try again";
	}
	return strerror(-err);
}

void vault_serve_change(struct vault *vault, struct vault_change *change)
{
	static const char *const OPERATIONS[] = { "keys.rotate", "recipients.add",
						  "recipients.remove", "keys.passphrase" };
	struct audit_record record = { .result = "ok", .subject = &vault->peer };
	struct recipient recipient;
	char text[RECIPIENT_TEXT_MAX] = "";
	const char *why = NULL;

	change->recipient[sizeof(change->recipient) - 1] = 0;
	bool is_of_recipients = change->what == VAULT_ADD_RECIPIENT ||
				change->what == VAULT_REMOVE_RECIPIENT;
	if (change->what > VAULT_UNPROTECT)
		worker_fail(1, EINVAL, "the vault was asked for a change that it does not know");
	record.operation = OPERATIONS[change->what];
	if (!vault_trusts(vault)) {
		record.result = "denied";
		vault_note(vault, &record);
		worker_fail(4, EPERM, "only root and the vault's user can change its keys");
	}
	if (is_of_recipients && recipient_parse(change->recipient, &recipient))
		worker_fail(2, EINVAL,
			    "not a recipient; one looks like age1... or ssh-ed25519 AAAA...");
	if (!is_of_recipients && !vault_is_unlocked(vault))
		return;
	/* what is done is on record before; what then fails, after */
	if (is_of_recipients)
		recipient_format(&recipient, text);
	record.why = change->what == VAULT_UNPROTECT ? "removed" : text[0] ? text : NULL;
	if (!vault_note_gate(vault, record))
		worker_fail(1, ENOSPC, VAULT_NO_ROOM);
	if (change->what == VAULT_ROTATE) {
		why = vault_why_unchanged(keys_rotate(vault->keys, vault->key_directory));
	} else if (change->what == VAULT_UNPROTECT) {
		why = vault_why_unchanged(keys_protect(vault->keys, vault->key_directory, NULL));
	} else {
		why = change_recipients(vault, &recipient, change->what == VAULT_ADD_RECIPIENT);
	}
	if (why) {
		record.result = "failed";
		record.why = why;
		vault_note(vault, &record);
		worker_fail(1, EINVAL, "%s: %s", text[0] ? text : "keys", why);
	}
	vault_reply(VAULT_NOTED, NULL, 0);
}

/* Who chooses the program gets the capture's key: so that has to be somebody who is trusted. */
void vault_take_plugin(struct vault *vault, int to, int from)
{
	if (!vault_trusts(vault))
		worker_fail(
			4, EPERM,
			"only root and the vault's user can rewrap for a recipient of a plugin's");
	if (vault->plugin_count == WRITER_RECIPIENTS_MAX)
		worker_fail(1, EINVAL, "too many recipients: at most %d",
			    WRITER_RECIPIENTS_MAX - 1);
	vault->plugin_pipes[vault->plugin_count][0] = to;
	vault->plugin_pipes[vault->plugin_count++][1] = from;
}

/* The recipients of a job, each with its slot; and where there is a passphrase, one more. */
struct wrappings {
	struct wrapping each[WRITER_RECIPIENTS_MAX];
	struct rewrap_slot slots[WRITER_RECIPIENTS_MAX + 1];
	size_t count, plugins;
};

/* Adds one. What a plugin needs was sent before, in this order. */
static int add_wrapping(struct vault *vault, const char *recipient, struct wrappings *wrappings)
{
	struct wrapping *wrapping = &wrappings->each[wrappings->count];
	int err = wrapping_prepare(wrapping, recipient);

	wrappings->slots[wrappings->count++] = (struct rewrap_slot) { SLOT_AGE, wrapping_wrap,
								      wrapping };
	if (err || wrapping->recipient.kind != RECIPIENT_PLUGIN)
		return err;
	if (wrappings->plugins == vault->plugin_count)
		return -EINVAL;
	int *pipes = vault->plugin_pipes[wrappings->plugins++];
	wrapping->to = pipes[0];
	wrapping->from = pipes[1];
	pipes[0] = pipes[1] = -1;
	return 0;
}

/* Whatever was wrapped, or not: a program that still waits sees that nothing comes. */
static void end_wrappings(struct vault *vault, struct wrappings *wrappings)
{
	for (size_t i = 0; i < wrappings->count; i++)
		wrapping_close(&wrappings->each[i]);
	for (size_t i = 0; i < vault->plugin_count; i++) {
		io_close(&vault->plugin_pipes[i][0]);
		io_close(&vault->plugin_pipes[i][1]);
	}
	vault->plugin_count = 0;
}

static void sign_by_host(void *context, const void *bytes, size_t size,
			 uint8_t signature[static 64])
{
	keys_sign_host(context, bytes, size, signature);
}

/* Who it is for from now on, for the record: as many as it has room for. */
static void describe_change(const struct vault_rewrap *request, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "%s",
				       request->keeps ? "also for" : "only for the vault");

	if (request->has_passphrase && used < size)
		used += (size_t)snprintf(text + used, size - used, "%s a passphrase",
					 request->keeps ? "" : " and");
	for (uint32_t i = 0; i < request->count && used < size; i++)
		used += (size_t)snprintf(text + used, size - used, "%s %s",
					 i || request->keeps || request->has_passphrase ? ""
											: " and",
					 request->recipients[i]);
}

/* However many ask at once, one takes the memory. */
static int wrap_by_passphrase(void *context, const uint8_t *secret, size_t size,
			      struct bytes_buffer *slot)
{
	struct vault *vault = context;

	flock(vault->key_folder, LOCK_EX);
	int err = passphrase_slot_wrap(vault->new_passphrase, secret, size, slot);
	flock(vault->key_folder, LOCK_UN);
	return err;
}

static int rewrap(struct vault *vault, const struct vault_rewrap *request,
		  const struct capture_header *header, int fd, int out, uint64_t *size)
{
	struct wrappings wrappings = { .count = 0 };
	uint8_t key[CAPTURE_KEY_BYTES];
	int err = 0;
	struct rewrap job = { .key = key,
			      .keeps = request->keeps != 0,
			      .slots = wrappings.slots,
			      .signer = { .context = vault->keys,
					  .public_key = keys_host_pk(vault->keys),
					  .sign = sign_by_host } };

	/* what is kept has the vault among it */
	if (!job.keeps)
		err = add_wrapping(vault, keys_recipient(vault->keys), &wrappings);
	for (uint32_t i = 0; !err && i < request->count; i++)
		err = add_wrapping(vault, request->recipients[i], &wrappings);
	job.count = wrappings.count;
	if (request->has_passphrase)
		wrappings.slots[job.count++] = (struct rewrap_slot) { SLOT_PASSPHRASE,
								      wrap_by_passphrase, vault };
	sodium_mlock(key, sizeof(key));
	if (!err)
		err = unwrap_capture_key(vault->keys, fd, header, key);
	if (!err)
		err = capture_rewrap(fd, header, &job, out, size);
	sodium_munlock(key, sizeof(key)); /* wipes */
	end_wrappings(vault, &wrappings);
	return err;
}

/* Strictly in this order: the record, on disk, then the key. */
void vault_serve_rewrap(struct vault *vault, struct vault_rewrap *request, int fd, int out)
{
	struct access_decision decision;
	struct capture_header header;
	struct audit_object object;
	struct vault_rewrapped done;
	char why[1536], change[896];

	for (size_t i = 0; i < WRITER_RECIPIENTS_MAX; i++)
		request->recipients[i][sizeof(request->recipients[i]) - 1] = 0;
	request->why[sizeof(request->why) - 1] = 0;
	if (request->count >= WRITER_RECIPIENTS_MAX)
		worker_fail(1, EINVAL, "too many recipients: at most %d",
			    WRITER_RECIPIENTS_MAX - 1);
	if (request->has_passphrase && !vault->new_passphrase)
		worker_fail(1, EINVAL, "a passphrase was announced, and not given");
	if (!vault_admits(vault, fd, "rewrap", request->why[0], &object, &header, &decision) ||
	    !vault_is_unlocked(vault))
		return;
	describe_change(request, change, sizeof(change));
	snprintf(why, sizeof(why), "%s%s%s", change, request->why[0] ? ": " : "", request->why);
	if (!vault_note_gate(vault, (struct audit_record) { .operation = "rewrap",
							    .result = "ok",
							    .subject = &vault->peer,
							    .object = &object,
							    .why = why,
							    .asked = decision.operation,
							    .rule = decision.rule })) {
		vault_refuse_key(vault, &object, &decision, -ENOSPC);
		return;
	}
	int err = rewrap(vault, request, &header, fd, out, &done.body_offset);
	if (err == -E2BIG)
		vault_refuse(vault, &object, &decision, 1, E2BIG,
			     "has no room for so many recipients before its first chunk, or four "
			     "passphrases already; --only takes away those that are there");
	else if (err == -EPROTO || err == -ETIMEDOUT)
		vault_refuse(
			vault, &object, &decision, 1, -err,
			"a recipient's plugin made no age file; see what it said, or leave out "
			"the recipient");
	else if (err)
		vault_refuse_key(vault, &object, &decision, err);
	else
		vault_reply(VAULT_REWRAPPED, &done, sizeof(done));
}
