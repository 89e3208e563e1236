// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/frame.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void make_pair(int pair[2])
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
}

static void frames_come_as_they_were_sent(void **state)
{
	static const char *const TEXTS[] = { "", "{}", "a longer one, with \0 inside" };
	int pair[2];

	(void)state;
	make_pair(pair);
	for (size_t i = 0; i < 3; i++) {
		size_t size = i == 2 ? 26 : strlen(TEXTS[i]), found;
		char *data;
		assert_int_equal(frame_send(pair[0], TEXTS[i], size), 0);
		assert_int_equal(frame_recv(pair[1], 100, &data, &found), 0);
		assert_int_equal(found, size);
		assert_memory_equal(data, TEXTS[i], size);
		assert_int_equal(data[size], 0);
		free(data);
	}
	close(pair[0]);
	close(pair[1]);
}

/* Whoever asks lives on when the reader dies before it is asked. */
static void a_peer_that_is_gone_is_an_error(void **state)
{
	char *data;
	size_t size;
	int pair[2];

	(void)state;
	make_pair(pair);
	close(pair[1]);
	assert_int_equal(frame_send(pair[0], "{}", 2), -EPIPE);
	assert_int_equal(frame_recv(pair[0], 100, &data, &size), -EPIPE);
	close(pair[0]);
}

static void a_frame_that_is_cut_or_too_long_is_refused(void **state)
{
	char *data;
	size_t size;
	int pair[2];

	(void)state;
	make_pair(pair);
	assert_int_equal(frame_send(pair[0], "0123456789", 10), 0);
	assert_int_equal(frame_recv(pair[1], 9, &data, &size), -EMSGSIZE);
	close(pair[0]);
	close(pair[1]);
	make_pair(pair);
	assert_int_equal(send(pair[0], "\x05\0\0\0abc", 7, 0), 7);
	close(pair[0]);
	assert_int_equal(frame_recv(pair[1], 100, &data, &size), -EPIPE);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_come_as_they_were_sent),
		cmocka_unit_test(a_peer_that_is_gone_is_an_error),
		cmocka_unit_test(a_frame_that_is_cut_or_too_long_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
