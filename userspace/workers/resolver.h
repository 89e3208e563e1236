/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the resolver worker share. All return a descriptor or -errno. */
#ifndef HEAPTRAIL_WORKERS_RESOLVER_H
#define HEAPTRAIL_WORKERS_RESOLVER_H

#include "base/message.h"
#include "workers/protocol.h"

#include <stdint.h>

/*
 * Opening a device or a FIFO could wait, or do something. What is at a path is taken hold of
 * without being opened (O_PATH; errno where that failed), looked at, and then opened if it is a
 * regular file: a path that leads elsewhere by now does not matter. Closes held.
 */
int resolver_open_regular(int held);

#define RESOLVER_REQUEST_COUNT 7

/* What the tracer may ask. */
extern const struct message_rule RESOLVER_REQUESTS[RESOLVER_REQUEST_COUNT];

/* Answers one request on a socket; closes its descriptors. 0, or -errno of the socket. */
int resolver_answer(int socket, struct message *message);

/*
 * resolver_attend.c: answers requests until the asker is gone. An open that hangs, as on a file
 * system whose server does not answer, is refused as -ETIMEDOUT after a second. -errno; -EPIPE is
 * the normal end.
 */
int resolver_attend(void);

/* resolver_debug.c: split debug files. */
int resolver_debug(const struct resolver_debug *request);
int resolver_beside(const struct resolver_beside *request);
int resolver_common(const struct resolver_common *request);

#endif
