// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the vault makes of a request to change its recipients, or a capture's: the first byte says
 * which, the next ones are the message's body, and the rest is a capture. Nothing is done that is
 * not on record before, and every record is a line that is read again.
 */
#include "capture/header.h"
#include "capture/read.h"
#include "keys/age.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <setjmp.h>
#include <stdio.h>

static struct vault vault;
static jmp_buf refused;
static bool is_trusted, has_room;
static unsigned gates; /* records of what is about to be done */

/* It takes a second. */
int crypto_pwhash_argon2id(unsigned char *const out, unsigned long long out_size,
			   const char *const passphrase, unsigned long long size,
			   const unsigned char *const salt, unsigned long long passes,
			   size_t memory, int algorithm)
{
	(void)passphrase, (void)size, (void)salt, (void)passes, (void)memory, (void)algorithm;
	memset(out, 1, out_size);
	return 0;
}

/* The parts of the vault that are not asked here. */

void vault_note(struct vault *asked, const struct audit_record *record)
{
	static const struct audit_position POSITION = { .segment = 1, .sequence = 1 };
	char line[AUDIT_LINE_MAX];
	size_t size = audit_record_format(record, &POSITION, line);

	require(asked == &vault && size <= AUDIT_LINE_MAX && audit_record_is(line, size));
	require(audit_record_has_operation(line, size, record->operation));
}

bool vault_note_gate(struct vault *asked, struct audit_record record)
{
	vault_note(asked, &record);
	gates++;
	return has_room;
}

bool vault_trusts(const struct vault *asked)
{
	require(asked == &vault);
	return is_trusted;
}

bool vault_admits(struct vault *asked, int fd, const char *operation, bool has_reason,
		  struct audit_object *object, struct capture_header *header,
		  struct access_decision *decision)
{
	(void)asked, (void)has_reason;
	*object = (struct audit_object) { 0 };
	*decision = (struct access_decision) { .operation = operation };
	return is_trusted && capture_header_read(fd, header) == 0;
}

bool vault_is_unlocked(struct vault *asked)
{
	require(asked == &vault);
	return true;
}

void vault_reply(enum message_type type, const void *body, size_t size)
{
	(void)body, (void)size;
	require(gates == 1 && (type == VAULT_NOTED || type == VAULT_REWRAPPED));
}

void vault_refuse(struct vault *asked, const struct audit_object *object,
		  const struct access_decision *decision, int exit_status, int error,
		  const char *why)
{
	(void)exit_status, (void)error;
	vault_note(asked, &(struct audit_record) { .operation = "open.deny",
						   .result = "denied",
						   .subject = &asked->peer,
						   .object = object,
						   .why = why,
						   .asked = decision->operation });
}

void vault_refuse_key(struct vault *asked, const struct audit_object *object,
		      const struct access_decision *decision, int err)
{
	vault_refuse(asked, object, decision, 1, -err, strerror(-err));
}

void worker_fail(int exit_status, int error, const char *format, ...)
{
	(void)exit_status, (void)error, (void)format;
	longjmp(refused, 1);
}

static void remove_directory(void)
{
	static const char *const NAMES[] = { "vault.key", "vault.pub", "host.key", "host.pub",
					     RECIPIENTS_NAME };
	char path[sizeof(vault.key_directory) + 32];

	for (size_t i = 0; i < sizeof(NAMES) / sizeof(NAMES[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", vault.key_directory, NAMES[i]);
		unlink(path);
	}
	rmdir(vault.key_directory);
}

static void begin(void)
{
	if (vault.keys)
		return;
	snprintf(vault.key_directory, sizeof(vault.key_directory),
		 "/dev/shm/heaptrail-fuzz-XXXXXX");
	require(mkdtemp(vault.key_directory));
	atexit(remove_directory);
	require(keys_open(vault.key_directory, true, &vault.keys) == 0);
	static struct passphrase passphrase = { .size = 9, .text = "some text" };
	vault.new_passphrase = &passphrase;
	vault.key_folder = -1;
}

/* As much of the body as there is; the rest is zero. */
static void take_body(const uint8_t **data, size_t *size, void *body, size_t body_size)
{
	size_t taken = *size < body_size ? *size : body_size;

	memset(body, 0, body_size);
	memcpy(body, *data, taken);
	*data += taken;
	*size -= taken;
}

/* Whoever is in the list can be encrypted for: otherwise nothing could be recorded. */
static void check_recipients(void)
{
	static const uint8_t SECRET[64];
	struct recipient recipients[VAULT_RECIPIENTS_MAX];
	size_t count = 0;
	unsigned line;

	require(recipients_read(vault.key_directory, RECIPIENTS_NAME, recipients,
				VAULT_RECIPIENTS_MAX, &count, &line) == 0);
	for (size_t i = 0; i < count; i++) {
		struct bytes_buffer slot = { 0 };
		if (recipients[i].kind == RECIPIENT_PLUGIN)
			continue;
		require(age_wrap(&recipients[i], SECRET, sizeof(SECRET), &slot) == 0);
		bytes_free(&slot);
	}
}

static void change(const uint8_t *data, size_t size)
{
	static struct vault_change request;

	take_body(&data, &size, &request, sizeof(request));
	/* another key takes long to make, and needs nothing of the body */
	request.what += request.what == VAULT_ROTATE;
	if (request.what == VAULT_UNPROTECT)
		request.what++;
	if (setjmp(refused) == 0)
		vault_serve_change(&vault, &request);
	check_recipients();
}

static void rewrap(const uint8_t *data, size_t size)
{
	static struct vault_rewrap request;
	static int out = -1;

	if (out < 0)
		out = memfd_create("output", MFD_CLOEXEC);
	require(out >= 0 && ftruncate(out, 0) == 0);
	take_body(&data, &size, &request, sizeof(request));
	int fd = file_of(data, size);
	if (setjmp(refused) == 0)
		vault_serve_rewrap(&vault, &request, fd, out);
	/* what is written is written because of a record */
	require(gates || lseek(out, 0, SEEK_END) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t what = take_byte(&data, &size);

	begin();
	is_trusted = !(what & 2);
	has_room = !(what & 4);
	gates = 0;
	if (what & 1)
		rewrap(data, size);
	else
		change(data, size);
	return 0;
}
