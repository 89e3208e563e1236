/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Other key slots for a capture that is there, made by who has its key. The rest stays as it is. */
#ifndef HEAPTRAIL_CAPTURE_REWRAP_H
#define HEAPTRAIL_CAPTURE_REWRAP_H

#include "capture/slots.h"
#include "capture/write.h"

struct rewrap_slot {
	uint8_t type; /* SLOT_AGE, … */
	capture_wrap *wrap;
	void *recipient;
};

struct rewrap {
	const uint8_t *key; /* the capture's, CAPTURE_KEY_BYTES */
	bool keeps;	    /* the slots that it has, beside the new ones */
	const struct rewrap_slot *slots;
	size_t count;
	struct slots_signer signer;
};

/*
 * Writes the capture's header and the new slots to the start of out, and *size: where the chunks
 * begin, in both. 0; -E2BIG: there is no room for so many before the first chunk, or too many are
 * for passphrases; -EBADMSG: the slots that are there were changed, or are another capture's;
 * -EKEYREJECTED: the key is not this capture's; errors of wrap, of reading and of writing.
 */
int capture_rewrap(int fd, const struct capture_header *header, const struct rewrap *rewrap,
		   int out, uint64_t *size);

#endif
