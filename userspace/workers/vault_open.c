// SPDX-License-Identifier: GPL-2.0-or-later
/* A capture is opened: by the rules, on record, by a reader without rights. */
#include "base/clock.h"
#include "base/io.h"
#include "capture/read.h"
#include "keys/lock.h"
#include "vault/unwrap.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char *why_no_header(int err)
{
	switch (err) {
	case -ENODATA: return "is empty or cut inside its header";
	case -EBADMSG: return "is not a heaptrail capture";
	case -ENOTSUP: return "was made by another version of heaptrail; use that version";
	case -EKEYREJECTED: return "was tampered with: the signature of its header is wrong";
	case -EISDIR: return "is a directory";
	case -EINVAL: return "is not a regular file";
	}
	return strerror(-err);
}

/* Hands the key to the reader. 0 and the asker's end of its socket. */
static int use_reader(struct vault *vault, int fd, struct reader_start *key, int *asker)
{
	int pair[2], fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	fds[0] = fd;
	fds[1] = pair[1];
	int err = message_send(vault->reader.socket, READER_START, key, sizeof(*key), fds, 2);
	close(pair[1]);
	*asker = pair[0];
	vault->is_reading = !err;
	return err;
}

/* Strictly in this order: the record, on disk, then the key, then a reader that has it. */
static int grant(struct vault *vault, int fd, const struct capture_header *header,
		 const struct vault_open *request, const struct access_decision *decision,
		 int *asker)
{
	struct reader_start key;

	if (!vault_note_gate(vault,
			     (struct audit_record) { .operation = "open.grant",
						     .result = "ok",
						     .subject = &vault->peer,
						     .object = &vault->reading,
						     .why = request->why[0] ? request->why : NULL,
						     .asked = decision->operation,
						     .rule = decision->rule }))
		return -ENOSPC;
	vault->reading_ns = clock_now_ns();
	int err = request->by == VAULT_BY_OWN_KEY
			  ? unwrap_capture_key(vault->keys, fd, header, key.key)
			  : vault_brought_unwrap(vault, request->by, fd, header, key.key);
	if (!err)
		err = use_reader(vault, fd, &key, asker);
	sodium_memzero(&key, sizeof(key));
	return err;
}

void vault_refuse_key(struct vault *vault, const struct audit_object *object,
		      const struct access_decision *decision, int err)
{
	if (err == -ENOKEY)
		vault_refuse(
			vault, object, decision, 6, -err,
			"is not encrypted for this host's vault: open it where it was recorded, or "
			"as one of its recipients (-i IDENTITY, --passphrase)");
	else if (err == -EBADMSG)
		vault_refuse(vault, object, decision, 6, -err,
			     "was tampered with: its key slots are not valid");
	else
		vault_refuse(vault, object, decision, 1, -err,
			     err == -ENOSPC  ? VAULT_NO_ROOM
			     : err == -EPIPE ? "is not read: the reader died before it had the key"
					     : strerror(-err));
}

/* Is the header the host's with this key? err: of reading it. */
static bool is_of_host(struct vault *vault, const struct audit_object *object,
		       const struct capture_header *header, int err, const uint8_t *host_pk,
		       const struct access_decision *decision, const char *why_other)
{
	if (err)
		vault_refuse(vault, object, decision, err == -EKEYREJECTED ? 6 : 1, -err,
			     why_no_header(err));
	else if (host_pk && memcmp(header->host_pk, host_pk, sizeof(header->host_pk)) != 0)
		vault_refuse(vault, object, decision, 6, EKEYREJECTED, why_other);
	else
		return true;
	return false;
}

bool vault_admits(struct vault *vault, int fd, const char *operation, bool has_reason,
		  struct audit_object *object, struct capture_header *header,
		  struct access_decision *decision)
{
	int err = capture_header_read(fd, header);

	vault_describe(object, fd, err ? NULL : header);
	uint64_t now = (uint64_t)time(NULL), created = err ? now : header->created_unix;
	vault_decide(vault, operation, has_reason, access_age(created, now), decision);
	if (!decision->is_allowed)
		vault_refuse(vault, object, decision, 4, EACCES, decision->why);
	/* whoever knows our recipient can make such a capture with a host key of their own */
	else
		return is_of_host(
			vault, object, header, err, keys_host_pk(vault->keys), decision,
			"was signed by another host's key: it was not recorded here (then open "
			"it as its recipient: -i IDENTITY, --passphrase), or was forged");
	return false;
}

/* Why what was brought does not open it. */
static void refuse_brought(struct vault *vault, const struct access_decision *decision, uint32_t by,
			   int err)
{
	const struct vault_locked locked = { .is_subject = 1, .was_wrong = 1 };
	const struct audit_object *object = &vault->reading;

	if (err == -ENOKEY)
		vault_refuse(vault, object, decision, 4, ENOKEY,
			     by == VAULT_BY_IDENTITY
				     ? "none of its key slots is for this identity"
				     : "no passphrase opens it: it has no slot for one (heaptrail "
				       "rewrap --passphrase makes one)");
	else if (err == -EINVAL)
		vault_refuse(vault, object, decision, 1, EINVAL, "no identity was given");
	else if (err == -E2BIG && by == VAULT_BY_IDENTITY)
		vault_refuse(vault, object, decision, 1, E2BIG,
			     "has more slots for the age program to try than heaptrail writes");
	else if (err == -E2BIG)
		vault_refuse(vault, object, decision, 1, E2BIG,
			     "asks for more than " LOCK_LIMITS
			     " to try a passphrase, which was not written by heaptrail");
	else if (err == -ETIMEDOUT)
		vault_refuse(vault, object, decision, 1, ETIMEDOUT,
			     "was not opened by the age program within five minutes");
	else if (err == -EKEYREJECTED) {
		vault_note(vault, &(struct audit_record) { .operation = "open.deny",
							   .result = "denied",
							   .subject = &vault->peer,
							   .object = object,
							   .why = "the passphrase is wrong",
							   .asked = decision->operation,
							   .rule = decision->rule });
		vault_reply(VAULT_LOCKED, &locked, sizeof(locked));
	} else
		vault_refuse_key(vault, object, decision, err);
}

/* What the asker brought opens it, if it does, whatever the rules say: they are about our key. */
static bool admits_brought(struct vault *vault, int fd, const struct vault_open *request,
			   struct capture_header *header, struct access_decision *decision)
{
	const struct vault_locked locked = { .is_subject = 1 };
	bool is_ready;
	int err = capture_header_read(fd, header);

	vault_describe(&vault->reading, fd, err ? NULL : header);
	vault_decide(vault, request->operation, request->why[0], 0, decision);
	decision->rule[0] = 0;
	if (!is_of_host(vault, &vault->reading, header, err,
			request->has_host ? request->host_pk : NULL, decision,
			"was not signed by the key of that host (--host-key): it was recorded "
			"elsewhere, or was forged"))
		return false;
	err = vault_brought_check(vault, request->by, fd, header, &is_ready);
	if (!err)
		vault_brought_describe(vault, request->by, decision->rule, sizeof(decision->rule));
	if (err)
		refuse_brought(vault, decision, request->by, err);
	else if (!is_ready)
		vault_reply(VAULT_LOCKED, &locked, sizeof(locked));
	return !err && is_ready;
}

static void open_capture(struct vault *vault, int fd, const struct vault_open *request)
{
	bool is_brought = request->by != VAULT_BY_OWN_KEY;
	struct access_decision decision;
	struct capture_header header;
	int asker = -1;

	if (is_brought ? !admits_brought(vault, fd, request, &header, &decision)
		       : !vault_admits(vault, fd, request->operation, request->why[0],
				       &vault->reading, &header, &decision) ||
				 !vault_is_unlocked(vault))
		return;
	int err = grant(vault, fd, &header, request, &decision, &asker);
	if (err && is_brought) {
		refuse_brought(vault, &decision, request->by, err);
	} else if (err) {
		vault_refuse_key(vault, &vault->reading, &decision, err);
	} else {
		struct vault_opened opened = {
			.is_foreign = memcmp(header.host_pk, keys_host_pk(vault->keys), 32) != 0
		};
		memcpy(opened.capture_id, header.capture_id, sizeof(opened.capture_id));
		memcpy(opened.host_pk, header.host_pk, sizeof(opened.host_pk));
		/* an asker that is gone is seen by the reader, whose end goes on record */
		(void)message_send(WORKER_SOCKET, VAULT_OPENED, &opened, sizeof(opened), &asker, 1);
		vault_brought_forget(vault);
	}
	io_close(&asker);
}

void vault_serve_open(struct vault *vault, struct vault_open *request, int fd)
{
	request->operation[sizeof(request->operation) - 1] = 0;
	request->why[sizeof(request->why) - 1] = 0;
	if (request->by > VAULT_BY_PASSPHRASE)
		worker_fail(1, EINVAL, "the vault was asked to open by what it does not know");
	if (vault->is_reading)
		vault_refuse(vault, NULL, NULL, 1, EBUSY, "another capture is open: one at a time");
	else if (vault->reader.socket < 0)
		vault_refuse(
			vault, NULL, NULL, 1, EPROTO,
			"no reader was asked for at the start, or it has read a capture already");
	else
		open_capture(vault, fd, request);
}

/* Either is on record. */
void vault_close_reading(struct vault *vault)
{
	static const struct message_rule RULES[] = { { READER_DONE, sizeof(struct reader_done),
						       0 } };
	static const char *const STATES[] = { "complete", "", "", "incomplete", "tampered" };
	static struct message message;
	struct reader_done done = { 0 };
	bool is_told = message_recv(vault->reader.socket, RULES, 1, &message) == 0;

	if (is_told)
		memcpy(&done, message.body, sizeof(done));
	worker_finish(&vault->reader);
	vault->is_reading = false;
	vault->reading.state = done.state < 5 ? STATES[done.state] : "";
	vault_note(vault, &(struct audit_record) {
				  .operation = "open.close",
				  .result = is_told ? "ok" : "failed",
				  .subject = &vault->peer,
				  .object = &vault->reading,
				  .why = is_told ? NULL : "the reader died",
				  .numbers = { "chunks", "bytes", "ms" },
				  .values = { done.chunks, done.bytes,
					      (clock_now_ns() - vault->reading_ns) / 1000000 } });
}
