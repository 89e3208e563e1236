// SPDX-License-Identifier: GPL-2.0-or-later
#include "workers/opens.h"

#include <fcntl.h>

const struct open_how OPEN_FROM = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };

const struct open_how OPEN_BENEATH = { .flags = O_PATH | O_CLOEXEC,
				       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS };

const struct open_how OPEN_IN_ROOT = { .flags = O_PATH | O_CLOEXEC,
				       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS };

const struct open_how OPEN_LINKLESS = { .flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
					.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS |
						   RESOLVE_NO_MAGICLINKS };
