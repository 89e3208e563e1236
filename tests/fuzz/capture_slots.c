// SPDX-License-Identifier: GPL-2.0-or-later
/* The key slots behind a header: the bytes are theirs, signed by a key of zeros. */
#include "capture/slots.h"
#include "keys/passphrase_slot.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

/* What one asks for, to try a passphrase, is never more than it may. */
static void check_passphrases(const struct slots *slots)
{
	struct slots_position at = { 0 };
	const uint8_t *slot;
	struct lock lock;
	size_t size;

	while (slots_next(slots, SLOT_PASSPHRASE, &at, &slot, &size) == 0)
		if (passphrase_slot_read(slot, size, &lock) == 0)
			require(lock.passes >= 1 && lock.passes <= LOCK_PASSES_MAX &&
				lock.kib >= 8 && lock.kib <= LOCK_KIB_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct capture_header HEADER;
	static const struct seal_keys KEYS;
	const uint8_t *slot, *end = data + size;
	struct slots slots;
	size_t length;

	if (size > CAPTURE_SLOTS_MAX || slots_parse(&slots, data, size, &HEADER))
		return 0;
	require(slots.size <= size && slots_check(&slots, &KEYS) == 0);
	for (struct slots_position at = { 0 }, before = at;; before = at) {
		int err = slots_next(&slots, SLOT_AGE, &at, &slot, &length);
		if (err) {
			require(err == -ENOENT || err == -EBADMSG);
			break;
		}
		require(slot >= data && length <= (size_t)(end - slot));
		require(at.count > before.count && at.count <= slots.count);
	}
	check_passphrases(&slots);
	return 0;
}
