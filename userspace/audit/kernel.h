/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies of audit records for the kernel's audit (audit(8), Linux' own log of who did what), as
 * user messages of type TRUSTED_APP. Like the journal's copies they gate nothing. The kernel says
 * in each who sent it, and takes them from who has CAP_AUDIT_WRITE only.
 */
#ifndef HEAPTRAIL_AUDIT_KERNEL_H
#define HEAPTRAIL_AUDIT_KERNEL_H

#include <stddef.h>

/* A socket, or -errno: this kernel has no audit. */
int kernel_audit_open(void);

/* 1: it keeps what is sent to it; 0: it throws that away; -EPERM: it does not tell who lacks
 * CAP_AUDIT_CONTROL; other -errno. */
int kernel_audit_is_on(int socket);

/*
 * Sends a record's line, with or without its newline:
 *
 *	op=open.grant res=success record=7B2276…
 *
 * res as audit knows it, success or failed; record is the whole line in hex, as audit wants text
 *that others chose. Waits while the kernel's queue is full. 0 or -errno.
 */
int kernel_audit_send(int socket, const char *line, size_t size);

#endif
