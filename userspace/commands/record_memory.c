// SPDX-License-Identifier: GPL-2.0-or-later
/* What the targets hold beside what is recorded: their heaps from before, and their memory. */
#include "commands/census.h"
#include "commands/record_parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

void record_take_census(struct record *record, enum census_moment moment)
{
	const struct record_options *options = &record->options;
	struct census census;

	if (options->has_no_census || options->sees_all || options->pid_count > CENSUS_TARGETS_MAX)
		return;
	for (size_t i = 0; i < options->pid_count; i++)
		if (census_take(&record->recording.census, options->pids[i], &census))
			(void)recording_note_census(&record->recording, options->pids[i], moment,
						    &census);
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

void record_sample_memory(struct record *record)
{
	size_t count = record->options.command ? 1 : record->options.pid_count;
	struct memory_seen seen;

	if (record->options.sees_all || record->options.pid_count > CENSUS_TARGETS_MAX ||
	    record->stop_reason || !record->is_live)
		return;
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
