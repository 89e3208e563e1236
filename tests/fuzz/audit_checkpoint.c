// SPDX-License-Identifier: GPL-2.0-or-later
/* A checkpoint of the audit log, of a host whose key is zeros. */
#include "audit/checkpoint.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"

static void sign(void *context, const void *message, size_t size, uint8_t signature[static 64])
{
	(void)message, (void)size;
	memcpy(signature, context, 64);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t SIGNATURE[64];
	struct audit_host host = { .context = (void *)SIGNATURE, .sign = sign };
	char again[AUDIT_CHECKPOINT_MAX], *text = strndup((const char *)data, size);
	struct audit_checkpoint checkpoint;

	require(text);
	if (audit_checkpoint_parse(text, host.public_key, &checkpoint) == 0) {
		/* nothing but the signature can be told in two ways */
		size_t length = audit_checkpoint_format(&checkpoint, &host, again);
		const char *signature = strstr(again, "\n\n");
		require(length == strlen(text) && signature);
		require(strncmp(text, again, (size_t)(signature - again)) == 0);
	}
	free(text);
	return 0;
}
