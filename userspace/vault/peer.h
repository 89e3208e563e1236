/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who is at the other end of a socket, as the kernel tells it. */
#ifndef HEAPTRAIL_VAULT_PEER_H
#define HEAPTRAIL_VAULT_PEER_H

#include "audit/record.h"

#include <stdbool.h>

/* Fills in everything that can be known; what cannot is empty or -1. 0, or -errno without
 * credentials. */
int peer_identify(int socket, struct audit_subject *subject);

/*
 * The same of a process that cannot end meanwhile, as it waits for us: its effective ids, too, from
 * /proc. False: it is not there.
 */
bool process_identify(pid_t pid, struct audit_subject *subject);

/* Its supplementary groups, at most max; the kernel's, of when it connected. How many. */
size_t peer_groups(int socket, gid_t *groups, size_t max);

#endif
