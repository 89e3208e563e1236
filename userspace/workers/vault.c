// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * heaptrail-vault [STATE-DIRECTORY]
 *
 * The vault: the only holder of private keys. It certifies the headers of new captures and opens
 * old ones, each time in the same order: the audit record is appended and on disk, then the key is
 * unwrapped, then a reader without rights gets it. Whoever asked gets a socket to that reader,
 * never the key.
 *
 * It serves one peer, on its socket: the command that started it and says which state directory it
 * is about, or, as a service (policies/systemd), one connection of anybody who may connect; then
 * the directory is an argument.
 *
 * Of a capture it reads the fixed header and the key slots, both signed; the rest is the reader's.
 */
#include "audit/checkpoint.h"
#include "base/clock.h"
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "capture/header.h"
#include "capture/read.h"
#include "keys/auditors.h"
#include "keys/store.h"
#include "vault/access.h"
#include "vault/peer.h"
#include "vault/unwrap.h"
#include "workers/start.h"
#include "workers/worker.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct vault {
	struct keys *keys;
	struct auditors auditors;
	struct audit_host host; /* what the log needs of both */
	struct audit_log *log;
	char log_directory[sizeof(((struct vault_start *)0)->state_directory) + 16];
	struct audit_subject peer;
	gid_t groups[ACCESS_GROUPS_MAX];
	size_t group_count;
	struct access_rules *rules; /* NULL: they have a mistake */
	char mistake[160];	    /* in them */
	struct worker_process reader;
	struct audit_object reading; /* what the reader holds */
	uint64_t reading_ns;	     /* since when */
	bool has_certified;
	uint8_t certified_id[16]; /* of the capture whose header was certified last */
};

static struct message message;

static void sign_for_log(void *context, const void *bytes, size_t size,
			 uint8_t signature[static 64])
{
	const struct vault *vault = context;

	keys_sign_host(vault->keys, bytes, size, signature);
}

static int wrap_for_auditors(void *context, const uint8_t key[static AUDIT_KEY_BYTES],
			     char text[static AUDIT_WRAPPED_MAX])
{
	const struct vault *vault = context;

	return auditors_wrap(&vault->auditors, key, text, AUDIT_WRAPPED_MAX);
}

/* Takes up the log, which needs the keys. */
static void start_log(struct vault *vault, const char *key_directory)
{
	const char *path = vault->log_directory;
	unsigned line;
	int err = auditors_read(key_directory, &vault->auditors, &line);

	if (err)
		worker_fail(
			err == -EPERM ? 4 : 1, -err, "%s/" AUDITORS_NAME ", line %u: %s",
			key_directory, line,
			err == -EBADMSG
				? "is not an age recipient (age1…), so nothing is opened; mend or remove it"
			: err == -E2BIG ? "more than four auditors"
			: err == -EPERM ? "others may write it, or own it; chown it, and chmod go-w"
					: strerror(-err));
	vault->host = (struct audit_host) { .context = vault,
					    .sign = sign_for_log,
					    .wrap = wrap_for_auditors };
	memcpy(vault->host.public_key, keys_host_pk(vault->keys), sizeof(vault->host.public_key));
	crypto_generichash(vault->host.auditors, sizeof(vault->host.auditors),
			   (uint8_t *)&vault->auditors.recipients,
			   vault->auditors.count * sizeof(vault->auditors.recipients[0]), NULL, 0);
	err = audit_log_open(path, &vault->host, &vault->log);
	if (err == -EPERM)
		worker_fail(
			4, EPERM,
			"%s: the audit log belongs to another user or can be written by others, "
			"so its records prove nothing; chown it, and chmod go-w",
			path);
	if (err)
		worker_fail(
			err == -EACCES ? 4 : 1, -err,
			"%s: the audit log cannot be opened, so nothing else is: %s", path,
			err == -EBADMSG
				? "what is there is not an audit log of this version; move it away to begin anew"
				: strerror(-err));
}

/* On record, or everything ends here: nothing may happen without its record. */
static void note(struct vault *vault, const struct audit_record *record)
{
	int err = audit_log_append(vault->log, record);

	if (err)
		worker_fail(
			1, -err,
			"the audit log cannot be written (%s), so nothing is opened; make room or "
			"repair it",
			strerror(-err));
}

/* From the state directory, where a test or a second installation has its own, or from where
 * administrators look. */
static void start_rules(struct vault *vault, const char *state_directory)
{
	const char *places[] = { state_directory, "/etc/heaptrail" };
	char path[sizeof(vault->log_directory)];
	int err = -ENOENT;

	for (size_t i = 0; i < 2 && err == -ENOENT; i++) {
		snprintf(path, sizeof(path), "%s/access.policy", places[i]);
		err = access_load(path, &vault->rules, vault->mistake);
		if (err == -ENOTDIR)
			err = -ENOENT;
	}
	if (err == -ENOENT) {
		vault->rules = access_default();
		err = vault->rules ? 0 : -ENOMEM;
	}
	if (!err)
		return;
	char what[sizeof(vault->mistake)];
	snprintf(what, sizeof(what), "%s",
		 err == -EBADMSG ? vault->mistake
		 : err == -EPERM ? "others may write it, or own it: chown root, chmod go-w"
				 : strerror(-err));
	snprintf(vault->mistake, sizeof(vault->mistake), "%.60s: %.95s", path, what);
	note(vault, &(struct audit_record) { .operation = "policy.load",
					     .result = "failed",
					     .why = vault->mistake });
}

/* fixed: the state directory of a service, which its callers do not choose; NULL: whoever started
 * the vault does. */
static void start(struct vault *vault, const char *fixed)
{
	static const struct message_rule RULES[] = { { VAULT_START, sizeof(struct vault_start),
						       0 } };
	struct vault_start *options = (void *)message.body;
	char path[sizeof(options->state_directory) + 16],
		directory[sizeof(options->state_directory)];

	if (message_recv(WORKER_SOCKET, RULES, 1, &message))
		exit(1);
	options->state_directory[sizeof(options->state_directory) - 1] = 0;
	text_copy(directory, sizeof(directory), fixed ? fixed : options->state_directory);
	if (mkdir(directory, 0711) && errno != EEXIST)
		worker_fail(errno == EACCES ? 4 : 1, errno, "%s: cannot be created: %s", directory,
			    strerror(errno));
	snprintf(path, sizeof(path), "%s/keys", directory);
	int err = keys_open(path, true, &vault->keys);
	if (err == -EPERM)
		worker_fail(4, EPERM,
			    "%s: a key there can be read by others or belongs to another user; "
			    "chmod 600 and chown it, or replace it if others may have seen it",
			    path);
	if (err)
		worker_fail(err == -EACCES ? 4 : 1, -err,
			    "%s: the keys cannot be read or made: %s%s", path, strerror(-err),
			    err == -EACCES ? "; run as root" : "");
	err = peer_identify(WORKER_SOCKET, &vault->peer);
	if (err)
		worker_fail(4, -err, "the vault cannot tell who is asking: %s", strerror(-err));
	vault->group_count = peer_groups(WORKER_SOCKET, vault->groups, ACCESS_GROUPS_MAX);
	snprintf(vault->log_directory, sizeof(vault->log_directory), "%s/audit", directory);
	start_log(vault, path);
	start_rules(vault, directory);
}

static void describe(struct audit_object *object, int fd, const struct capture_header *header)
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

/* The same for what happens because of the record. False: the disk has no room for the records that
 * would follow. */
static bool note_gate(struct vault *vault, struct audit_record record)
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

#define NO_ROOM "the disk of the audit log is full, so nothing is opened or recorded; make room"

static void reply(enum message_type type, const void *body, size_t size)
{
	if (message_send(WORKER_SOCKET, type, body, size, NULL, 0))
		exit(1);
}

static void serve_public(struct vault *vault)
{
	struct vault_keys keys = { 0 };

	memcpy(keys.host_pk, keys_host_pk(vault->keys), sizeof(keys.host_pk));
	snprintf(keys.recipient, sizeof(keys.recipient), "%s", keys_recipient(vault->keys));
	reply(VAULT_KEYS, &keys, sizeof(keys));
}

static bool is_trusted(const struct vault *vault)
{
	return vault->peer.uid == 0 || vault->peer.uid == geteuid();
}

static void decide(const struct vault *vault, const char *operation, bool has_reason,
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
	if (!vault->rules && is_trusted(vault))
		decision->why = vault->mistake;
}

/* Signs the header of a new capture, which starts with that. */
static void serve_certify(struct vault *vault)
{
	const uint8_t *bytes = message.body;
	uint8_t signed_bytes[HEADER_MESSAGE_BYTES];
	struct access_decision decision;
	struct vault_signature signature;
	struct capture_header header;
	struct audit_object object;

	decide(vault, "record", false, 0, &decision);
	if (!decision.is_allowed) {
		note(vault, &(struct audit_record) { .operation = "capture.deny",
						     .result = "denied",
						     .subject = &vault->peer,
						     .why = decision.why,
						     .rule = decision.rule });
		worker_fail(4, EACCES, "nothing is recorded: %s", decision.why);
	}
	if (memcmp(bytes + HEADER_HOST_PK, keys_host_pk(vault->keys), 32) != 0)
		worker_fail(1, EINVAL, "a header that names another host is not certified");
	header_message(bytes, signed_bytes);
	keys_sign_host(vault->keys, signed_bytes, sizeof(signed_bytes), signature.bytes);
	memcpy(message.body + HEADER_HOST_SIG, signature.bytes, sizeof(signature.bytes));
	if (header_parse(message.body, &header))
		worker_fail(1, EINVAL, "what should be certified is not the header of a capture");
	describe(&object, -1, &header);
	if (!note_gate(vault, (struct audit_record) { .operation = "capture.start",
						      .result = "ok",
						      .subject = &vault->peer,
						      .object = &object,
						      .rule = decision.rule }))
		worker_fail(1, ENOSPC, NO_ROOM);
	memcpy(vault->certified_id, header.capture_id, sizeof(vault->certified_id));
	vault->has_certified = true;
	reply(VAULT_CERTIFIED, &signature, sizeof(signature));
}

static void serve_finished(struct vault *vault)
{
	struct vault_finished *end = (void *)message.body;
	struct audit_object object = { .size = end->file_size, .state = "complete" };

	/* an anchor for a capture that was not begun here would discredit the real one */
	if (!vault->has_certified ||
	    memcmp(end->capture_id, vault->certified_id, sizeof(end->capture_id)) != 0)
		worker_fail(1, EINVAL, "the end of a capture that was not begun here is not noted");
	vault->has_certified = false;
	end->reason[sizeof(end->reason) - 1] = 0;
	memcpy(object.capture_id, end->capture_id, sizeof(object.capture_id));
	/* the anchor: the chain after the last chunk, which no shorter or other file has */
	memcpy(object.header_hash, end->chain, sizeof(object.header_hash));
	note(vault, &(struct audit_record) { .operation = "capture.end",
					     .result = "ok",
					     .subject = &vault->peer,
					     .object = &object,
					     .why = end->reason,
					     .numbers = { "chunk", "events", "lost" },
					     .values = { end->sequence, end->events, end->lost } });
	reply(VAULT_NOTED, NULL, 0);
}

/* What was asked for does not happen; that goes on record, then to the asker. */
static void refuse(struct vault *vault, const struct audit_object *object,
		   const struct access_decision *decision, int exit_status, int error,
		   const char *why)
{
	note(vault, &(struct audit_record) { .operation = "open.deny",
					     .result = exit_status == 4 ? "denied" : "failed",
					     .subject = &vault->peer,
					     .object = object,
					     .why = why,
					     .asked = decision ? decision->operation : NULL,
					     .rule = decision ? decision->rule : NULL });
	worker_refuse(WORKER_SOCKET, exit_status, error, "%s", why);
}

/* Someone opened a capture's file, by whatever program: told by the watcher's starter, who has to
 * be trusted. */
static void serve_seen(struct vault *vault)
{
	struct file_opened *opened = (void *)message.body;
	struct audit_subject subject = { .pid = (pid_t)opened->pid,
					 .uid = opened->uid,
					 .gid = opened->gid,
					 .auid = opened->auid,
					 .session = opened->session };
	struct audit_object object = { .device = opened->device,
				       .inode = opened->inode,
				       .size = opened->size };

	if (!is_trusted(vault))
		worker_fail(4, EPERM, "only root and the vault's user can say who opened a file");
	opened->exe[sizeof(opened->exe) - 1] = opened->cgroup[sizeof(opened->cgroup) - 1] = 0;
	opened->path[sizeof(opened->path) - 1] = 0;
	text_copy(subject.exe, sizeof(subject.exe), opened->exe);
	text_copy(subject.cgroup, sizeof(subject.cgroup), opened->cgroup);
	note(vault, &(struct audit_record) { .operation = "file.open",
					     .result = "ok",
					     .subject = &subject,
					     .object = &object,
					     .why = opened->path });
	reply(VAULT_NOTED, NULL, 0);
}

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

/* Starts the reader and hands it the key. 0 and the asker's end of its socket. */
static int start_reader(struct vault *vault, int fd, struct reader_start *key, int *asker)
{
	int pair[2], fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return -errno;
	int err = worker_start("reader", &vault->reader);
	fds[0] = fd;
	fds[1] = pair[1];
	if (!err)
		err = message_send(vault->reader.socket, READER_START, key, sizeof(*key), fds, 2);
	close(pair[1]);
	*asker = pair[0];
	/* without its key it would wait for ever, and so would we */
	if (err)
		worker_finish(&vault->reader);
	return err;
}

/* Strictly in this order: the record, on disk, then the key, then a reader that has it. */
static int grant(struct vault *vault, int fd, const struct capture_header *header,
		 const struct vault_open *request, const struct access_decision *decision,
		 int *asker)
{
	struct reader_start key;

	if (!note_gate(vault, (struct audit_record) { .operation = "open.grant",
						      .result = "ok",
						      .subject = &vault->peer,
						      .object = &vault->reading,
						      .why = request->why[0] ? request->why : NULL,
						      .asked = decision->operation,
						      .rule = decision->rule }))
		return -ENOSPC;
	vault->reading_ns = clock_now_ns();
	int err = unwrap_capture_key(vault->keys, fd, header, key.key);
	if (!err)
		err = start_reader(vault, fd, &key, asker);
	sodium_memzero(&key, sizeof(key));
	return err;
}

static void refuse_grant(struct vault *vault, const struct access_decision *decision, int err)
{
	if (err == -ENOKEY)
		refuse(vault, &vault->reading, decision, 6, -err,
		       "is not encrypted for this host's vault: open it where it was recorded, or "
		       "with an identity among its recipients");
	else if (err == -EBADMSG)
		refuse(vault, &vault->reading, decision, 6, -err,
		       "was tampered with: its key slots are not valid");
	else
		refuse(vault, &vault->reading, decision, 1, -err,
		       err == -ENOSPC ? NO_ROOM : strerror(-err));
}

static void open_capture(struct vault *vault, int fd, const struct vault_open *request)
{
	struct access_decision decision;
	struct capture_header header;
	int asker = -1;
	int err = capture_header_read(fd, &header);

	describe(&vault->reading, fd, err ? NULL : &header);
	uint64_t now = (uint64_t)time(NULL), created = err ? now : header.created_unix;
	decide(vault, request->operation, request->why[0], now > created ? now - created : 0,
	       &decision);
	if (!decision.is_allowed) {
		refuse(vault, &vault->reading, &decision, 4, EACCES, decision.why);
	} else if (err) {
		refuse(vault, &vault->reading, &decision, err == -EKEYREJECTED ? 6 : 1, -err,
		       why_no_header(err));
	} else if (memcmp(header.host_pk, keys_host_pk(vault->keys), sizeof(header.host_pk)) != 0) {
		/* whoever knows our recipient can make such a capture with a host key of their own
		 */
		refuse(vault, &vault->reading, &decision, 6, EKEYREJECTED,
		       "was signed by another host's key: it was not recorded here, or was forged");
	} else {
		err = grant(vault, fd, &header, request, &decision, &asker);
		if (err)
			refuse_grant(vault, &decision, err);
		else
			/* an asker that is gone is seen by the reader, whose end goes on record */
			(void)message_send(WORKER_SOCKET, VAULT_OPENED, header.capture_id,
					   sizeof(header.capture_id), &asker, 1);
	}
	io_close(&asker);
}

static void serve_open(struct vault *vault)
{
	struct vault_open *request = (void *)message.body;
	int fd = message_take_fd(&message, 0);

	request->operation[sizeof(request->operation) - 1] = 0;
	request->why[sizeof(request->why) - 1] = 0;
	if (vault->reader.pid)
		refuse(vault, NULL, NULL, 1, EBUSY, "another capture is open: one at a time");
	else
		open_capture(vault, fd, request);
	close(fd);
}

/* The reader is done, or died: either is on record. */
static void close_reading(struct vault *vault)
{
	static const struct message_rule RULES[] = { { READER_DONE, sizeof(struct reader_done),
						       0 } };
	static const char *const STATES[] = { "complete", "", "", "incomplete", "tampered" };
	struct reader_done done = { 0 };
	bool is_told = message_recv(vault->reader.socket, RULES, 1, &message) == 0;

	if (is_told)
		memcpy(&done, message.body, sizeof(done));
	worker_finish(&vault->reader);
	vault->reading.state = done.state < 5 ? STATES[done.state] : "";
	note(vault, &(struct audit_record) {
			    .operation = "open.close",
			    .result = is_told ? "ok" : "failed",
			    .subject = &vault->peer,
			    .object = &vault->reading,
			    .why = is_told ? NULL : "the reader died",
			    .numbers = { "chunks", "bytes", "ms" },
			    .values = { done.chunks, done.bytes,
					(clock_now_ns() - vault->reading_ns) / 1000000 } });
}

/* False: whoever started the vault is gone. */
static bool serve(struct vault *vault)
{
	static const struct message_rule RULES[] = {
		{ VAULT_PUBLIC, 0, 0 },
		{ VAULT_CERTIFY, sizeof(struct vault_header), 0 },
		{ VAULT_FINISHED, sizeof(struct vault_finished), 0 },
		{ VAULT_OPEN, sizeof(struct vault_open), 1 },
		{ VAULT_SEEN, sizeof(struct file_opened), 0 },
	};

	if (message_recv(WORKER_SOCKET, RULES, sizeof(RULES) / sizeof(RULES[0]), &message))
		return false;
	switch (message.type) {
	case VAULT_PUBLIC: serve_public(vault); break;
	case VAULT_CERTIFY: serve_certify(vault); break;
	case VAULT_FINISHED: serve_finished(vault); break;
	case VAULT_OPEN: serve_open(vault); break;
	case VAULT_SEEN: serve_seen(vault); break;
	}
	message_close_fds(&message);
	return true;
}

int main(int argc, char **argv)
{
	static struct vault vault = { .reader = WORKER_PROCESS_NONE };
	bool is_asked = true;

	worker_begin("vault");
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is an error like others */
	start(&vault, argc > 1 ? argv[1] : NULL);
	worker_confine("vault");
	while (is_asked || vault.reader.pid) {
		struct pollfd polls[2] = { { .fd = is_asked ? WORKER_SOCKET : -1,
					     .events = POLLIN },
					   { .fd = vault.reader.socket, .events = POLLIN } };
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			break;
		if (polls[1].revents)
			close_reading(&vault);
		else if (polls[0].revents)
			is_asked = serve(&vault);
	}
	audit_log_close(vault.log);
	/* what cannot be signed now is signed the next time, or found by who verifies */
	(void)audit_log_seal(vault.log_directory, &vault.host);
	keys_close(vault.keys);
	access_free(vault.rules);
	return 0;
}
