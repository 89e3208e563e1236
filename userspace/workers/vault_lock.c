// SPDX-License-Identifier: GPL-2.0-or-later
/* The vault's key under a passphrase: recordings go on without it, and nothing opens. */
#include "base/io.h"
#include "keys/passphrase.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <errno.h>
#include <string.h>

/* NULL, or why it is still locked. */
static const char *unlock(struct vault *vault, int fd)
{
	struct passphrase *passphrase = passphrase_new();
	int err = passphrase ? passphrase_read(passphrase, fd) : -ENOMEM;

	if (!err)
		err = keys_unlock(vault->keys, vault->key_directory, passphrase);
	passphrase_free(passphrase);
	switch (err) {
	case 0: return NULL;
	case -EKEYREJECTED: return "the passphrase is wrong";
	case -ENODATA: return "no passphrase was given";
	case -E2BIG: return "the passphrase is too long";
	case -ENOMEM: return "there is not the memory that unlocking the vault's key takes";
	}
	return strerror(-err);
}

/* On record, be it right or wrong: whoever guesses leaves a trail. */
static const char *unlock_on_record(struct vault *vault, int fd, const char *whose)
{
	const char *why = unlock(vault, fd);

	vault_note(vault, &(struct audit_record) { .operation = "keys.unlock",
						   .result = why ? "denied" : "ok",
						   .subject = &vault->peer,
						   .why = why ? why : whose });
	return why;
}

bool vault_is_unlocked(struct vault *vault)
{
	if (keys_are_locked(vault->keys) && vault->credential >= 0) {
		(void)unlock_on_record(vault, vault->credential, "by the service's credential");
		io_close(&vault->credential);
	}
	if (!keys_are_locked(vault->keys))
		return true;
	vault->may_unlock = true;
	vault_reply(VAULT_LOCKED, &(struct vault_locked) { 0 }, sizeof(struct vault_locked));
	return false;
}

/* It costs memory and time, so that only who could go on may try. */
void vault_serve_unlock(struct vault *vault, int fd)
{
	if (vault_brought_waits(vault)) {
		vault_brought_unlock(vault, fd);
		return;
	}
	if (!keys_are_locked(vault->keys) || !(vault->may_unlock || vault_trusts(vault)))
		worker_fail(1, EPROTO, "nothing was asked for that a passphrase is needed for");
	const char *why = unlock_on_record(vault, fd, NULL);
	if (why)
		worker_refuse(WORKER_SOCKET, 4, EKEYREJECTED, "%s", why);
	else
		vault_reply(VAULT_NOTED, NULL, 0);
}

static const char *protect(struct vault *vault, struct passphrase *passphrase, int fd)
{
	int err = passphrase ? passphrase_read(passphrase, fd) : -ENOMEM;

	if (err == -ENODATA)
		return "no passphrase was given";
	if (err == -E2BIG)
		return "the passphrase is too long";
	if (!err && passphrase->size < PASSPHRASE_MIN)
		return "a passphrase has at least eight characters";
	if (!err)
		err = keys_protect(vault->keys, vault->key_directory, passphrase);
	return vault_why_unchanged(err);
}

/* What is done is on record before; what then fails, after. */
void vault_serve_protect(struct vault *vault, int fd)
{
	struct audit_record record = { .operation = "keys.passphrase",
				       .result = "denied",
				       .subject = &vault->peer };

	if (!vault_trusts(vault)) {
		vault_note(vault, &record);
		worker_fail(4, EPERM, "only root and the vault's user can change its keys");
	}
	if (!vault_is_unlocked(vault))
		return;
	record.result = "ok";
	record.why = keys_have_passphrase(vault->keys) ? "changed" : "set";
	if (!vault_note_gate(vault, record))
		worker_fail(1, ENOSPC, VAULT_NO_ROOM);
	struct passphrase *passphrase = passphrase_new();
	const char *why = protect(vault, passphrase, fd);
	passphrase_free(passphrase);
	if (why) {
		record.result = "failed";
		record.why = why;
		vault_note(vault, &record);
		worker_fail(1, EINVAL, "the passphrase was not set: %s", why);
	}
	vault_reply(VAULT_NOTED, NULL, 0);
}
