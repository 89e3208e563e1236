/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One message between two workers: a type, a body of that type's fixed size, and some descriptors.
 *
 * Sent over SOCK_SEQPACKET sockets, so that a message arrives whole or not at all. The peer is
 * hostile: whoever receives checks the type against the list of what is permitted now, and the size
 * against the type's own (message_recv does both).
 */
#ifndef HEAPTRAIL_BASE_MESSAGE_H
#define HEAPTRAIL_BASE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#define MESSAGE_BODY_MAX 4096
#define MESSAGE_FDS_MAX	 5

struct message {
	uint32_t type;
	uint32_t size; /* of the body */
	uint32_t fd_count;
	int fds[MESSAGE_FDS_MAX]; /* owned by whoever holds the message; message_close_fds() */
	_Alignas(8) uint8_t body[MESSAGE_BODY_MAX];
};

/* A type that may be received, with the exact size of its body and number of descriptors. */
struct message_rule {
	uint32_t type;
	uint32_t size;
	uint32_t fd_count;
};

/* A connected SOCK_SEQPACKET pair, close-on-exec. 0 or -errno. */
int message_pair(int pair[2]);

/* Sends one message; blocks while the peer's queue is full. 0 or -errno (-EPIPE: the peer is gone).
 */
int message_send(int socket, uint32_t type, const void *body, size_t size, const int *fds,
		 size_t fd_count);

/* The same, without waiting: -EAGAIN where the queue is full. */
int message_offer(int socket, uint32_t type, const void *body, size_t size);

/*
 * Receives one message that one of the rules permits. Descriptors arrive close-on-exec and belong
 * to the caller. 0; -EPIPE when the peer is gone; -EPROTO when what came is not permitted
 * (descriptors that came with it are closed).
 */
int message_recv(int socket, const struct message_rule *rules, size_t rule_count,
		 struct message *message);

/* Takes descriptor i out of the message: the caller owns it from here. */
int message_take_fd(struct message *message, size_t i);

/* Closes the descriptors that nobody took. */
void message_close_fds(struct message *message);

#endif
