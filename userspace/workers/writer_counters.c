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

uint64_t writer_lost(const struct counters_record *counted)
{
	uint64_t lost = 0;

	for (size_t i = 0; i < counted->loss_count; i++)
		lost += counted->lost[i];
	return lost;
}

struct counters_record writer_counted_in_segment(const struct writer *writer)
{
	const struct counters_record *before = &writer->series.counted_before;
	struct counters_record record = writer->counted;

	record.emitted -= before->emitted;
	record.stacks_lost -= before->stacks_lost;
	record.threads_lost -= before->threads_lost;
	for (size_t i = 0; i < RECORD_REASONS_MAX; i++) {
		record.lost[i] -= before->lost[i];
		record.stack_status[i] -= before->stack_status[i];
	}
	return record;
}

void writer_counters(struct writer *writer, uint64_t time_ns, const struct event_counters *sums)
{
	struct counters_record *counted = &writer->counted;
	struct bytes_buffer out = { 0 };

	*counted = (struct counters_record) { .time_ns = time_ns > writer->start_ns
								 ? time_ns - writer->start_ns
								 : 0,
					      .emitted = sums->emitted,
					      .loss_count = LOSS_REASON_COUNT,
					      .stacks_lost = sums->stacks_lost,
					      .threads_lost = sums->threads_lost,
					      .status_count = STACK_STATUS_COUNT };
	memcpy(counted->lost, sums->lost, sizeof(sums->lost));
	memcpy(counted->stack_status, sums->stack_status, sizeof(sums->stack_status));
	const struct counters_record record = writer_counted_in_segment(writer);
	counters_record_put(&out, &record);
	writer_append(writer, CHUNK_COUNTERS, &out);
	bytes_free(&out);
}

void writer_count_unread(struct writer *writer)
{
	/* its probes go with it: only then nothing more is counted */
	struct pollfd end = { .fd = writer->tracer, .events = POLLIN };
	uint64_t skipped = writer->counted.lost[LOSS_RECURSION];
	const struct series *series = &writer->series;
	struct event_counters sums;

	(void)poll(&end, 1, TRACER_END_MS);
	counters_sum(writer->counters, writer->cpu_count, &sums);
	/* which programs the kernel skipped, only the tracer could ask */
	sums.lost[LOSS_RECURSION] = skipped;
	sums.emitted += skipped;
	uint64_t known = series->events_before + series->discarded_before + writer->events_written +
			 writer->events_discarded + writer->event_count + writer->mapping_count;
	for (size_t i = 0; i < LOSS_REASON_COUNT; i++)
		known += sums.lost[i];
	sums.lost[LOSS_UNREAD] = sums.emitted > known ? sums.emitted - known : 0;
	writer_counters(writer, clock_now_ns(), &sums);
}
