/* SPDX-License-Identifier: GPL-2.0-or-later */
/* All rows of a report, page by page: one document has a limit. */
#ifndef HEAPTRAIL_COMMANDS_ROWS_H
#define HEAPTRAIL_COMMANDS_ROWS_H

#include "commands/open.h"

typedef void rows_fn(void *context, const json_t *row);

/* Prints what is wrong; an exit status. *report: a new reference to the rest of the report, without
 * rows. */
int rows_each(struct opened_capture *capture, rows_fn *fn, void *context, json_t **report);

#endif
