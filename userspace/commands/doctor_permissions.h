/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who could read or change captures, keys, log and programs, as the file system says. */
#ifndef HEAPTRAIL_COMMANDS_DOCTOR_PERMISSIONS_H
#define HEAPTRAIL_COMMANDS_DOCTOR_PERMISSIONS_H

#include <stdbool.h>

/* Reviews modes and owners. Prints what is wrong and what to do about it; an exit status. */
int doctor_permissions(const char *state_directory, bool is_json);

#endif
