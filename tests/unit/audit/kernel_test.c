// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel is the other end of a socket. */
#include "audit/kernel.h"

#include "audit/record.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/netlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#define LINE \
	"{\"v\":1,\"seg\":1,\"seq\":7,\"op\":\"open.grant\",\"res\":\"ok\",\"why\":\"it's x' res=failed\"}"

static int ours, kernel;

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair))
		return -1;
	ours = pair[0];
	kernel = pair[1];
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(ours);
	close(kernel);
	return 0;
}

/* What the kernel says next. */
static void answer(uint16_t type, const void *body, size_t size)
{
	char message[256];
	struct nlmsghdr header = { .nlmsg_len = (uint32_t)(NLMSG_HDRLEN + size),
				   .nlmsg_type = type };

	memcpy(message, &header, sizeof(header));
	memcpy(message + NLMSG_HDRLEN, body, size);
	assert_int_equal(send(kernel, message, NLMSG_HDRLEN + size, 0), NLMSG_HDRLEN + size);
}

static void acknowledge(int error)
{
	answer(NLMSG_ERROR, &(struct nlmsgerr) { .error = error }, sizeof(struct nlmsgerr));
}

/* What came to the kernel: a text. */
static size_t take(char *text, size_t size)
{
	static char message[16384];
	struct nlmsghdr header;
	ssize_t n = recv(kernel, message, sizeof(message), MSG_DONTWAIT);

	assert_true(n > NLMSG_HDRLEN);
	memcpy(&header, message, sizeof(header));
	assert_int_equal(header.nlmsg_len, n);
	assert_int_equal(header.nlmsg_type, 1121);
	assert_int_equal(header.nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	assert_int_equal(message[n - 1], 0);
	snprintf(text, size, "%s", message + NLMSG_HDRLEN);
	return (size_t)n - NLMSG_HDRLEN;
}

static void a_record_is_one_message(void **state)
{
	char text[16384], expected[4096];
	size_t used;

	(void)state;
	acknowledge(0);
	assert_int_equal(kernel_audit_send(ours, LINE "\n", strlen(LINE) + 1), 0);
	take(text, sizeof(text));
	used = (size_t)sprintf(expected, "op=open.grant res=success record=");
	for (const char *p = LINE; *p; p++)
		used += (size_t)sprintf(expected + used, "%02X", (unsigned char)*p);
	assert_string_equal(text, expected);
}

static void whatever_is_not_ok_has_failed(void **state)
{
	static const char *const LINES[][2] = {
		{ "{\"op\":\"open.deny\",\"res\":\"denied\"}", "op=open.deny res=failed record=" },
		{ "{\"op\":\"x\",\"res\":\"failed\"}", "op=x res=failed record=" },
		{ "{\"op\":\"x\"}", "op=x res=failed record=" },
		{ "{}", "op= res=failed record=" },
		{ "{\"op\":\"x", "op= res=failed record=" },
		{ "", "op= res=failed record=" },
	};
	char text[1024];

	(void)state;
	for (size_t i = 0; i < sizeof(LINES) / sizeof(LINES[0]); i++) {
		acknowledge(0);
		assert_int_equal(kernel_audit_send(ours, LINES[i][0], strlen(LINES[i][0])), 0);
		take(text, sizeof(text));
		assert_memory_equal(text, LINES[i][1], strlen(LINES[i][1]));
	}
}

static void the_longest_line_is_not_cut(void **state)
{
	char line[AUDIT_LINE_MAX + 1], text[16384];

	(void)state;
	memset(line, ' ', sizeof(line));
	memcpy(line, LINE, strlen(LINE) - 2);
	line[AUDIT_LINE_MAX - 1] = '\n';
	acknowledge(0);
	assert_int_equal(kernel_audit_send(ours, line, AUDIT_LINE_MAX), 0);
	size_t size = take(text, sizeof(text));
	assert_true(size <= AUDIT_MESSAGE_TEXT_MAX);
	assert_int_equal(strlen(strstr(text, "record=")), 7 + 2 * (AUDIT_LINE_MAX - 1));
	assert_int_equal(kernel_audit_send(ours, line, AUDIT_LINE_MAX + 1), -E2BIG);
}

static void what_the_kernel_refuses_is_told(void **state)
{
	char text[1024];

	(void)state;
	acknowledge(-EPERM);
	assert_int_equal(kernel_audit_send(ours, LINE, strlen(LINE)), -EPERM);
	take(text, sizeof(text));
	/* no answer is none that refuses */
	assert_int_equal(kernel_audit_send(ours, LINE, strlen(LINE)), 0);
	take(text, sizeof(text));
	close(kernel);
	assert_int_equal(kernel_audit_send(ours, LINE, strlen(LINE)), -EPIPE);
}

static void it_says_whether_it_is_on(void **state)
{
	(void)state;
	for (uint32_t on = 0; on <= 2; on++) {
		answer(AUDIT_GET, &(struct audit_status) { .enabled = on },
		       sizeof(struct audit_status));
		assert_int_equal(kernel_audit_is_on(ours), on != 0);
	}
	acknowledge(-EPERM);
	assert_int_equal(kernel_audit_is_on(ours), -EPERM);
	answer(AUDIT_USER, "", 0);
	assert_int_equal(kernel_audit_is_on(ours), -EPROTO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_record_is_one_message, set_up, tear_down),
		cmocka_unit_test_setup_teardown(whatever_is_not_ok_has_failed, set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_longest_line_is_not_cut, set_up, tear_down),
		cmocka_unit_test_setup_teardown(what_the_kernel_refuses_is_told, set_up, tear_down),
		cmocka_unit_test_setup_teardown(it_says_whether_it_is_on, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
