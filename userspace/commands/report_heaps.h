/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table that says what each target's heap is made of, from its censuses. */
#ifndef HEAPTRAIL_COMMANDS_REPORT_HEAPS_H
#define HEAPTRAIL_COMMANDS_REPORT_HEAPS_H

#include <jansson.h>

/* Of the answer to "report"; nothing where no census was taken. */
void report_heaps(const json_t *report);

#endif
