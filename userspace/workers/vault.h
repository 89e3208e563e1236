/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the vault share. */
#ifndef HEAPTRAIL_WORKERS_VAULT_H
#define HEAPTRAIL_WORKERS_VAULT_H

#include "audit/log.h"
#include "base/message.h"
#include "capture/format.h"
#include "keys/auditors.h"
#include "keys/store.h"
#include "vault/access.h"
#include "vault/journal.h"
#include "workers/protocol.h"
#include "workers/start.h"

/* The series that is recorded here: what comes next must continue it. */
struct vault_series {
	bool has_begun;
	uint8_t id[16];
	uint32_t next;	   /* segment */
	uint8_t chain[32]; /* of the one before, once its end is on record */
};

struct vault {
	struct keys *keys;
	struct auditors auditors;
	struct journal journal;	      /* gets copies of records */
	struct worker_process mirror; /* gets them for the kernel's audit, where that is on */
	uint64_t mirror_failed;	      /* that it did not take */
	struct audit_host host;	      /* what the log needs of both */
	struct audit_log *log;
	char state_directory[sizeof(((struct vault_start *)0)->state_directory)]; /* to be named */
	int key_folder, log_folder;
	char key_directory[32], log_directory[32]; /* paths of these two */
	struct audit_subject peer;
	gid_t groups[ACCESS_GROUPS_MAX];
	size_t group_count;
	struct access_rules *rules;   /* NULL: they have a mistake */
	char mistake[160];	      /* in them */
	struct worker_process reader; /* started while the vault still could; gets one key */
	bool is_reading;
	bool is_front;		     /* peer is another than whoever is connected */
	struct audit_object reading; /* what the reader holds */
	uint64_t reading_ns;	     /* since when */
	int credential;		     /* the passphrase of the keys, where systemd gave one; -1 */
	int plugin_pipes[WRITER_RECIPIENTS_MAX][2]; /* for the rewrap that comes */
	size_t plugin_count;
	struct vault_brought *brought;	   /* what the asker opens with; NULL: nothing */
	struct passphrase *new_passphrase; /* for the rewrap that comes; NULL: none */
	bool may_unlock; /* something was asked for, and admitted, that needs the passphrase */
	bool has_certified;
	uint8_t certified_id[16]; /* of the capture whose header was certified last */
	struct vault_series series;
};

/*
 * vault_owner.c: makes the state directory and in it the folders of keys and log, which are open
 * afterwards, and the vault's user's; and that is who this process is.
 */
void vault_leave_root(struct vault *vault);

/* On record, or everything ends here: nothing may happen without its record. */
void vault_note(struct vault *vault, const struct audit_record *record);

/* The same for what happens because of the record. False: the disk has no room for the records that
 * would follow. */
bool vault_note_gate(struct vault *vault, struct audit_record record);

#define VAULT_NO_ROOM \
	"the disk of the audit log is full, so nothing is opened or recorded; make room"

/* fd: -1 none; header: NULL none. */
void vault_describe(struct audit_object *object, int fd, const struct capture_header *header);

void vault_reply(enum message_type type, const void *body, size_t size);

/* Is it root, or the vault's own user, who asks? */
bool vault_trusts(const struct vault *vault);

/* What the rules say of an operation on a capture of this age. */
void vault_decide(const struct vault *vault, const char *operation, bool has_reason, uint64_t age_s,
		  struct access_decision *decision);

/* What was asked for does not happen; that goes on record, then to the asker. */
void vault_refuse(struct vault *vault, const struct audit_object *object,
		  const struct access_decision *decision, int exit_status, int error,
		  const char *why);

/*
 * The header of a capture that somebody wants to have opened: ours, and by the rules. False:
 * refused.
 */
bool vault_admits(struct vault *vault, int fd, const char *operation, bool has_reason,
		  struct audit_object *object, struct capture_header *header,
		  struct access_decision *decision);

/* The capture is not opened after all, for this reason. */
void vault_refuse_key(struct vault *vault, const struct audit_object *object,
		      const struct access_decision *decision, int err);

/* Are the private keys there? False: the asker is told to give the passphrase, and to ask again. */
bool vault_is_unlocked(struct vault *vault);

/* Why keys are as they were; NULL where err is 0: they were changed. */
const char *vault_why_unchanged(int err);

/* vault_brought.c. What an asker brings instead of the vault's key. */
void vault_serve_identity(struct vault *vault, int fd);
void vault_take_passphrase(struct vault *vault, int fd);

/* Does something of it wait for a passphrase? Then this is it. */
bool vault_brought_waits(const struct vault *vault);
void vault_brought_unlock(struct vault *vault, int fd);

/*
 * Before a capture is opened by it: 0; -EINVAL: nothing was brought; -ENOKEY: the capture has no
 * slot with a passphrase; -E2BIG: one asks for more than LOCK_LIMITS, and nothing was tried;
 * -EBADMSG. *is_ready: false: its passphrase is missing.
 */
int vault_brought_check(struct vault *vault, uint32_t by, int fd,
			const struct capture_header *header, bool *is_ready);

/* The key, by it: errors of unwrap_capture(); -EKEYREJECTED: it is another passphrase. */
int vault_brought_unwrap(struct vault *vault, uint32_t by, int fd,
			 const struct capture_header *header,
			 uint8_t key[static CAPTURE_KEY_BYTES]);

/* For the record. */
void vault_brought_describe(const struct vault *vault, uint32_t by, char *rule, size_t size);

/* Wipes all of it. */
void vault_brought_forget(struct vault *vault);

void vault_serve_unlock(struct vault *vault, int fd);
void vault_serve_protect(struct vault *vault, int fd);
void vault_serve_public(struct vault *vault);
void vault_serve_recipients(struct vault *vault);
void vault_serve_change(struct vault *vault, struct vault_change *change);
void vault_take_plugin(struct vault *vault, int to, int from);
void vault_serve_rewrap(struct vault *vault, struct vault_rewrap *request, int fd, int out);
void vault_serve_open(struct vault *vault, struct vault_open *request, int fd);

/* The reader has said something, or died. */
void vault_close_reading(struct vault *vault);

#endif
