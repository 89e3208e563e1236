// SPDX-License-Identifier: GPL-2.0-or-later
/* What the targets hold beside what is recorded: their heaps from before, and their memory. */
#include "base/clock.h"
#include "commands/census.h"
#include "commands/record_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define SAMPLES_MIN_NS 20000000
#define SAMPLES_MAX_NS 1000000000
#define SAMPLES_OF_AGE \
	16 /* a short recording has a curve, a long one no more points than it needs */

void record_take_census(struct record *record, enum census_moment moment)
{
	const struct record_options *options = &record->options;
	struct census census;

	if (options->has_no_census || options->sees_all || options->pid_count > CENSUS_TARGETS_MAX)
		return;
	for (size_t i = 0; i < options->pid_count; i++) {
		uint32_t pid = options->pids[i];
		/* what has become a program with other rights meanwhile is not the client's to know
		 * of */
		if (census_take(&record->recording.census, record->recording.services, pid,
				&census) &&
		    record_is_permitted(record, pid))
			(void)recording_note_census(&record->recording, pid, moment, &census);
	}
}

/* /proc/PID/statm (proc(5)): pages that are in memory, and how many of them are of files or shared.
 */
static void look_at_memory(uint32_t pid, struct memory_seen *seen)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE), resident = 0, shared = 0;
	char path[32];

	snprintf(path, sizeof(path), "/proc/%u/statm", pid);
	FILE *file = fopen(path, "re");
	if (file && fscanf(file, "%*u %" SCNu64 " %" SCNu64, &resident, &shared) != 2)
		resident = shared = 0;
	if (file)
		fclose(file);
	*seen = (struct memory_seen) { .pid = pid,
				       .resident_bytes = resident * page,
				       .shared_bytes = shared * page };
}

static void set_next_sample(const struct record *record)
{
	uint64_t wait_ns = (clock_now_ns() - record->live_ns) / SAMPLES_OF_AGE;
	struct itimerspec next = { 0 };

	wait_ns = wait_ns < SAMPLES_MIN_NS ? SAMPLES_MIN_NS : wait_ns;
	wait_ns = wait_ns > SAMPLES_MAX_NS ? SAMPLES_MAX_NS : wait_ns;
	next.it_value.tv_sec = (time_t)(wait_ns / 1000000000);
	next.it_value.tv_nsec = (long)(wait_ns % 1000000000);
	timerfd_settime(record->samples, 0, &next, NULL);
}

void record_sample_memory(struct record *record)
{
	size_t count = record->options.command ? 1 : record->options.pid_count;
	struct memory_seen seen;

	if (record->options.sees_all || record->options.pid_count > CENSUS_TARGETS_MAX ||
	    record->stop_reason || !record->is_live)
		return;
	set_next_sample(record);
	for (size_t i = 0; i < count; i++) {
		if (record->has_ended[i])
			continue;
		look_at_memory(record->options.pids[i], &seen);
		record->has_ended[i] = !seen.resident_bytes;
		/* a tracer that died is seen when it is heard next */
		if (recording_note_memory(&record->recording, &seen))
			return;
	}
}
