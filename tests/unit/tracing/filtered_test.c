// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/filtered.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

static void do_nothing(void)
{
}

static void make_a_system_call(void)
{
	syscall(SYS_getppid);
}

static void a_call_that_stays_outside_the_kernel_survives(void **state)
{
	(void)state;
	assert_true(filtered_survives(do_nothing));
}

static void a_call_that_the_filter_does_not_know_does_not(void **state)
{
	(void)state;
	assert_false(filtered_survives(make_a_system_call));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_stays_outside_the_kernel_survives),
		cmocka_unit_test(a_call_that_the_filter_does_not_know_does_not),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
