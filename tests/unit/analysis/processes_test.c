// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/processes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PIDS 300

/* Random events of many processes; what each did is counted twice: by the module, and here. */
static void sums_of_processes_are_those_of_their_events(void **state)
{
	static struct process truth[PIDS];
	struct processes processes = { 0 };
	struct live *live = live_new();
	unsigned int seed = 4711;

	(void)state;
	for (uint64_t time = 1; time < 200000; time++) {
		uint32_t pid = (uint32_t)rand_r(&seed) % PIDS;
		struct process *process = &truth[pid];
		struct capture_event event = { .time_ns = time,
					       .address = 16 + (uint64_t)(rand_r(&seed) % 50) * 16,
					       .size = (uint64_t)(rand_r(&seed) % 1000) };
		struct outcome outcome;

		event.kind = rand_r(&seed) % 2 ? CAPTURE_FREE : CAPTURE_ALLOC;
		assert_int_equal(live_apply(live, &event, pid, &outcome), 0);
		assert_int_equal(processes_apply(&processes, pid, 0, &event, &outcome), 0);
		if (event.kind == CAPTURE_FREE) {
			process->frees++;
		} else {
			process->allocations++;
			process->allocated_bytes += event.size;
			process->live_bytes += event.size;
		}
		if (outcome.has_freed)
			process->live_bytes -= outcome.freed.size;
		if (outcome.has_missed)
			process->live_bytes -= outcome.missed.size;
		if (process->live_bytes > process->peak_bytes)
			process->peak_bytes = process->live_bytes;
	}
	uint64_t live_bytes = 0, live_blocks = 0;
	for (uint32_t pid = 0; pid < PIDS; pid++) {
		const struct process *process = processes_find(&processes, pid);
		assert_non_null(process);
		assert_int_equal(process->pid, pid);
		assert_int_equal(process->allocations, truth[pid].allocations);
		assert_int_equal(process->frees, truth[pid].frees);
		assert_int_equal(process->allocated_bytes, truth[pid].allocated_bytes);
		assert_int_equal(process->live_bytes, truth[pid].live_bytes);
		assert_int_equal(process->peak_bytes, truth[pid].peak_bytes);
		live_bytes += process->live_bytes;
		live_blocks += process->live_blocks;
	}
	assert_int_equal(live_bytes, live_totals(live)->live_bytes);
	assert_int_equal(live_blocks, live_totals(live)->live_blocks);
	assert_null(processes_find(&processes, PIDS));
	processes_free(&processes);
	live_free(live);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_of_processes_are_those_of_their_events),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
