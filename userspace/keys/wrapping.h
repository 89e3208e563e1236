/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A secret is wrapped for a recipient, either here, or, where that takes an age plugin, by the age
 * program, which somebody with the right to has started (commands/age_program.h): it reads the
 * secret from one pipe and writes an age file to another.
 */
#ifndef HEAPTRAIL_KEYS_WRAPPING_H
#define HEAPTRAIL_KEYS_WRAPPING_H

#include "keys/recipient.h"

#define WRAPPING_FILE_MAX 8192	/* bytes of what the program may write */
#define WRAPPING_WAIT_MS  30000 /* until it has */

#define WRAPPING_FAILED "a recipient's plugin %s; see what it said, or leave out the recipient"

struct wrapping {
	struct recipient recipient;
	int to, from; /* the pipes, for a plugin; -1 */
};

/* Parses; no pipes yet. 0 or -EINVAL. */
int wrapping_prepare(struct wrapping *wrapping, const char *recipient);

/*
 * A capture_wrap (capture/write.h), whose context is a struct wrapping. Closes its pipes. 0; errors
 * of age_wrap(); -ETIMEDOUT; -EPROTO: what came is not one age file for such a secret.
 */
int wrapping_wrap(void *wrapping, const uint8_t *secret, size_t size, struct bytes_buffer *out);

void wrapping_close(struct wrapping *wrapping);

#endif
