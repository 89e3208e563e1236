// SPDX-License-Identifier: GPL-2.0-or-later
/* What somebody says is their identity: a file of age's, perhaps under a passphrase, or an SSH key.
 * What is taken out of it is a key that it holds. */
#include "keys/identity_file.h"
#include "keys/ssh_key.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

#include <errno.h>

/* A passphrase costs a second to try, and is not what is looked for here. */
int crypto_pwhash_scryptsalsa208sha256_ll(const uint8_t *passphrase, size_t size,
					  const uint8_t *salt, size_t salt_size, uint64_t n,
					  uint32_t r, uint32_t p, uint8_t *key, size_t key_size)
{
	(void)passphrase, (void)size, (void)salt, (void)salt_size;
	require(n <= 1u << AGE_WORK_FACTOR_MAX && r == 8 && p == 1);
	memset(key, 1, key_size);
	return 0;
}

static void parse(const char *text)
{
	static struct identity_file file;
	char line[RECIPIENT_TEXT_MAX];
	int err = identity_file_parse(text, &file);

	require(err == 0 || err == -EBADMSG || err == -E2BIG || err == -ENOTSUP);
	if (err)
		return;
	require(file.count || file.takes_program);
	require(file.count <= IDENTITY_KEYS_MAX);
	require(strlen(file.plugin) < sizeof(file.plugin) && !strchr(file.plugin, '/'));
	for (size_t i = 0; i < file.count; i++)
		recipient_format(&file.keys[i].recipient, line);
	if (file.ssh.kind == RECIPIENT_SSH_ED25519)
		recipient_format(&file.ssh, line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct passphrase PASSPHRASE = { .size = 1, .text = "p" };
	static char text[IDENTITY_FILE_MAX + 1], plain[IDENTITY_FILE_MAX + 1];

	require(sodium_init() >= 0);
	if (size > IDENTITY_FILE_MAX)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (!identity_file_is_locked(text, size))
		parse(text);
	else if (identity_file_unlock(&PASSPHRASE, text, size, plain) == 0)
		parse(plain);
	return 0;
}
