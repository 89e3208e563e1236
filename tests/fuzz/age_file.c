// SPDX-License-Identifier: GPL-2.0-or-later
/* An age file, by somebody who knows the recipient: an age identity, and an SSH key. */
#include "keys/age.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

static void unwrap(const struct age_key *key, const uint8_t *data, size_t size)
{
	uint8_t secret[64];
	int err = age_unwrap_by(key, data, size, secret, sizeof(secret));

	require(err == 0 || err == -EBADMSG || err == -ENOKEY);
	/* what opens is whole */
	require(err || age_is_file(data, size, sizeof(secret)));
	/* and names the SSH key that opens it */
	require(err || key->recipient.kind == RECIPIENT_X25519 ||
		age_names_ssh_key(data, size, &key->recipient));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t SECRET[32] = { 1 };
	struct age_key key;

	age_key_x25519(&key, SECRET);
	unwrap(&key, data, size);
	age_key_ssh(&key, SECRET);
	unwrap(&key, data, size);
	(void)age_is_for_plugin(data, size);
	return 0;
}
