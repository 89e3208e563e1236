// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/unwrap.h"

#include "base/io.h"
#include "capture/header.h"
#include "capture/read.h"
#include "capture/slots.h"
#include "capture/write.h"
#include "keys/age.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[] = "/tmp/heaptrail-unwrap-XXXXXX";
static struct keys *keys;
static uint8_t last_secret[CAPTURE_SECRET_BYTES]; /* what was wrapped last */
static uint8_t replayed[CAPTURE_SECRET_BYTES];	  /* what REPLAY wraps */

enum slot_for {
	OURS,
	SOMEBODY,
	RUBBISH,
	REPLAY,
	SHORT
};

static int wrap(void *recipient, const uint8_t *secret, size_t size, struct bytes_buffer *slot)
{
	enum slot_for who = *(const enum slot_for *)recipient;
	struct recipient to = { .kind = RECIPIENT_X25519 };
	uint8_t private[32];

	memcpy(last_secret, secret, sizeof(last_secret));
	if (who == RUBBISH)
		return bytes_put(slot, "age-encryption.org/v9\n", 22), 0;
	crypto_box_keypair(to.key, private);
	if (who != SOMEBODY && recipient_parse(keys_recipient(keys), &to))
		return -EINVAL;
	if (who == SHORT)
		return age_wrap(&to, secret, size - 1, slot);
	return age_wrap(&to, who == REPLAY ? replayed : secret, size, slot);
}

/* A capture with slots for these recipients, and its header. */
static int make(const enum slot_for *who, size_t count, struct capture_header *header)
{
	uint8_t pk[32], sk[64], sig[64], message[HEADER_MESSAGE_BYTES];
	const void *recipients[4];
	struct capture_writer *writer;
	int fd = memfd_create("capture", 0);

	for (size_t i = 0; i < count; i++)
		recipients[i] = &who[i];
	crypto_sign_keypair(pk, sk);
	assert_int_equal(
		capture_writer_new(fd, pk, wrap, (void *const *)recipients, count, &writer), 0);
	header_message(capture_writer_header(writer), message);
	crypto_sign_detached(sig, NULL, message, sizeof(message), sk);
	assert_int_equal(capture_writer_begin(writer, sig), 0);
	capture_writer_free(writer);
	assert_int_equal(capture_header_read(fd, header), 0);
	return fd;
}

static int unwrap(const enum slot_for *who, size_t count, uint8_t key[static CAPTURE_KEY_BYTES])
{
	struct capture_header header;
	int fd = make(who, count, &header);

	memset(key, 0, CAPTURE_KEY_BYTES);
	int err = unwrap_capture_key(keys, fd, &header, key);
	close(fd);
	return err;
}

static void assert_released(const enum slot_for *who, size_t count)
{
	uint8_t key[CAPTURE_KEY_BYTES];

	assert_int_equal(unwrap(who, count, key), 0);
	assert_memory_equal(key, last_secret + 32, sizeof(key));
}

static void assert_not_released(const enum slot_for *who, size_t count, int err)
{
	uint8_t key[CAPTURE_KEY_BYTES];

	assert_int_equal(unwrap(who, count, key), err);
	assert_true(sodium_is_zero(key, sizeof(key)));
}

static void sign(void *sk, const void *message, size_t size, uint8_t signature[static 64])
{
	crypto_sign_detached(signature, NULL, message, size, sk);
}

static void our_slot_gives_the_key_wherever_it_stands(void **state)
{
	(void)state;
	assert_released((enum slot_for[]) { OURS }, 1);
	assert_released((enum slot_for[]) { OURS, SOMEBODY }, 2);
	assert_released((enum slot_for[]) { SOMEBODY, SOMEBODY, OURS }, 3);
	assert_released((enum slot_for[]) { RUBBISH, OURS }, 2);
}

static void no_slot_of_ours_gives_no_key(void **state)
{
	(void)state;
	assert_not_released((enum slot_for[]) { SOMEBODY }, 1, -ENOKEY);
	assert_not_released((enum slot_for[]) { SOMEBODY, SOMEBODY }, 2, -ENOKEY);
	assert_not_released((enum slot_for[]) { SOMEBODY, RUBBISH }, 2, -EBADMSG);
	assert_not_released((enum slot_for[]) { SHORT }, 1, -EBADMSG);
}

static void a_secret_of_another_capture_is_refused(void **state)
{
	struct capture_header header;

	(void)state;
	close(make((enum slot_for[]) { OURS }, 1, &header));
	memcpy(replayed, last_secret, sizeof(replayed));
	assert_not_released((enum slot_for[]) { REPLAY }, 1, -EBADMSG);
}

static void a_secret_with_another_label_is_refused(void **state)
{
	(void)state;
	memset(replayed, 'x', sizeof(replayed));
	assert_not_released((enum slot_for[]) { REPLAY }, 1, -EBADMSG);
}

static void no_changed_bit_of_the_slots_is_accepted(void **state)
{
	static uint8_t bytes[4096];
	struct capture_header header;
	uint8_t key[CAPTURE_KEY_BYTES];
	int fd = make((enum slot_for[]) { OURS }, 1, &header);

	(void)state;
	assert_int_equal(io_pread(fd, bytes, sizeof(bytes), 0), 0);
	size_t end = sizeof(bytes);
	while (end && bytes[end - 1] == 0)
		end--;
	assert_true(end > CAPTURE_HEADER_BYTES);
	for (size_t i = CAPTURE_HEADER_BYTES; i < end; i++) {
		uint8_t changed = bytes[i] ^ (uint8_t)(1 << i % 8);
		assert_int_equal(io_pwrite(fd, &changed, 1, (off_t)i), 0);
		assert_int_equal(unwrap_capture_key(keys, fd, &header, key), -EBADMSG);
		assert_int_equal(io_pwrite(fd, &bytes[i], 1, (off_t)i), 0);
	}
	assert_int_equal(unwrap_capture_key(keys, fd, &header, key), 0);
	close(fd);
}

/* Slots that claim more than there is, by somebody who may sign them; and as many as fit. */
static void a_million_slots_are_refused(void **state)
{
	static uint8_t sk[64];
	struct slots_signer signer = { .context = sk, .sign = sign };
	struct capture_header header = { 0 };
	const struct seal_keys seal = { 0 };
	struct bytes_buffer entries = { 0 }, region = { 0 };
	struct slots_position at = { 0 };
	struct slots slots;
	const uint8_t *slot;
	uint32_t count = 0;
	size_t size;

	(void)state;
	crypto_sign_keypair(header.host_pk, sk);
	signer.public_key = header.host_pk;
	slots_put(&entries, SLOT_AGE, "", 0);
	slots_finish(&region, &entries, 1000000, &seal, header.capture_id, &signer);
	assert_int_equal(slots_parse(&slots, region.data, region.size, &header), -EBADMSG);
	region.size = 0;
	slots_finish(&region, &entries, 1, &seal, header.capture_id, &signer);
	assert_int_equal(slots_parse(&slots, region.data, region.size, &header), 0);
	/* 4 GiB of them */
	memset(region.data + 4, 0xff, 4);
	assert_int_equal(slots_parse(&slots, region.data, region.size, &header), -EBADMSG);
	region.size = 0;
	while (entries.size + SLOT_HEAD_BYTES + SLOTS_FRAME_BYTES <= CAPTURE_SLOTS_MAX)
		slots_put(&entries, SLOT_AGE, "", 0);
	count = (uint32_t)(entries.size / SLOT_HEAD_BYTES);
	assert_true(count > 13000);
	slots_finish(&region, &entries, count, &seal, header.capture_id, &signer);
	assert_int_equal(slots_parse(&slots, region.data, region.size, &header), 0);
	while (slots_next(&slots, SLOT_AGE, &at, &slot, &size) == 0)
		count--;
	assert_int_equal(count, 0);
	bytes_free(&entries);
	bytes_free(&region);
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(directory) ? keys_open(directory, true, &keys) : -1;
}

static int tear_down(void **state)
{
	char command[128];

	(void)state;
	keys_close(keys);
	snprintf(command, sizeof(command), "rm -r %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(our_slot_gives_the_key_wherever_it_stands),
		cmocka_unit_test(no_slot_of_ours_gives_no_key),
		cmocka_unit_test(a_secret_of_another_capture_is_refused),
		cmocka_unit_test(a_secret_with_another_label_is_refused),
		cmocka_unit_test(no_changed_bit_of_the_slots_is_accepted),
		cmocka_unit_test(a_million_slots_are_refused),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
