/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A checkpoint: how many lines the log has and the root of their tree, signed by the host key. Kept
 * elsewhere, it proves later that the log still begins with the same lines. Text in the format of
 * https://c2sp.org/tlog-checkpoint, signed as https://c2sp.org/signed-note (Ed25519).
 */
#ifndef HEAPTRAIL_AUDIT_CHECKPOINT_H
#define HEAPTRAIL_AUDIT_CHECKPOINT_H

#include "audit/log.h"

#define AUDIT_CHECKPOINT_NAME "checkpoint"
#define AUDIT_CHECKPOINT_MAX  512 /* bytes of its text, with a terminating 0 */
#define AUDIT_VERIFIER_MAX    192

struct audit_checkpoint {
	uint64_t size; /* lines */
	uint8_t root[AUDIT_HASH_BYTES];
};

/* Signs and writes the text. Returns its length. */
size_t audit_checkpoint_format(const struct audit_checkpoint *checkpoint,
			       const struct audit_host *host,
			       char text[static AUDIT_CHECKPOINT_MAX]);

/*
 * 0; -EBADMSG: not a checkpoint of such a log; -EKEYREJECTED: the signature is wrong, or another
 * host's.
 */
int audit_checkpoint_parse(const char *text, const uint8_t host_pk[static 32],
			   struct audit_checkpoint *checkpoint);

/* The host's key as programs for signed notes take it: name+id+key. Returns text. */
char *audit_checkpoint_verifier(const uint8_t host_pk[static 32],
				char text[static AUDIT_VERIFIER_MAX]);

#endif
