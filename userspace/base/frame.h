/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Questions and answers on a stream socket: a length of four bytes, little endian, then that many
 * bytes. */
#ifndef HEAPTRAIL_BASE_FRAME_H
#define HEAPTRAIL_BASE_FRAME_H

#include <stddef.h>

#define QUESTION_MAX (16u << 20) /* names from elsewhere are one */
#define ANSWER_MAX   (1u << 30)

/* 0 or -errno. */
int frame_send(int fd, const char *data, size_t size);

/*
 * A fresh allocation with a terminating 0. -EPIPE: the peer is gone; -EMSGSIZE: longer than max,
 * the stream cannot be used any more.
 */
int frame_recv(int fd, size_t max, char **data, size_t *size);

#endif
