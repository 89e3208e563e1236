/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The public key of a host, as its vault writes it: keys/host.pub. */
#ifndef HEAPTRAIL_COMMANDS_HOST_KEY_H
#define HEAPTRAIL_COMMANDS_HOST_KEY_H

#include <stdbool.h>
#include <stdint.h>

/* False: what is wrong was printed. */
bool host_key_load(const char *path, uint8_t key[static 32]);

#endif
