// SPDX-License-Identifier: GPL-2.0-or-later
#include "keys/passphrase_slot.h"

#include <errno.h>
#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/resource.h>

#include <cmocka.h>

static const uint8_t SECRET[64] = "heaptrail-key-v1, an id of sixteen bytes, and thirty-two more";

static struct bytes_buffer slot;
static struct passphrase *right, *wrong;

static int set_up(void **state)
{
	(void)state;
	right = passphrase_new();
	wrong = passphrase_new();
	if (!right || !wrong)
		return -1;
	right->size = (size_t)snprintf(right->text, sizeof(right->text), "correct horse");
	wrong->size = (size_t)snprintf(wrong->text, sizeof(wrong->text), "correct house");
	return passphrase_slot_wrap(right, SECRET, sizeof(SECRET), &slot);
}

static int tear_down(void **state)
{
	(void)state;
	bytes_free(&slot);
	passphrase_free(right);
	passphrase_free(wrong);
	return 0;
}

static int open_slot(const struct passphrase *passphrase, const uint8_t *bytes, size_t size)
{
	uint8_t secret[sizeof(SECRET)] = { 0 };
	int err = passphrase_slot_open(passphrase, bytes, size, secret, sizeof(secret));

	if (!err)
		assert_memory_equal(secret, SECRET, sizeof(secret));
	else
		assert_true(sodium_is_zero(secret, sizeof(secret)));
	return err;
}

static void the_passphrase_opens_it_and_no_other(void **state)
{
	(void)state;
	assert_int_equal(slot.size, 104);
	assert_int_equal(open_slot(right, slot.data, slot.size), 0);
	assert_int_equal(open_slot(wrong, slot.data, slot.size), -EKEYREJECTED);
}

/* One bit of each field: trying each costs as much as the passphrase does. */
static void nothing_in_it_can_be_changed(void **state)
{
	static const size_t PLACES[] = { 8, 24, 103 };
	uint8_t changed[104];

	(void)state;
	for (size_t i = 0; i < sizeof(PLACES) / sizeof(PLACES[0]); i++) {
		memcpy(changed, slot.data, sizeof(changed));
		changed[PLACES[i]] ^= 1;
		assert_int_equal(open_slot(right, changed, sizeof(changed)), -EKEYREJECTED);
	}
	for (size_t size = 0; size < slot.size; size++)
		assert_int_equal(open_slot(right, slot.data, size), -EBADMSG);
}

/* What it asks for is looked at before any memory is there to give. */
static void what_it_may_ask_for_is_bounded(void **state)
{
	static const struct {
		uint32_t passes, kib;
		int err;
	} COSTS[] = {
		{ LOCK_PASSES_MAX, LOCK_KIB_MAX, 0 },
		{ LOCK_PASSES_MAX + 1, 8, -E2BIG },
		{ 1, LOCK_KIB_MAX + 1, -E2BIG },
		{ 1, 64u << 20, -E2BIG }, /* 64 GiB */
		{ 1, UINT32_MAX, -E2BIG },
		{ UINT32_MAX, 8, -E2BIG },
		{ UINT32_MAX, UINT32_MAX, -E2BIG },
		{ 0, 8, -EBADMSG },
		{ 1, 7, -EBADMSG },
		{ 1, 0, -EBADMSG },
	};
	struct rlimit before;
	struct lock lock;
	uint8_t changed[104];

	(void)state;
	getrlimit(RLIMIT_AS, &before);
	for (size_t i = 0; i < sizeof(COSTS) / sizeof(COSTS[0]); i++) {
		struct bytes_buffer head = { 0 };
		memcpy(changed, slot.data, sizeof(changed));
		bytes_put_le(&head, COSTS[i].passes, 4);
		bytes_put_le(&head, COSTS[i].kib, 4);
		memcpy(changed, head.data, head.size);
		bytes_free(&head);
		assert_int_equal(passphrase_slot_read(changed, sizeof(changed), &lock),
				 COSTS[i].err);
		if (COSTS[i].err)
			assert_int_equal(open_slot(right, changed, sizeof(changed)), COSTS[i].err);
	}
#ifndef __SANITIZE_ADDRESS__ /* which needs address space of its own */
	/* what cannot be had is said */
	const struct rlimit little = { 64 << 20, before.rlim_max };
	assert_int_equal(setrlimit(RLIMIT_AS, &little), 0);
	assert_int_equal(open_slot(right, slot.data, slot.size), -ENOMEM);
	setrlimit(RLIMIT_AS, &before);
#endif
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_passphrase_opens_it_and_no_other),
		cmocka_unit_test(nothing_in_it_can_be_changed),
		cmocka_unit_test(what_it_may_ask_for_is_bounded),
	};

	return sodium_init() < 0 ? 1 : cmocka_run_group_tests(tests, set_up, tear_down);
}
