// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * heaptrail-vault [STATE-DIRECTORY [SOCKET-OF-READERS]]
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
#include "audit/kernel.h"
#include "base/io.h"
#include "base/text.h"
#include "capture/header.h"
#include "capture/read.h"
#include "keys/lock.h"
#include "vault/peer.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <errno.h>
#include <linux/capability.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

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

/* Waits for nobody. */
static void mirror(void *context, const char *line, size_t size)
{
	static struct mirror_record record;
	struct vault *vault = context;

	journal_send(&vault->journal, line, size);
	if (vault->mirror.socket < 0)
		return;
	snprintf(record.line, sizeof(record.line), "%.*s", (int)size, line);
	if (message_offer(vault->mirror.socket, MIRROR_RECORD, &record, sizeof(record)))
		vault->mirror_failed++;
}

/*
 * The worker that copies records to the kernel's audit, where there is one that keeps them. It
 * needs a capability, which root has, and a service if its unit gives it. Without it, nothing is
 * missed.
 */
static void start_mirror(struct vault *vault)
{
	int audit = kernel_audit_open();
	int is_on = audit < 0 ? 0 : kernel_audit_is_on(audit);

	io_close(&audit);
	if (is_on == -EPERM)
		is_on = prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_AUDIT_WRITE, 0, 0);
	if (is_on > 0)
		(void)worker_start("mirror", &vault->mirror);
}

static void note_mirror(struct vault *vault, const char *operation, const char *why,
			uint64_t failed)
{
	if (failed)
		vault_note(vault, &(struct audit_record) { .operation = operation,
							   .result = "failed",
							   .why = why,
							   .numbers = { "records" },
							   .values = { failed } });
}

/* Takes up the log, which needs the keys. */
static void start_log(struct vault *vault)
{
	unsigned line;
	int err = auditors_read(vault->key_directory, &vault->auditors, &line);

	if (err)
		worker_fail(
			err == -EPERM ? 4 : 1, -err, "%s/keys/" AUDITORS_NAME ", line %u: %s",
			vault->state_directory, line,
			err == -EBADMSG
				? "is not an age recipient (age1…), so nothing is opened; mend or remove it"
			: err == -E2BIG ? "more than four auditors"
			: err == -EPERM ? "others may write it, or own it; chown it, and chmod go-w"
					: strerror(-err));
	vault->host = (struct audit_host) {
		.context = vault, .sign = sign_for_log, .wrap = wrap_for_auditors, .mirror = mirror
	};
	memcpy(vault->host.public_key, keys_host_pk(vault->keys), sizeof(vault->host.public_key));
	crypto_generichash(vault->host.auditors, sizeof(vault->host.auditors),
			   (uint8_t *)&vault->auditors.recipients,
			   vault->auditors.count * sizeof(vault->auditors.recipients[0]), NULL, 0);
	err = audit_log_open(vault->log_directory, &vault->host, &vault->log);
	if (err == -EPERM)
		worker_fail(
			4, EPERM,
			"%s/audit: the audit log belongs to another user or can be written by others, "
			"so its records prove nothing; chown it, and chmod go-w",
			vault->state_directory);
	if (err)
		worker_fail(
			err == -EACCES ? 4 : 1, -err,
			"%s/audit: the audit log cannot be opened, so nothing else is: %s",
			vault->state_directory,
			err == -EBADMSG
				? "what is there is not an audit log of this version; move it away to begin anew"
				: strerror(-err));
}

/* From the state directory, where a test or a second installation has its own, or from where
 * administrators look. -errno: there are none; *path: where they are. */
static int open_rules(const char *state_directory, char path[static PATH_MAX])
{
	const char *places[] = { state_directory, "/etc/heaptrail" };
	int fd = -ENOENT;

	for (size_t i = 0; i < 2 && (fd == -ENOENT || fd == -ENOTDIR); i++) {
		snprintf(path, PATH_MAX, "%s/access.policy", places[i]);
		fd = access_open(path);
	}
	return fd == -ENOTDIR ? -ENOENT : fd;
}

static void start_rules(struct vault *vault, int fd, const char *path)
{
	int err = fd < 0 ? fd : access_read(fd, &vault->rules, vault->mistake);

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
	vault_note(vault, &(struct audit_record) { .operation = "policy.load",
						   .result = "failed",
						   .why = vault->mistake });
}

/* As a service the vault cannot make another user of its child: readers are a service, too. */
static void start_reader(struct vault *vault, const char *socket)
{
	int err = socket ? worker_connect(socket, &vault->reader)
			 : worker_start("reader", &vault->reader);

	if (err)
		worker_fail(1, -err, "the worker heaptrail-reader cannot be started: %s%s%s",
			    strerror(-err), socket ? ": " : "", socket ? socket : "");
}

/* fixed: the state directory of a service, which its callers do not choose; NULL: whoever started
 * the vault does. */
static void start(struct vault *vault, const char *fixed, const char *reader_socket)
{
	static const struct message_rule RULES[] = { { VAULT_START, sizeof(struct vault_start),
						       0 } };
	struct vault_start *options = (void *)message.body;
	char directory[sizeof(options->state_directory)], journal[sizeof(options->journal)];
	char rules_path[PATH_MAX];

	if (message_recv(WORKER_SOCKET, RULES, 1, &message))
		exit(1);
	options->state_directory[sizeof(options->state_directory) - 1] = 0;
	text_copy(directory, sizeof(directory), fixed ? fixed : options->state_directory);
	if (directory[0] != '/')
		worker_fail(2, EINVAL, "the state directory must be an absolute path");
	options->journal[sizeof(options->journal) - 1] = 0;
	text_copy(journal, sizeof(journal), options->journal);
	text_copy(vault->state_directory, sizeof(vault->state_directory), directory);
	if (options->has_reader)
		start_reader(vault, reader_socket);
	int err = peer_identify(WORKER_SOCKET, &vault->peer);
	if (err)
		worker_fail(4, -err, "the vault cannot tell who is asking: %s", strerror(-err));
	vault->group_count = peer_groups(WORKER_SOCKET, vault->groups, ACCESS_GROUPS_MAX);
	start_mirror(vault);
	journal_open(&vault->journal, fixed ? "" : journal);
	vault->credential = fixed ? passphrase_credential() : -1;
	int rules = open_rules(directory, rules_path);
	vault_leave_root(vault);
	err = keys_open(vault->key_directory, true, &vault->keys);
	if (err == -EPERM)
		worker_fail(
			4, EPERM,
			"%s/keys: a key there can be read by others or belongs to another user; "
			"chmod 600 and chown it, or replace it if others may have seen it",
			directory);
	if (err == -E2BIG)
		worker_fail(1, E2BIG,
			    "%s/keys/vault.key: asks for more than " LOCK_LIMITS
			    " to try a passphrase, which was not written by heaptrail; restore it "
			    "from a backup",
			    directory);
	if (err)
		worker_fail(err == -EACCES ? 4 : 1, -err,
			    "%s/keys: the keys cannot be read or made: %s%s", directory,
			    strerror(-err), err == -EACCES ? "; run as root" : "");
	start_log(vault);
	start_rules(vault, rules, rules_path);
}

/* A series is begun, or goes on where its last segment ended. */
static bool continues(const struct vault_series *series, const struct capture_header *header)
{
	static const uint8_t NOTHING[32];

	if (header->segment == 0)
		return memcmp(header->series_id, header->capture_id, 16) == 0 &&
		       memcmp(header->previous, NOTHING, sizeof(NOTHING)) == 0;
	return series->has_begun && header->segment == series->next &&
	       memcmp(header->series_id, series->id, sizeof(series->id)) == 0 &&
	       memcmp(header->previous, series->chain, sizeof(series->chain)) == 0;
}

/* Ends here where it is denied. */
static void decide_recording(struct vault *vault, struct access_decision *decision)
{
	vault_decide(vault, "record", false, 0, decision);
	if (decision->is_allowed)
		return;
	vault_note(vault, &(struct audit_record) { .operation = "capture.deny",
						   .result = "denied",
						   .subject = &vault->peer,
						   .why = decision->why,
						   .rule = decision->rule });
	worker_fail(4, EACCES, "nothing is recorded: %s", decision->why);
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

	decide_recording(vault, &decision);
	if (memcmp(bytes + HEADER_HOST_PK, keys_host_pk(vault->keys), 32) != 0)
		worker_fail(1, EINVAL, "a header that names another host is not certified");
	header_message(bytes, signed_bytes);
	keys_sign_host(vault->keys, signed_bytes, sizeof(signed_bytes), signature.bytes);
	memcpy(message.body + HEADER_HOST_SIG, signature.bytes, sizeof(signature.bytes));
	if (header_parse(message.body, &header))
		worker_fail(1, EINVAL, "what should be certified is not the header of a capture");
	/* the signature says, too, that nothing is missing between */
	if (!continues(&vault->series, &header))
		worker_fail(
			1, EINVAL,
			"a segment that continues no series of this recording is not certified");
	vault_describe(&object, -1, &header);
	if (!vault_note_gate(vault, (struct audit_record) { .operation = "capture.start",
							    .result = "ok",
							    .subject = &vault->peer,
							    .object = &object,
							    .rule = decision.rule }))
		worker_fail(1, ENOSPC, VAULT_NO_ROOM);
	memcpy(vault->certified_id, header.capture_id, sizeof(vault->certified_id));
	vault->has_certified = true;
	vault->series = (struct vault_series) { .has_begun = true, .next = header.segment + 1 };
	memcpy(vault->series.id, header.series_id, sizeof(vault->series.id));
	vault_reply(VAULT_CERTIFIED, &signature, sizeof(signature));
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
	vault_note(vault,
		   &(struct audit_record) { .operation = "capture.end",
					    .result = "ok",
					    .subject = &vault->peer,
					    .object = &object,
					    .why = end->reason,
					    .numbers = { "chunk", "events", "lost" },
					    .values = { end->sequence, end->events, end->lost } });
	memcpy(vault->series.chain, end->chain, sizeof(vault->series.chain));
	vault_reply(VAULT_NOTED, NULL, 0);
}

/* Of a series the recorder keeps the newest segments only. It may say so of its own. */
static void serve_delete(struct vault *vault, int fd)
{
	struct capture_header header;
	struct audit_object object;

	if (capture_header_read(fd, &header) || !vault->series.has_begun ||
	    memcmp(header.host_pk, keys_host_pk(vault->keys), sizeof(header.host_pk)) != 0 ||
	    memcmp(header.series_id, vault->series.id, sizeof(header.series_id)) != 0)
		worker_fail(1, EINVAL,
			    "what is no segment of this recording is not noted as deleted");
	vault_describe(&object, fd, &header);
	vault_note(vault, &(struct audit_record) { .operation = "capture.delete",
						   .result = "ok",
						   .subject = &vault->peer,
						   .object = &object,
						   .why = "newer segments of its series are kept",
						   .numbers = { "segment" },
						   .values = { header.segment } });
	vault_reply(VAULT_NOTED, NULL, 0);
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

	if (!vault_trusts(vault))
		worker_fail(4, EPERM, "only root and the vault's user can say who opened a file");
	opened->exe[sizeof(opened->exe) - 1] = opened->cgroup[sizeof(opened->cgroup) - 1] = 0;
	opened->path[sizeof(opened->path) - 1] = 0;
	text_copy(subject.exe, sizeof(subject.exe), opened->exe);
	text_copy(subject.cgroup, sizeof(subject.cgroup), opened->cgroup);
	vault_note(vault, &(struct audit_record) { .operation = "file.open",
						   .result = "ok",
						   .subject = &subject,
						   .object = &object,
						   .why = opened->path });
	vault_reply(VAULT_NOTED, NULL, 0);
}

/* What the log then knows, a shorter one is not. */
static void serve_recovered(struct vault *vault)
{
	struct vault_recovered *found = (void *)message.body;
	struct audit_object object = { .size = found->size, .state = "incomplete" };

	if (!vault_trusts(vault))
		worker_fail(4, EPERM,
			    "only root and the vault's user can say where a capture ends");
	memcpy(object.capture_id, found->capture_id, sizeof(object.capture_id));
	memcpy(object.header_hash, found->chain, sizeof(object.header_hash));
	vault_note(vault, &(struct audit_record) { .operation = "capture.recovered",
						   .result = "ok",
						   .subject = &vault->peer,
						   .object = &object,
						   .numbers = { "chunks" },
						   .values = { found->chunks } });
	vault_reply(VAULT_NOTED, NULL, 0);
}

static bool is_of_recording(uint32_t type)
{
	return type == VAULT_PUBLIC || type == VAULT_RECIPIENTS || type == VAULT_CERTIFY ||
	       type == VAULT_FINISHED || type == VAULT_DELETE;
}

/*
 * Who records by the recording service asks through it: by its own connection to that, which only
 * the kernel can have given this end. From here on it is this peer that the rules are about.
 */
static void serve_for(struct vault *vault, int fd)
{
	struct access_decision decision;

	vault_decide(vault, "front", false, 0, &decision);
	if (!decision.is_allowed)
		worker_fail(4, EACCES, "nobody asks for others here: %s", decision.why);
	if (vault->is_front || peer_identify(fd, &vault->peer))
		worker_fail(4, EINVAL, "the vault cannot tell for whom it is asked");
	vault->group_count = peer_groups(fd, vault->groups, ACCESS_GROUPS_MAX);
	vault->is_front = true;
	decide_recording(vault, &decision);
	struct vault_leave leave = { .has_others = decision.has_others };
	vault_reply(VAULT_LEAVE, &leave, sizeof(leave));
}

/* False: whoever started the vault is gone. */
static bool serve(struct vault *vault)
{
	static const struct message_rule RULES[] = {
		{ VAULT_PUBLIC, 0, 0 },
		{ VAULT_CERTIFY, sizeof(struct vault_header), 0 },
		{ VAULT_FINISHED, sizeof(struct vault_finished), 0 },
		{ VAULT_OPEN, sizeof(struct vault_open), 1 },
		{ VAULT_RECOVERED, sizeof(struct vault_recovered), 0 },
		{ VAULT_RECIPIENTS, 0, 0 },
		{ VAULT_CHANGE, sizeof(struct vault_change), 0 },
		{ VAULT_REWRAP, sizeof(struct vault_rewrap), 2 },
		{ VAULT_SEEN, sizeof(struct file_opened), 0 },
		{ VAULT_DELETE, 0, 1 },
		{ VAULT_FOR, 0, 1 },
		{ VAULT_UNLOCK, 0, 1 },
		{ VAULT_PROTECT, 0, 1 },
		{ VAULT_PLUGIN, 0, 2 },
		{ VAULT_IDENTITY, 0, 1 },
		{ VAULT_PASSPHRASE, 0, 1 },
	};

	if (message_recv(WORKER_SOCKET, RULES, sizeof(RULES) / sizeof(RULES[0]), &message))
		return false;
	if (vault->is_front && !is_of_recording(message.type))
		worker_fail(4, EPERM, "for others nothing is done here but recording");
	switch (message.type) {
	case VAULT_FOR: serve_for(vault, message.fds[0]); break;
	case VAULT_PUBLIC: vault_serve_public(vault); break;
	case VAULT_RECOVERED: serve_recovered(vault); break;
	case VAULT_RECIPIENTS: vault_serve_recipients(vault); break;
	case VAULT_CHANGE: vault_serve_change(vault, (void *)message.body); break;
	case VAULT_REWRAP:
		vault_serve_rewrap(vault, (void *)message.body, message.fds[0], message.fds[1]);
		break;
	case VAULT_CERTIFY: serve_certify(vault); break;
	case VAULT_FINISHED: serve_finished(vault); break;
	case VAULT_OPEN: vault_serve_open(vault, (void *)message.body, message.fds[0]); break;
	case VAULT_SEEN: serve_seen(vault); break;
	case VAULT_DELETE: serve_delete(vault, message.fds[0]); break;
	case VAULT_UNLOCK: vault_serve_unlock(vault, message.fds[0]); break;
	case VAULT_PLUGIN:
		vault_take_plugin(vault, message_take_fd(&message, 0),
				  message_take_fd(&message, 1));
		break;
	case VAULT_IDENTITY: vault_serve_identity(vault, message.fds[0]); break;
	case VAULT_PASSPHRASE: vault_take_passphrase(vault, message.fds[0]); break;
	case VAULT_PROTECT: vault_serve_protect(vault, message.fds[0]); break;
	}
	message_close_fds(&message);
	return true;
}

int main(int argc, char **argv)
{
	static struct vault vault = { .reader = WORKER_PROCESS_NONE,
				      .mirror = WORKER_PROCESS_NONE,
				      .credential = -1 };
	bool is_asked = true;

	worker_begin("vault");
	signal(SIGXFSZ, SIG_IGN); /* a log that may not grow is an error like others */
	start(&vault, argc > 1 ? argv[1] : NULL, argc > 2 ? argv[2] : NULL);
	worker_confine_to("vault", (int[]) { vault.key_folder, vault.log_folder }, 2);
	while (is_asked || vault.is_reading) {
		struct pollfd polls[2] = {
			{ .fd = is_asked ? WORKER_SOCKET : -1, .events = POLLIN },
			{ .fd = vault.is_reading ? vault.reader.socket : -1, .events = POLLIN }
		};
		if (poll(polls, 2, -1) < 0 && errno != EINTR)
			break;
		if (polls[1].revents)
			vault_close_reading(&vault);
		else if (polls[0].revents)
			is_asked = serve(&vault);
	}
	/* a mirror that is blind is not trusted without looking at the log */
	note_mirror(&vault, "journal.failed",
		    "the system's journal did not take copies of all records",
		    vault.journal.failed);
	note_mirror(&vault, "kernel-audit.failed",
		    "the kernel's audit did not take copies of all records", vault.mirror_failed);
	journal_close(&vault.journal);
	/* it ends by itself, however long the kernel lets it wait */
	io_close(&vault.mirror.socket);
	audit_log_close(vault.log);
	/* what cannot be signed now is signed the next time, or found by who verifies */
	(void)audit_log_seal(vault.log_directory, &vault.host);
	vault_brought_forget(&vault);
	passphrase_free(vault.new_passphrase);
	keys_close(vault.keys);
	access_free(vault.rules);
	return 0;
}
