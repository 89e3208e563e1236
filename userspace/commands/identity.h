/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An age identity in somebody's file, as age-keygen makes it, or encrypted by `age -p'. */
#ifndef HEAPTRAIL_COMMANDS_IDENTITY_H
#define HEAPTRAIL_COMMANDS_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

/* The first one in the file, for whose passphrase is asked (commands/unlock.h). False: what is
 * wrong was printed. The caller wipes it. */
bool identity_load(const char *path, uint8_t identity[static 32]);

#endif
