/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names that a capture lacks, from the servers of $DEBUGINFOD_URLS, fetched by build id with
 * elfutils' debuginfod-find, as the user who asks. The files are read by a symbolizer, confined as
 * when it records.
 */
#ifndef HEAPTRAIL_COMMANDS_DEBUGINFOD_H
#define HEAPTRAIL_COMMANDS_DEBUGINFOD_H

#include "commands/open.h"

/* Whether there is a server to ask. Prints what is wrong; an exit status. */
int debuginfod_check(void);

/*
 * Asks the reader what it lacks, and gives it what servers know. What they do not know stays
 * without a name. Prints how much was found; an exit status.
 */
int debuginfod_fill(struct opened_capture *capture);

#endif
