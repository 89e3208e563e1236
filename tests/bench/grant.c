// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * grant DIRECTORY...: what it costs to put the grant of an opening on record, in a log in a new
 * directory there: its fdatasync, all else of the record, and then the unwrapping of the capture's
 * key. Medians and ninth deciles of each.
 */
#include "audit/log.h"
#include "base/clock.h"
#include "keys/age.h"

#include <dirent.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#define GRANTS 500

enum part {
	SYNC,
	REST,
	KEY,
	PARTS
};

static const char *const NAMES[PARTS] = { "its fdatasync", "the rest of its record",
					  "the key, unwrapped" };

static uint64_t times_ns[PARTS][GRANTS], sync_ns;
static uint8_t host_sk[crypto_sign_SECRETKEYBYTES];

static void demand(bool is_true, const char *what)
{
	if (is_true)
		return;
	fprintf(stderr, "grant: %s: failed\n", what);
	exit(1);
}

/* In front of the C library's. */
int fdatasync(int fd)
{
	uint64_t begin = clock_now_ns();
	int result = (int)syscall(SYS_fdatasync, fd);

	sync_ns += clock_now_ns() - begin;
	return result;
}

static void sign(void *context, const void *message, size_t size, uint8_t signature[static 64])
{
	(void)context;
	crypto_sign_detached(signature, NULL, message, size, host_sk);
}

static int wrap(void *context, const uint8_t key[static AUDIT_KEY_BYTES],
		char text[static AUDIT_WRAPPED_MAX])
{
	(void)context, (void)key;
	*text = 0;
	return 0;
}

static void grant(struct audit_log *log)
{
	static const struct audit_subject SUBJECT = { .pid = 4321,
						      .exe = "/usr/local/bin/heaptrail",
						      .cgroup = "/user.slice/session-1.scope" };
	static const struct audit_object OBJECT = { .device = 65024,
						    .inode = 123456,
						    .size = 1234567890 };
	static const struct audit_record RECORD = { .operation = "open.grant",
						    .result = "ok",
						    .subject = &SUBJECT,
						    .object = &OBJECT,
						    .why = "incident 4711",
						    .asked = "report",
						    .rule = "allow op=report uid=0",
						    .is_gate = true };

	demand(audit_log_append(log, &RECORD) == 0, "a record");
}

static void measure(struct audit_log *log)
{
	struct recipient recipient = { .kind = RECIPIENT_X25519 };
	uint8_t identity[32], secret[64] = { 0 };
	struct bytes_buffer slot = { 0 };

	randombytes_buf(identity, sizeof(identity));
	crypto_scalarmult_base(recipient.key, identity);
	demand(age_wrap(&recipient, secret, sizeof(secret), &slot) == 0, "wrapping a key");
	for (unsigned i = 0; i < GRANTS; i++) {
		uint64_t begin = clock_now_ns();
		sync_ns = 0;
		grant(log);
		uint64_t middle = clock_now_ns();
		demand(age_unwrap(identity, slot.data, slot.size, secret, sizeof(secret)) == 0,
		       "unwrapping it");
		times_ns[KEY][i] = clock_now_ns() - middle;
		times_ns[SYNC][i] = sync_ns;
		times_ns[REST][i] = middle - begin - sync_ns;
	}
	bytes_free(&slot);
}

static int by_time(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static void remove_all(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	demand(dir, directory);
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	rmdir(directory);
}

static void measure_in(const char *where)
{
	struct audit_host host = { .sign = sign, .wrap = wrap };
	struct audit_log *log;
	char directory[4096];

	snprintf(directory, sizeof(directory), "%s/grants-XXXXXX", where);
	demand(mkdtemp(directory), directory);
	crypto_sign_keypair(host.public_key, host_sk);
	demand(audit_log_open(directory, &host, &log) == 0, "a log");
	measure(log);
	audit_log_close(log);
	remove_all(directory);
	printf("a grant, with the log in %s:\n", where);
	for (enum part part = SYNC; part < PARTS; part++) {
		qsort(times_ns[part], GRANTS, sizeof(times_ns[part][0]), by_time);
		printf("  %-24s %7.1f us, nine of ten below %.1f\n", NAMES[part],
		       (double)times_ns[part][GRANTS / 2] / 1e3,
		       (double)times_ns[part][GRANTS * 9 / 10] / 1e3);
	}
}

int main(int argc, char **argv)
{
	demand(sodium_init() >= 0, "start");
	for (int i = 1; i < argc; i++)
		measure_in(argv[i]);
	return 0;
}
