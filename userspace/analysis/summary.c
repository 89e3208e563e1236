// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Everything is a table of numbers, column after column, since neighbours in a column are alike.
 * Readers pass over tables and columns that they do not know, and take columns that are not there
 * for 0: a new sum is a new column behind the others.
 */
#include "analysis/summary.h"

#include "analysis/model_parts.h"
#include "analysis/overhead.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define ROWS_MAX    2048 /* of one table: longer ones go on in another */
#define COLUMNS_MAX 80
#define PIECE_BYTES \
	(1u << 20) /* with one more table, each of whose numbers has 10 bytes, a chunk holds it */

_Static_assert(PIECE_BYTES + ROWS_MAX * COLUMNS_MAX * 10 <= CAPTURE_RAW_MAX, "");
_Static_assert(HISTORY_MAX + 1 <= COLUMNS_MAX, "a history is a row");

/* The columns of docs/capture-format.md, in this order. */
enum table_kind {
	TABLE_TOTALS = 1,
	TABLE_TIMELINE,
	TABLE_RESIDENT,
	TABLE_STACKS,
	TABLE_HISTORIES,
	TABLE_THREADS,
	TABLE_FUNCTIONS,
	TABLE_SIZES,
	TABLE_LIFETIMES,
	TABLE_PROCESSES,
	TABLE_CHECKPOINTS,
};

#define SUM(field) offsetof(struct stack_sums, field)
static const size_t SUMS[] = {
	SUM(live_bytes),  SUM(live_blocks),	 SUM(peak_bytes),     SUM(peak_blocks),
	SUM(most_blocks), SUM(at_peak_bytes),	 SUM(at_peak_blocks), SUM(allocated_bytes),
	SUM(allocations), SUM(reallocations),	 SUM(frees),	      SUM(temporary),
	SUM(grown),	  SUM(grown_from_bytes), SUM(grown_to_bytes), SUM(longest_chain),
	SUM(ended),	  SUM(lifetime_ns),	 SUM(lifetime_us),    SUM(first_ns),
	SUM(last_ns),
};

#define MAPPED(field) offsetof(struct mapped_sums, field)
static const size_t MAPPED_SUMS[] = { MAPPED(live_bytes), MAPPED(file_bytes), MAPPED(peak_bytes),
				      MAPPED(mapped_bytes), MAPPED(calls) };

#define BIN(field) offsetof(struct size_bin, field)
static const size_t SIZE_BIN[] = { BIN(allocations), BIN(allocated_bytes), BIN(live_blocks),
				   BIN(live_bytes) };

#define PROCESS(field) offsetof(struct process, field)
static const size_t PROCESS_SUMS[] = { PROCESS(allocations),	 PROCESS(frees),
				       PROCESS(reallocations),	 PROCESS(failed),
				       PROCESS(allocated_bytes), PROCESS(live_bytes),
				       PROCESS(live_blocks),	 PROCESS(peak_bytes),
				       PROCESS(first_ns),	 PROCESS(last_ns) };

static const size_t CHECKPOINT[] = { offsetof(struct checkpoint, sequence),
				     offsetof(struct checkpoint, chunks),
				     offsetof(struct checkpoint, latest_ns),
				     offsetof(struct checkpoint, earliest_ns) };

#define TOTAL(field) offsetof(struct model, field)
static const size_t TOTALS[] = {
	TOTAL(filtered.allocations),
	TOTAL(filtered.frees),
	TOTAL(filtered.reallocations),
	TOTAL(filtered.failed),
	TOTAL(filtered.frees_of_unknown),
	TOTAL(frees_of_inherited),
	TOTAL(filtered.missed_frees),
	TOTAL(filtered.allocated_bytes),
	TOTAL(filtered.freed_bytes),
	TOTAL(filtered.ended_blocks),
	TOTAL(filtered.live_bytes),
	TOTAL(filtered.live_blocks),
	TOTAL(filtered.peak_bytes),
	TOTAL(filtered.peak_time_ns),
	TOTAL(filtered.carried_bytes),
	TOTAL(filtered.carried_blocks),
	TOTAL(temporary),
	TOTAL(event_count),
	TOTAL(last_time_ns),
	TOTAL(timeline.interval_ns),
	TOTAL(resident.start_ns),
	TOTAL(resident.interval_ns),
	TOTAL(resident_count),
	TOTAL(resident_bytes),
	TOTAL(resident_peak_bytes),
	TOTAL(mapped_totals.sums.live_bytes),
	TOTAL(mapped_totals.sums.file_bytes),
	TOTAL(mapped_totals.sums.peak_bytes),
	TOTAL(mapped_totals.sums.mapped_bytes),
	TOTAL(mapped_totals.sums.calls),
	TOTAL(mapped_totals.mappings),
	TOTAL(mapped_totals.unmappings),
	TOTAL(mapped_totals.remappings),
	TOTAL(mapped_totals.failed),
	TOTAL(mapped_totals.unmappings_of_unknown),
	TOTAL(mapped_totals.peak_time_ns),
	TOTAL(overhead.blocks),
	TOTAL(overhead.asked_bytes),
	TOTAL(overhead.chunk_bytes),
	TOTAL(overhead.unknown_blocks),
};
_Static_assert(COUNT(TOTALS) <= COLUMNS_MAX, "");

bool summary_covers(enum chunk_type type)
{
	return type == CHUNK_EVENTS || type == CHUNK_MAPPINGS || type == CHUNK_LIVE ||
	       type == CHUNK_MAPPED || type == CHUNK_MEMORY;
}

/* --- a struct's numbers, and a row's. They return the place behind --- */

static uint64_t *load(uint64_t *row, const void *from, const size_t *offsets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		memcpy(row++, (const char *)from + offsets[i], sizeof(*row));
	return row;
}
#define LOAD(row, from, offsets) load(row, from, offsets, COUNT(offsets))

static const uint64_t *store(const uint64_t *row, void *to, const size_t *offsets, size_t count)
{
	for (size_t i = 0; i < count; i++)
		memcpy((char *)to + offsets[i], row++, sizeof(*row));
	return row;
}
#define STORE(row, to, offsets) store(row, to, offsets, COUNT(offsets))

/* --- writing --- */

struct putting {
	struct model *model;
	summary_sink *sink;
	void *context;
	struct bytes_buffer payload;
	enum table_kind kind;
	size_t rows, columns;
	uint64_t *cells; /* ROWS_MAX rows of COLUMNS_MAX */
	int error;
};

static void end_payload(struct putting *putting)
{
	if (putting->payload.failed)
		putting->error = -ENOMEM;
	if (!putting->error && putting->payload.size)
		putting->error = putting->sink(putting->context, &putting->payload);
	putting->payload.size = 0;
}

static void end_table(struct putting *putting)
{
	struct bytes_buffer *out = &putting->payload;

	if (!putting->rows)
		return;
	bytes_put_varint(out, putting->kind);
	bytes_put_varint(out, putting->rows);
	bytes_put_varint(out, putting->columns);
	for (size_t column = 0; column < putting->columns; column++)
		for (size_t row = 0; row < putting->rows; row++)
			bytes_put_varint(out, putting->cells[row * COLUMNS_MAX + column]);
	putting->rows = 0;
	if (out->size > PIECE_BYTES)
		end_payload(putting);
}

static void begin_table(struct putting *putting, enum table_kind kind)
{
	end_table(putting);
	putting->kind = kind;
}

static uint64_t *begin_row(struct putting *putting)
{
	if (putting->rows == ROWS_MAX)
		end_table(putting);
	return putting->cells + putting->rows * COLUMNS_MAX;
}

static void end_row(struct putting *putting, const uint64_t *end)
{
	putting->columns = (size_t)(end - (putting->cells + putting->rows++ * COLUMNS_MAX));
}

static void put_totals(struct putting *putting)
{
	begin_table(putting, TABLE_TOTALS);
	end_row(putting, LOAD(begin_row(putting), putting->model, TOTALS));
}

static void put_timeline(struct putting *putting, enum table_kind kind,
			 const struct timeline *timeline)
{
	begin_table(putting, kind);
	for (size_t i = 0; i < timeline->count; i++) {
		uint64_t *row = begin_row(putting);
		*row++ = timeline->points[i].live_bytes;
		*row++ = timeline->points[i].live_blocks;
		end_row(putting, row);
	}
}

static uint64_t *load_sums(const struct putting *putting, uint64_t *row,
			   const struct stack_sums *sums)
{
	struct stack_sums now = model_sums(putting->model, sums);

	return LOAD(row, &now, SUMS);
}

static void put_stacks(struct putting *putting, const struct overhead *overhead)
{
	begin_table(putting, TABLE_STACKS);
	for (size_t i = 0; i < putting->model->stack_count; i++) {
		const struct stack *stack = &putting->model->stacks[i];
		if (!stack_sums_has_any(&stack->sums) && !stack->mapped.calls &&
		    !stack->mapped.peak_bytes)
			continue;
		uint64_t *row = begin_row(putting);
		*row++ = i;
		row = load_sums(putting, row, &stack->sums);
		row = LOAD(row, &stack->mapped, MAPPED_SUMS);
		*row++ = overhead->by_stack ? overhead->by_stack[i] : 0;
		end_row(putting, row);
	}
}

/* Each point by its difference to the one before: most are alike. */
static void put_history(struct putting *putting, uint64_t id, const struct timeline_point *points,
			size_t count)
{
	uint64_t *row = begin_row(putting), last = 0;

	*row++ = id;
	for (size_t i = 0; i < count; i++) {
		*row++ = bytes_zigzag((int64_t)(points[i].live_bytes - last));
		last = points[i].live_bytes;
	}
	end_row(putting, row);
}

static void put_histories(struct putting *putting)
{
	struct timeline_point points[HISTORY_MAX];

	begin_table(putting, TABLE_HISTORIES);
	for (size_t i = 0; i < putting->model->stack_count; i++) {
		size_t count = model_history(putting->model, &putting->model->stacks[i], points);
		bool is_there = false;
		for (size_t k = 0; k < count; k++)
			is_there |= points[k].live_bytes != 0;
		if (is_there)
			put_history(putting, i, points, count);
	}
}

/* Sums that lie so many bytes apart. */
static void put_sums(struct putting *putting, enum table_kind kind, const struct stack_sums *first,
		     size_t distance, size_t count)
{
	begin_table(putting, kind);
	for (size_t i = 0; i < count; i++) {
		const struct stack_sums *sums = (const void *)((const char *)first + i * distance);
		if (!stack_sums_has_any(sums))
			continue;
		uint64_t *row = begin_row(putting);
		*row++ = i;
		end_row(putting, load_sums(putting, row, sums));
	}
}

static void put_bins(struct putting *putting)
{
	begin_table(putting, TABLE_SIZES);
	for (size_t i = 0; i < BINS; i++)
		end_row(putting, LOAD(begin_row(putting), &putting->model->sizes[i], SIZE_BIN));
	begin_table(putting, TABLE_LIFETIMES);
	for (size_t i = 0; i < BINS; i++) {
		uint64_t *row = begin_row(putting);
		*row++ = putting->model->lifetimes[i];
		end_row(putting, row);
	}
}

static void put_processes(struct putting *putting)
{
	begin_table(putting, TABLE_PROCESSES);
	for (size_t i = 0; i < putting->model->processes.count; i++) {
		const struct process *process = &putting->model->processes.items[i];
		uint64_t *row = begin_row(putting);
		*row++ = process->pid;
		*row++ = process->program;
		end_row(putting, LOAD(row, process, PROCESS_SUMS));
	}
}

static void put_checkpoints(struct putting *putting, const struct checkpoint *checkpoints,
			    size_t count)
{
	begin_table(putting, TABLE_CHECKPOINTS);
	for (size_t i = 0; i < count; i++)
		end_row(putting, LOAD(begin_row(putting), &checkpoints[i], CHECKPOINT));
}

int summary_put(struct model *model, const struct checkpoint *checkpoints, size_t count,
		summary_sink *sink, void *context)
{
	struct putting putting = { .model = model,
				   .sink = sink,
				   .context = context,
				   .cells = calloc((size_t)ROWS_MAX * COLUMNS_MAX,
						   sizeof(uint64_t)) };
	struct overhead overhead = { 0 };
	int err = putting.cells ? overhead_find(model, &overhead) : -ENOMEM;

	if (!err) {
		model->filtered = *model_totals(model);
		model->overhead = overhead.totals;
		put_totals(&putting);
		put_timeline(&putting, TABLE_TIMELINE, &model->timeline);
		put_timeline(&putting, TABLE_RESIDENT, &model->resident);
		put_stacks(&putting, &overhead);
		put_histories(&putting);
		put_sums(&putting, TABLE_THREADS,
			 model->thread_states ? &model->thread_states->sums : NULL,
			 sizeof(*model->thread_states), model->thread_state_count);
		put_sums(&putting, TABLE_FUNCTIONS, model->function_sums,
			 sizeof(*model->function_sums), COUNT(model->function_sums));
		put_bins(&putting);
		put_processes(&putting);
		put_checkpoints(&putting, checkpoints, count);
		end_table(&putting);
		end_payload(&putting);
		err = putting.error;
	}
	overhead_free(&overhead);
	bytes_free(&putting.payload);
	free(putting.cells);
	return err;
}

/* --- reading --- */

static int take_totals(struct model *model, const uint64_t *row, size_t at)
{
	(void)at;
	STORE(row, model, TOTALS);
	model->totals = &model->filtered;
	return 0;
}

static int take_point(struct timeline *timeline, const uint64_t *row)
{
	if (timeline->count == TIMELINE_MAX || !timeline->interval_ns)
		return -EBADMSG;
	timeline->points[timeline->count] = (struct timeline_point) {
		timeline->start_ns + timeline->count * timeline->interval_ns, row[0], row[1]
	};
	timeline->count++;
	return 0;
}

static int take_timeline(struct model *model, const uint64_t *row, size_t at)
{
	(void)at;
	return take_point(&model->timeline, row);
}

static int take_resident(struct model *model, const uint64_t *row, size_t at)
{
	(void)at;
	return take_point(&model->resident, row);
}

/* Ids are 32 bits. */
static int reach_stack(struct model *model, uint64_t id)
{
	return id > UINT32_MAX ? -EBADMSG : model_reach_stack(model, (uint32_t)id);
}

static int take_stack(struct model *model, const uint64_t *row, size_t at)
{
	int err = reach_stack(model, row[0]);

	(void)at;
	if (err)
		return err;
	struct stack *stack = &model->stacks[row[0]];
	row = STORE(row + 1, &stack->sums, SUMS);
	row = STORE(row, &stack->mapped, MAPPED_SUMS);
	stack->overhead_bytes = *row;
	history_restore(&stack->history, &model->timeline);
	return 0;
}

static int take_history(struct model *model, const uint64_t *row, size_t at)
{
	uint64_t bytes = 0;
	int err = reach_stack(model, row[0]);

	(void)at;
	if (err)
		return err;
	struct history *history = &model->stacks[row[0]].history;
	err = history_restore_points(history, &model->timeline);
	for (size_t i = 0; !err && i < HISTORY_MAX; i++) {
		bytes += (uint64_t)bytes_unzigzag(row[1 + i]);
		history->live_bytes[i] = bytes;
	}
	return err;
}

static int take_thread(struct model *model, const uint64_t *row, size_t at)
{
	int err = row[0] > UINT32_MAX ? -EBADMSG
				      : model_reach_thread_state(model, (uint32_t)row[0]);

	(void)at;
	if (!err)
		STORE(row + 1, &model->thread_states[row[0]].sums, SUMS);
	return err;
}

static int take_function(struct model *model, const uint64_t *row, size_t at)
{
	(void)at;
	if (row[0] >= COUNT(model->function_sums))
		return -EBADMSG;
	STORE(row + 1, &model->function_sums[row[0]], SUMS);
	return 0;
}

static int take_size(struct model *model, const uint64_t *row, size_t at)
{
	if (at >= BINS)
		return -EBADMSG;
	STORE(row, &model->sizes[at], SIZE_BIN);
	return 0;
}

static int take_lifetime(struct model *model, const uint64_t *row, size_t at)
{
	if (at >= BINS)
		return -EBADMSG;
	model->lifetimes[at] = row[0];
	return 0;
}

static int take_process(struct model *model, const uint64_t *row, size_t at)
{
	struct process process = { 0 };

	(void)at;
	if (row[0] > UINT32_MAX || row[1] > UINT32_MAX)
		return -EBADMSG;
	process.pid = (uint32_t)row[0];
	process.program = (uint32_t)row[1];
	STORE(row + 2, &process, PROCESS_SUMS);
	return processes_add(&model->processes, &process);
}

/* A new table is a new row; unknown ones are from a newer recorder, and passed over. at: how many
 * rows of the table came before, in this payload. */
static int (*const TAKES[])(struct model *model, const uint64_t *row, size_t at) = {
	[TABLE_TOTALS] = take_totals,	   [TABLE_TIMELINE] = take_timeline,
	[TABLE_RESIDENT] = take_resident,  [TABLE_STACKS] = take_stack,
	[TABLE_HISTORIES] = take_history,  [TABLE_THREADS] = take_thread,
	[TABLE_FUNCTIONS] = take_function, [TABLE_SIZES] = take_size,
	[TABLE_LIFETIMES] = take_lifetime, [TABLE_PROCESSES] = take_process,
};

/* Cells that are not there are 0. 0 or -EBADMSG. */
static int get_table(struct bytes_reader *in, uint64_t *kind, uint64_t *rows, uint64_t *cells)
{
	*kind = bytes_get_varint(in);
	*rows = bytes_get_varint(in);
	uint64_t columns = bytes_get_varint(in);

	if (in->failed || *rows > ROWS_MAX || columns > bytes_left(in))
		return -EBADMSG;
	memset(cells, 0, *rows * COLUMNS_MAX * sizeof(*cells));
	for (uint64_t column = 0; !in->failed && column < columns; column++)
		for (uint64_t row = 0; row < *rows; row++) {
			uint64_t cell = bytes_get_varint(in);
			if (column < COLUMNS_MAX)
				cells[row * COLUMNS_MAX + column] = cell;
		}
	return in->failed ? -EBADMSG : 0;
}

typedef int take_table(void *context, uint64_t kind, uint64_t rows, const uint64_t *cells);

static int get_tables(struct bytes_reader *in, take_table *take, void *context)
{
	uint64_t *cells = malloc((size_t)ROWS_MAX * COLUMNS_MAX * sizeof(*cells));
	uint64_t kind, rows;
	int err = cells ? 0 : -ENOMEM;

	while (!err && bytes_left(in)) {
		err = get_table(in, &kind, &rows, cells);
		if (!err)
			err = take(context, kind, rows, cells);
	}
	free(cells);
	return err;
}

static int take_sums(void *context, uint64_t kind, uint64_t rows, const uint64_t *cells)
{
	int err = 0;

	if (kind >= COUNT(TAKES) || !TAKES[kind])
		return 0;
	for (uint64_t row = 0; !err && row < rows; row++)
		err = TAKES[kind](context, cells + row * COLUMNS_MAX, (size_t)row);
	return err;
}

int summary_get(struct model *model, struct bytes_reader *in)
{
	return get_tables(in, take_sums, model);
}

struct finding {
	struct checkpoint **checkpoints;
	size_t *count;
};

static int take_checkpoints(void *context, uint64_t kind, uint64_t rows, const uint64_t *cells)
{
	struct finding *finding = context;

	if (kind != TABLE_CHECKPOINTS || !rows)
		return 0;
	struct checkpoint *grown = realloc(*finding->checkpoints,
					   (*finding->count + rows) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	*finding->checkpoints = grown;
	for (uint64_t row = 0; row < rows; row++)
		STORE(cells + row * COLUMNS_MAX, &grown[(*finding->count)++], CHECKPOINT);
	return 0;
}

int summary_get_checkpoints(struct bytes_reader *in, struct checkpoint **checkpoints, size_t *count)
{
	return get_tables(in, take_checkpoints, &(struct finding) { checkpoints, count });
}
