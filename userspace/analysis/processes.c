// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/processes.h"

#include <errno.h>
#include <stdlib.h>

/* Events come in runs of one process: the one that was found last, if that is the one, and its last
 * program. */
static inline struct process *latest(const struct processes *processes, uint32_t pid)
{
	if (processes->latest >= processes->count)
		return NULL;
	struct process *process = &processes->items[processes->latest];

	return process->pid == pid && process->is_last ? process : NULL;
}

struct process *processes_find(const struct processes *processes, uint32_t pid)
{
	struct process *found = latest(processes, pid);
	const uint64_t *index = found ? NULL : map_get(&processes->indexes, (uint64_t)pid + 1);

	return index ? &processes->items[*index] : found;
}

/* Makes room for one more. 0 or -ENOMEM. */
static int grow(struct processes *processes)
{
	size_t count = processes->count;

	if ((count & (count - 1)) != 0)
		return 0;
	struct process *grown = realloc(processes->items, (count ? count * 2 : 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	processes->items = grown;
	return 0;
}

int processes_add(struct processes *processes, const struct process *process)
{
	int err = grow(processes);

	if (!err)
		processes->items[processes->count++] = *process;
	return err;
}

static struct process *find_or_add(struct processes *processes, uint32_t pid, uint32_t program)
{
	struct process *found = processes_find(processes, pid);
	size_t count = processes->count;

	/* an event of the program before may come late */
	if (found && program <= found->program)
		return found;
	size_t previous = found ? (size_t)(found - processes->items) + 1 : 0;

	if (grow(processes))
		return NULL;
	if (map_put(&processes->indexes, (uint64_t)pid + 1, count))
		return NULL;
	if (previous)
		processes->items[previous - 1].is_last = false;
	processes->items[count] = (struct process) { .pid = pid,
						     .program = program,
						     .is_last = true };
	return &processes->items[processes->count++];
}

static void take_block(struct process *process, const struct block *block)
{
	process->live_bytes -= block->size;
	process->live_blocks--;
}

void processes_end_block(struct processes *processes, const struct block *block)
{
	struct process *process = processes_find(processes, block->target);

	if (process)
		take_block(process, block);
}

static void add_block(struct process *process, uint64_t size)
{
	process->live_bytes += size;
	process->live_blocks++;
	if (process->live_bytes > process->peak_bytes)
		process->peak_bytes = process->live_bytes;
}

int processes_restore(struct processes *processes, uint32_t program, const struct block *block)
{
	struct process *process = find_or_add(processes, block->target, program);

	if (!process)
		return -ENOMEM;
	add_block(process, block->size);
	return 0;
}

/* What is left of it by the filter, as in the sums of all. */
static void count_call(struct process *process, const struct capture_event *event,
		       const struct outcome *outcome)
{
	/* a branch would be guessed wrong every other time */
	bool is_free = event->kind == CAPTURE_FREE, is_realloc = event->kind == CAPTURE_REALLOC;
	uint64_t *calls = is_realloc ? &process->reallocations : &process->allocations;

	if (event->flags & CAPTURE_EVENT_FAILED)
		process->failed++;
	else
		*(is_free ? &process->frees : calls) += is_free ? outcome_has_release(outcome)
								: outcome->has_allocated;
}

int processes_apply(struct processes *processes, uint32_t pid, uint32_t program,
		    const struct capture_event *event, const struct outcome *outcome)
{
	struct process *process = latest(processes, pid);

	if (!process || program > process->program) {
		process = find_or_add(processes, pid, program);
		if (!process)
			return -ENOMEM;
		processes->latest = (size_t)(process - processes->items);
	}
	if (!process->first_ns)
		process->first_ns = event->time_ns;
	process->last_ns = event->time_ns;
	count_call(process, event, outcome);
	if (outcome->has_freed)
		take_block(process, &outcome->freed);
	if (outcome->has_missed)
		take_block(process, &outcome->missed);
	if (outcome->has_allocated) {
		process->allocated_bytes += outcome->allocated->size;
		add_block(process, outcome->allocated->size);
	}
	return 0;
}

void processes_free(struct processes *processes)
{
	free(processes->items);
	map_free(&processes->indexes);
	*processes = (struct processes) { 0 };
}
