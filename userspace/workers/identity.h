/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Under which ids a worker runs: a system user's, where the machine has it
 * (policies/systemd/sysusers.conf), or else some that nobody else has.
 *
 * The range is one that neither systemd (systemd.io/UIDS-GIDS) nor Debian gives to anybody. Who
 * takes an id of it binds the abstract name "heaptrail-uid-ID" to its socket, which ends with the
 * last process that holds this: no two workers of a machine have the same id at the same time.
 */
#ifndef HEAPTRAIL_WORKERS_IDENTITY_H
#define HEAPTRAIL_WORKERS_IDENTITY_H

#include <sys/types.h>

#define IDENTITY_FIRST 60578
#define IDENTITY_LAST  61183

struct identity {
	uid_t uid;
	gid_t gid;
};

/*
 * uid: for a user to whom files belong, whom nobody else may ever be; 0: any free one, held by
 * socket, which must not have a name yet. 0 or -errno; -EUSERS: all are taken.
 */
int identity_find(const char *user, uid_t uid, int socket, struct identity *identity);

#endif
