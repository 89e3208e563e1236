// SPDX-License-Identifier: GPL-2.0-or-later
#include "vault/peer.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static void a_peer_is_known_by_what_the_kernel_says(void **state)
{
	struct audit_subject peer;
	char exe[PATH_MAX];
	int pair[2];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	(void)state;
	assert_true(n > 0);
	exe[n] = 0;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(peer_identify(pair[0], &peer), 0);
	assert_int_equal(peer.pid, getpid());
	assert_int_equal(peer.uid, geteuid());
	assert_int_equal(peer.gid, getegid());
	assert_string_equal(peer.exe, exe);
	assert_null(strchr(peer.cgroup, '\n'));
	assert_int_equal(strncmp(peer.cgroup, "0::", 3) == 0, 0);
	close(pair[0]);
	close(pair[1]);
}

static void a_process_is_known_by_what_proc_says(void **state)
{
	struct audit_subject subject;
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	(void)state;
	exe[n] = 0;
	assert_true(process_identify(getpid(), &subject));
	assert_int_equal(subject.uid, geteuid());
	assert_int_equal(subject.gid, getegid());
	assert_string_equal(subject.exe, exe);
	assert_false(process_identify(1 << 23, &subject));
	assert_string_equal(subject.exe, "");
}

static void the_groups_of_a_peer_are_its_own(void **state)
{
	gid_t theirs[64], ours[64];
	int pair[2];
	int count = getgroups(64, ours);

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	assert_int_equal(peer_groups(pair[0], theirs, 64), count);
	assert_memory_equal(theirs, ours, (size_t)count * sizeof(*ours));
	close(pair[0]);
	close(pair[1]);
}

static void what_is_no_socket_has_no_peer(void **state)
{
	struct audit_subject peer;
	int pair[2];

	(void)state;
	assert_int_equal(pipe(pair), 0);
	assert_int_equal(peer_identify(pair[0], &peer), -ENOTSOCK);
	assert_int_equal(peer_identify(-1, &peer), -EBADF);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_peer_is_known_by_what_the_kernel_says),
		cmocka_unit_test(a_process_is_known_by_what_proc_says),
		cmocka_unit_test(the_groups_of_a_peer_are_its_own),
		cmocka_unit_test(what_is_no_socket_has_no_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
