// SPDX-License-Identifier: GPL-2.0-or-later
/* What every request needs: its record, the rules, an answer. */
#include "workers/vault.h"
#include "workers/worker.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void vault_note(struct vault *vault, const struct audit_record *record)
{
	int err = audit_log_append(vault->log, record);

	if (err)
		worker_fail(
			1, -err,
			"the audit log cannot be written (%s), so nothing is opened; make room or "
			"repair it",
			strerror(-err));
}

bool vault_note_gate(struct vault *vault, struct audit_record record)
{
	record.is_gate = true;
	int err = audit_log_append(vault->log, &record);

	if (err == -ENOSPC)
		return false;
	if (err)
		worker_fail(
			1, -err,
			"the audit log cannot be written (%s), so nothing is opened; make room or repair it",
			strerror(-err));
	return true;
}

void vault_describe(struct audit_object *object, int fd, const struct capture_header *header)
{
	struct stat st = { 0 };

	*object = (struct audit_object) { 0 };
	if (fd >= 0 && fstat(fd, &st) == 0) {
		object->device = st.st_dev;
		object->inode = st.st_ino;
		object->size = (uint64_t)st.st_size;
	}
	if (header) {
		memcpy(object->capture_id, header->capture_id, sizeof(object->capture_id));
		crypto_hash_sha256(object->header_hash, header->bytes, sizeof(header->bytes));
	}
}

void vault_reply(enum message_type type, const void *body, size_t size)
{
	if (message_send(WORKER_SOCKET, type, body, size, NULL, 0))
		exit(1);
}

bool vault_trusts(const struct vault *vault)
{
	return vault->peer.uid == 0 || vault->peer.uid == geteuid();
}

void vault_decide(const struct vault *vault, const char *operation, bool has_reason,
		   uint64_t age_s, struct access_decision *decision)
{
	struct access_request request = { .asker = &vault->peer,
					  .group_count = vault->group_count,
					  .owner = geteuid(),
					  .operation = operation,
					  .has_reason = has_reason,
					  .age_s = age_s };

	memcpy(request.groups, vault->groups, sizeof(request.groups));
	access_decide(vault->rules, &request, decision);
	/* whoever can mend the rules learns what is wrong with them */
	if (!vault->rules && vault_trusts(vault))
		decision->why = vault->mistake;
}

void vault_refuse(struct vault *vault, const struct audit_object *object,
		   const struct access_decision *decision, int exit_status, int error,
		   const char *why)
{
	vault_note(vault, &(struct audit_record) { .operation = "open.deny",
					     .result = exit_status == 4 ? "denied" : "failed",
					     .subject = &vault->peer,
					     .object = object,
					     .why = why,
					     .asked = decision ? decision->operation : NULL,
					     .rule = decision ? decision->rule : NULL });
	worker_refuse(WORKER_SOCKET, exit_status, error, "%s", why);
}
