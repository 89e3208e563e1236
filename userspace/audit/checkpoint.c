// SPDX-License-Identifier: GPL-2.0-or-later
#include "audit/checkpoint.h"

#include "base/text.h"

#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BASE64		    sodium_base64_VARIANT_ORIGINAL
#define ED25519		    1 /* the signature's kind, in signed notes */
#define ID_BYTES	    4
#define SIGNED_BYTES	    (ID_BYTES + crypto_sign_BYTES)
#define CHECKPOINT_NAME_MAX 96
#define DASH		    "\xe2\x80\x94 " /* U+2014 */

/* Of the log and of its key. */
static char *make_name(char name[static CHECKPOINT_NAME_MAX], const uint8_t host_pk[static 32])
{
	char hex[2 * 32 + 1];

	snprintf(name, CHECKPOINT_NAME_MAX, "heaptrail-audit/%s", text_hex(hex, host_pk, 32));
	return name;
}

/* The first bytes of SHA-256(name || newline || kind || key). */
static void make_id(const char *name, const uint8_t host_pk[static 32], uint8_t id[static ID_BYTES])
{
	static const uint8_t KIND[] = { '\n', ED25519 };
	crypto_hash_sha256_state state;
	uint8_t hash[crypto_hash_sha256_BYTES];

	crypto_hash_sha256_init(&state);
	crypto_hash_sha256_update(&state, (const uint8_t *)name, strlen(name));
	crypto_hash_sha256_update(&state, KIND, sizeof(KIND));
	crypto_hash_sha256_update(&state, host_pk, 32);
	crypto_hash_sha256_final(&state, hash);
	memcpy(id, hash, ID_BYTES);
}

/* What is signed: all up to the empty line. */
static int make_body(char *text, size_t size, const char *name,
		     const struct audit_checkpoint *checkpoint)
{
	char root[sodium_base64_ENCODED_LEN(AUDIT_HASH_BYTES, BASE64)];

	sodium_bin2base64(root, sizeof(root), checkpoint->root, sizeof(checkpoint->root), BASE64);
	return snprintf(text, size, "%s\n%" PRIu64 "\n%s\n", name, checkpoint->size, root);
}

size_t audit_checkpoint_format(const struct audit_checkpoint *checkpoint,
			       const struct audit_host *host,
			       char text[static AUDIT_CHECKPOINT_MAX])
{
	char name[CHECKPOINT_NAME_MAX], encoded[sodium_base64_ENCODED_LEN(SIGNED_BYTES, BASE64)];
	uint8_t signed_bytes[SIGNED_BYTES];
	int n = make_body(text, AUDIT_CHECKPOINT_MAX, make_name(name, host->public_key),
			  checkpoint);

	make_id(name, host->public_key, signed_bytes);
	host->sign(host->context, text, (size_t)n, signed_bytes + ID_BYTES);
	sodium_bin2base64(encoded, sizeof(encoded), signed_bytes, sizeof(signed_bytes), BASE64);
	n += snprintf(text + n, AUDIT_CHECKPOINT_MAX - (size_t)n, "\n" DASH "%s %s\n", name,
		      encoded);
	return (size_t)n;
}

/* The next line, without its newline, which becomes a 0; NULL: there is none. */
static char *next_line(char **at)
{
	char *line = *at, *newline = strchr(line, '\n');

	if (!newline)
		return NULL;
	*newline = 0;
	*at = newline + 1;
	return line;
}

int audit_checkpoint_parse(const char *text, const uint8_t host_pk[static 32],
			   struct audit_checkpoint *checkpoint)
{
	char copy[AUDIT_CHECKPOINT_MAX], body[AUDIT_CHECKPOINT_MAX], name[CHECKPOINT_NAME_MAX];
	char encoded[sodium_base64_ENCODED_LEN(SIGNED_BYTES, BASE64)];
	uint8_t signed_bytes[SIGNED_BYTES], id[ID_BYTES];
	size_t found = 0;
	char *at = copy, *end;

	if (strlen(text) >= sizeof(copy))
		return -EBADMSG;
	strcpy(copy, text);
	char *origin = next_line(&at), *size = next_line(&at), *root = next_line(&at),
	     *empty = next_line(&at), *signature = next_line(&at);
	if (!signature || *empty || *at || strncmp(origin, "heaptrail-audit/", 16) != 0 ||
	    strncmp(signature, DASH, sizeof(DASH) - 1) != 0)
		return -EBADMSG;
	if (strcmp(origin, make_name(name, host_pk)) != 0)
		return -EKEYREJECTED;
	checkpoint->size = strtoull(size, &end, 10);
	if (*end ||
	    sodium_base642bin(checkpoint->root, sizeof(checkpoint->root), root, strlen(root), NULL,
			      &found, NULL, BASE64) ||
	    found != sizeof(checkpoint->root))
		return -EBADMSG;
	/* in one way only: what was signed is made again from what was read */
	int n = make_body(body, sizeof(body), name, checkpoint);
	if (strncmp(body, text, (size_t)n) != 0)
		return -EBADMSG;
	signature += sizeof(DASH) - 1;
	if (strncmp(signature, name, strlen(name)) != 0 || signature[strlen(name)] != ' ')
		return -EBADMSG;
	signature += strlen(name) + 1;
	if (sodium_base642bin(signed_bytes, sizeof(signed_bytes), signature, strlen(signature),
			      NULL, &found, NULL, BASE64) ||
	    found != sizeof(signed_bytes))
		return -EBADMSG;
	sodium_bin2base64(encoded, sizeof(encoded), signed_bytes, sizeof(signed_bytes), BASE64);
	if (strcmp(encoded, signature) != 0)
		return -EBADMSG;
	make_id(name, host_pk, id);
	return memcmp(id, signed_bytes, sizeof(id)) == 0 &&
			       crypto_sign_verify_detached(signed_bytes + ID_BYTES,
							   (const uint8_t *)body, (size_t)n,
							   host_pk) == 0
		       ? 0
		       : -EKEYREJECTED;
}

char *audit_checkpoint_verifier(const uint8_t host_pk[static 32],
				char text[static AUDIT_VERIFIER_MAX])
{
	char name[CHECKPOINT_NAME_MAX], key[sodium_base64_ENCODED_LEN(33, BASE64)],
		hex[2 * ID_BYTES + 1];
	uint8_t bytes[33] = { ED25519 }, id[ID_BYTES];

	memcpy(bytes + 1, host_pk, 32);
	make_id(make_name(name, host_pk), host_pk, id);
	sodium_bin2base64(key, sizeof(key), bytes, sizeof(bytes), BASE64);
	snprintf(text, AUDIT_VERIFIER_MAX, "%s+%s+%s", name, text_hex(hex, id, sizeof(id)), key);
	return text;
}
