// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/message.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

static const struct message_rule RULES[] = {
	{ 1, 0, 0 }, { 2, 8, 0 }, { 3, 4, 2 }, { 4, MESSAGE_BODY_MAX, MESSAGE_FDS_MAX }
};
static struct message message;
static int pair[2];

static size_t open_fds(void)
{
	DIR *directory = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(directory))
		count++;
	closedir(directory);
	return count;
}

static int set_up(void **state)
{
	(void)state;
	return message_pair(pair);
}

static int tear_down(void **state)
{
	(void)state;
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static int receive(void)
{
	return message_recv(pair[1], RULES, sizeof(RULES) / sizeof(RULES[0]), &message);
}

static void permitted_messages_arrive(void **state)
{
	uint8_t body[MESSAGE_BODY_MAX];
	int fds[MESSAGE_FDS_MAX] = { 0, 0, 0, 0 };

	(void)state;
	memset(body, 7, sizeof(body));
	assert_int_equal(message_send(pair[0], 1, NULL, 0, NULL, 0), 0);
	assert_int_equal(message_send(pair[0], 2, "12345678", 8, NULL, 0), 0);
	assert_int_equal(message_send(pair[0], 4, body, sizeof(body), fds, MESSAGE_FDS_MAX), 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(message.type, 1);
	assert_int_equal(message.size, 0);
	assert_int_equal(receive(), 0);
	assert_memory_equal(message.body, "12345678", 8);
	assert_int_equal(receive(), 0);
	assert_memory_equal(message.body, body, sizeof(body));
	assert_int_equal(message.fd_count, MESSAGE_FDS_MAX);
	message_close_fds(&message);
}

static void descriptors_arrive_close_on_exec_and_can_be_taken(void **state)
{
	int fds[2] = { 0, 0 };
	size_t before = open_fds();

	(void)state;
	assert_int_equal(message_send(pair[0], 3, "abcd", 4, fds, 2), 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(open_fds(), before + 2);
	assert_true(fcntl(message.fds[0], F_GETFD) & FD_CLOEXEC);
	int taken = message_take_fd(&message, 1);
	message_close_fds(&message);
	assert_int_equal(open_fds(), before + 1);
	assert_true(fcntl(taken, F_GETFD) >= 0);
	close(taken);
}

static void what_is_not_permitted_is_refused_and_its_descriptors_closed(void **state)
{
	int fds[3] = { 0, 0, 0 };
	size_t before = open_fds();

	(void)state;
	const struct {
		uint32_t type;
		size_t size, fd_count;
	} BAD[] = { { 9, 8, 0 }, { 2, 7, 0 }, { 2, 9, 0 }, { 2, 8, 1 },
		    { 3, 4, 1 }, { 3, 4, 3 }, { 1, 0, 3 }, { 0, 0, 0 } };
	for (size_t i = 0; i < sizeof(BAD) / sizeof(BAD[0]); i++) {
		assert_int_equal(message_send(pair[0], BAD[i].type, "123456789", BAD[i].size, fds,
					      BAD[i].fd_count),
				 0);
		assert_int_equal(receive(), -EPROTO);
		assert_int_equal(open_fds(), before);
	}
}

static void send_raw(const void *bytes, size_t size)
{
	assert_int_equal(send(pair[0], bytes, size, 0), size);
}

static void malformed_messages_are_refused(void **state)
{
	static uint8_t big[MESSAGE_BODY_MAX + 64];
	uint32_t lies[4] = { 2, UINT32_MAX, 0, 0 };

	(void)state;
	send_raw("abc", 3);
	assert_int_equal(receive(), -EPROTO);
	send_raw(lies, sizeof(lies));
	assert_int_equal(receive(), -EPROTO);
	send_raw(lies, 8);
	assert_int_equal(receive(), -EPROTO);
	memcpy(big, (uint32_t[]) { 4, sizeof(big) - 8 }, 8);
	send_raw(big, sizeof(big));
	assert_int_equal(receive(), -EPROTO);
	/* and the next one is not harmed */
	assert_int_equal(message_send(pair[0], 1, NULL, 0, NULL, 0), 0);
	assert_int_equal(receive(), 0);
}

#define FLOOD 40

/* A message that is permitted, but for how many descriptors come with it. */
static void send_fds(size_t fd_count)
{
	static uint8_t body[MESSAGE_BODY_MAX];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(FLOOD * sizeof(int))];
	} control = { 0 };
	uint32_t head[2] = { 4, sizeof(body) };
	struct iovec iov[2] = { { head, sizeof(head) }, { body, sizeof(body) } };
	struct msghdr msg = { .msg_iov = iov,
			      .msg_iovlen = 2,
			      .msg_control = control.bytes,
			      .msg_controllen = CMSG_SPACE(fd_count * sizeof(int)) };
	struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg);
	int fds[FLOOD] = { 0 };

	cmsg->cmsg_level = SOL_SOCKET;
	cmsg->cmsg_type = SCM_RIGHTS;
	cmsg->cmsg_len = CMSG_LEN(fd_count * sizeof(int));
	memcpy(CMSG_DATA(cmsg), fds, fd_count * sizeof(int));
	assert_int_equal(sendmsg(pair[0], &msg, 0), sizeof(head) + sizeof(body));
}

/* More descriptors than a message may have, be it one: none stays open. */
static void a_flood_of_descriptors_is_refused(void **state)
{
	size_t before = open_fds();

	(void)state;
	send_fds(MESSAGE_FDS_MAX);
	assert_int_equal(receive(), 0);
	message_close_fds(&message);
	for (size_t count = MESSAGE_FDS_MAX + 1; count <= FLOOD; count++) {
		send_fds(count);
		assert_int_equal(receive(), -EPROTO);
		assert_int_equal(open_fds(), before);
	}
}

static void too_much_is_not_sent(void **state)
{
	static uint8_t big[MESSAGE_BODY_MAX + 1];
	int fds[MESSAGE_FDS_MAX + 1] = { 0 };

	(void)state;
	assert_int_equal(message_send(pair[0], 4, big, sizeof(big), NULL, 0), -EMSGSIZE);
	assert_int_equal(message_send(pair[0], 4, big, 1, fds, MESSAGE_FDS_MAX + 1), -EMSGSIZE);
}

static void a_peer_that_is_gone_is_a_broken_pipe(void **state)
{
	int other[2];

	(void)state;
	assert_int_equal(message_pair(other), 0);
	close(other[0]);
	assert_int_equal(message_recv(other[1], RULES, 1, &message), -EPIPE);
	assert_int_equal(message_send(other[1], 1, NULL, 0, NULL, 0), -EPIPE);
	close(other[1]);
}

static void the_last_words_of_a_peer_that_hung_up_are_heard(void **state)
{
	int other[2];

	(void)state;
	assert_int_equal(message_pair(other), 0);
	/* it dies with a message of ours unread */
	assert_int_equal(message_send(other[1], 1, NULL, 0, NULL, 0), 0);
	assert_int_equal(
		message_send(other[0], RULES[0].type, message.body, RULES[0].size, NULL, 0), 0);
	close(other[0]);
	assert_int_equal(message_recv(other[1], RULES, 1, &message), 0);
	assert_int_equal(message.type, RULES[0].type);
	assert_int_equal(message_recv(other[1], RULES, 1, &message), -EPIPE);
	close(other[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(permitted_messages_arrive),
		TEST(descriptors_arrive_close_on_exec_and_can_be_taken),
		TEST(what_is_not_permitted_is_refused_and_its_descriptors_closed),
		TEST(malformed_messages_are_refused),
		TEST(a_flood_of_descriptors_is_refused),
		TEST(too_much_is_not_sent),
		TEST(a_peer_that_is_gone_is_a_broken_pipe),
		TEST(the_last_words_of_a_peer_that_hung_up_are_heard),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
