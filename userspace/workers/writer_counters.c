// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What the kernel's side has counted. The tracer sends it, but the writer has a view of the same
 * counters: a tracer that is killed leaves events in the ring and in the pipe that nobody will
 * read, and they are lost events like others.
 */
#include "base/clock.h"
#include "base/counters.h"
#include "workers/writer.h"

#include <poll.h>
#include <string.h>

#define TRACER_END_MS 60000 /* it detaches a thousand probes, maybe */

static uint64_t sum_lost(const struct event_counters *sums)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < LOSS_REASON_COUNT; i++)
		lost += sums->lost[i];
	return lost;
}

void writer_counters(struct writer *writer, uint64_t time_ns, const struct event_counters *sums)
{
	struct counters_record record = { .time_ns = time_ns > writer->start_ns
							     ? time_ns - writer->start_ns
							     : 0,
					  .emitted = sums->emitted,
					  .loss_count = LOSS_REASON_COUNT,
					  .stacks_lost = sums->stacks_lost,
					  .threads_lost = sums->threads_lost,
					  .status_count = STACK_STATUS_COUNT };
	struct bytes_buffer out = { 0 };

	memcpy(record.lost, sums->lost, sizeof(sums->lost));
	memcpy(record.stack_status, sums->stack_status, sizeof(sums->stack_status));
	counters_record_put(&out, &record);
	writer_append(writer, CHUNK_COUNTERS, &out);
	bytes_free(&out);
	writer->sums = *sums;
	writer->lost = sum_lost(sums);
}

void writer_count_unread(struct writer *writer)
{
	/* its probes go with it: only then nothing more is counted */
	struct pollfd end = { .fd = writer->tracer, .events = POLLIN };
	uint64_t skipped = writer->sums.lost[LOSS_RECURSION], known;
	struct event_counters sums;

	(void)poll(&end, 1, TRACER_END_MS);
	counters_sum(writer->counters, writer->cpu_count, &sums);
	/* which programs the kernel skipped, only the tracer could ask */
	sums.lost[LOSS_RECURSION] = skipped;
	sums.emitted += skipped;
	known = writer->events_written + writer->event_count + writer->mapping_count +
		writer->events_discarded + sum_lost(&sums);
	sums.lost[LOSS_UNREAD] = sums.emitted > known ? sums.emitted - known : 0;
	writer_counters(writer, clock_now_ns(), &sums);
}
