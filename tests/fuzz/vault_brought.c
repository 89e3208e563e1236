// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the vault opens with what an asker has brought: the first byte says what that is, the next
 * ones what the age program answers, and the rest is a capture. However many slots it has, few
 * passphrases are tried; the program is asked about slots that are in the capture; and what comes
 * out is that capture's key.
 */
#include "capture/header.h"
#include "capture/read.h"
#include "capture/slots.h"
#include "capture/write.h"
#include "keys/lock.h"
#include "tests/fuzz/believed.h"
#include "tests/fuzz/fuzz.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <errno.h>
#include <setjmp.h>
#include <stdio.h>
#include <sys/socket.h>

#define ANSWERS 8

static struct vault vault;
static jmp_buf refused;
static unsigned tries;
static uint64_t capture_size;
static uint8_t answers[ANSWERS]; /* how many bytes the program says each time */
static unsigned asked;
static const uint8_t *capture;

int crypto_pwhash_argon2id(unsigned char *const out, unsigned long long out_size,
			   const char *const passphrase, unsigned long long size,
			   const unsigned char *const salt, unsigned long long passes,
			   size_t memory, int algorithm)
{
	(void)passphrase, (void)size, (void)salt, (void)algorithm;
	require(passes >= 1 && passes <= LOCK_PASSES_MAX && memory <= (size_t)LOCK_KIB_MAX * 1024);
	memset(out, 1, out_size);
	tries++;
	return 0;
}

/* The asker, who is told to run the age program, and does. */
int message_send(int socket, uint32_t type, const void *body, size_t size, const int *fds,
		 size_t fd_count)
{
	const struct vault_age *request = body;
	uint8_t secret[2 * CAPTURE_SECRET_BYTES] = CAPTURE_SECRET_LABEL;

	require(socket == WORKER_SOCKET && type == VAULT_AGE && size == sizeof(*request) &&
		fd_count == 1);
	require(request->identity < VAULT_IDENTITIES_MAX);
	require(request->offset <= capture_size && request->size <= capture_size - request->offset);
	require(strnlen(request->plugin, sizeof(request->plugin)) < sizeof(request->plugin));
	memcpy(secret + 16, capture + HEADER_CAPTURE_ID, 16);
	size_t told = answers[asked++ % ANSWERS] % (sizeof(secret) + 1);
	require(write(fds[0], secret, told) == (ssize_t)told);
	return 0;
}

/* The parts of the vault that are not asked here. */

bool vault_trusts(const struct vault *asked_vault)
{
	require(asked_vault == &vault);
	return true;
}

void vault_reply(enum message_type type, const void *body, size_t size)
{
	(void)body, (void)size;
	require(type == VAULT_NOTED || type == VAULT_LOCKED);
}

void worker_refuse(int socket, int exit_status, int error, const char *format, ...)
{
	(void)socket, (void)exit_status, (void)error, (void)format;
}

void worker_fail(int exit_status, int error, const char *format, ...)
{
	(void)exit_status, (void)error, (void)format;
	longjmp(refused, 1);
}

/* The vault's end of a conversation, in which nobody hangs up; before anything else has that
 * descriptor. */
__attribute__((constructor)) static void begin(void)
{
	static int pair[2];

	require(sodium_init() >= 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0);
	require(pair[0] == WORKER_SOCKET || dup2(pair[0], WORKER_SOCKET) == WORKER_SOCKET);
	vault.key_folder = -1;
}

static int text_of(const char *text)
{
	static int fd = -1;

	if (fd < 0)
		fd = memfd_create("identity", MFD_CLOEXEC);
	require(fd >= 0 && ftruncate(fd, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	require(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	require(lseek(fd, 0, SEEK_SET) == 0);
	return fd;
}

static void bring(uint8_t what)
{
	static const char *const IDENTITIES[] = {
		"AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SWRYDWG\n",
		"AGE-PLUGIN-TWIN-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYSNZS23V9CCRYDPK8QARC0SV6T536\n",
	};

	for (size_t i = 0; i < 2; i++)
		if (what & (2 << i))
			vault_serve_identity(&vault, text_of(IDENTITIES[i]));
}

static void open_capture(uint8_t what, int fd)
{
	uint32_t by = what & 1 ? VAULT_BY_PASSPHRASE : VAULT_BY_IDENTITY;
	struct capture_header header;
	uint8_t key[CAPTURE_KEY_BYTES];
	char rule[128];
	bool is_ready;

	if (capture_header_read(fd, &header))
		return;
	bring(what);
	int err = vault_brought_check(&vault, by, fd, &header, &is_ready);
	require(tries == 0);
	if (!err && !is_ready) {
		require(by == VAULT_BY_PASSPHRASE && vault_brought_waits(&vault));
		vault_brought_unlock(&vault, text_of("some words\n"));
		require(vault_brought_check(&vault, by, fd, &header, &is_ready) == 0 && is_ready);
	}
	if (err)
		return;
	vault_brought_describe(&vault, by, rule, sizeof(rule));
	err = vault_brought_unwrap(&vault, by, fd, &header, key);
	require(tries <= SLOT_PASSPHRASES_MAX);
	require(by == VAULT_BY_PASSPHRASE || tries == 0);
	require(asked <= WRITER_RECIPIENTS_MAX);
	require(err != -ENOKEY || by == VAULT_BY_IDENTITY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t what; /* what longjmp() comes back to */

	what = take_byte(&data, &size);
	tries = asked = 0;
	for (size_t i = 0; i < ANSWERS; i++)
		answers[i] = take_byte(&data, &size);
	capture = data;
	capture_size = size;
	int fd = file_of(data, size);
	if (setjmp(refused) == 0)
		open_capture(what, fd);
	vault_brought_forget(&vault);
	return 0;
}
