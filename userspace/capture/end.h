/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The totals that open the End chunk's payload: what the writer knew when it sealed. */
#ifndef HEAPTRAIL_CAPTURE_END_H
#define HEAPTRAIL_CAPTURE_END_H

#include "base/bytes.h"

struct end_record {
	uint64_t duration_ns;
	uint64_t events_written;
	uint64_t events_emitted; /* as the kernel counted; = written + lost */
	uint64_t events_lost;
	uint64_t live_bytes, live_blocks, peak_bytes, peak_time_ns;
	uint64_t summary_chunks; /* directly before the End chunk; 0: there is no summary */
	char reason[32];	 /* "stopped", "duration", "targets-exited", "no-space", … */
};

void end_record_put(struct bytes_buffer *out, const struct end_record *record);
bool end_record_get(struct bytes_reader *in, struct end_record *record);

/* The totals of an End chunk's payload. */
bool end_totals_get(const void *payload, size_t size, struct end_record *record);

#endif
