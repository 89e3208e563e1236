/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the workers of a running recording may do, as the kernel says. */
#ifndef HEAPTRAIL_COMMANDS_DOCTOR_WORKERS_H
#define HEAPTRAIL_COMMANDS_DOCTOR_WORKERS_H

#include <stdbool.h>

/* Of the command with this pid, as a table or as JSON. Prints what is wrong; an exit status. */
int doctor_workers(const char *pid, bool is_json);

#endif
