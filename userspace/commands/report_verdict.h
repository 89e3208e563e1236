/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a report says in plain words, before its tables: each sentence has its figure below, and
 * none goes beyond them. */
#ifndef HEAPTRAIL_COMMANDS_REPORT_VERDICT_H
#define HEAPTRAIL_COMMANDS_REPORT_VERDICT_H

#include <jansson.h>

/* Of the answer to "report". */
void report_verdict(const json_t *report);

/* A line that shows how much was live over time. */
void report_timeline(const json_t *report);

#endif
