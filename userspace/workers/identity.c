// SPDX-License-Identifier: GPL-2.0-or-later
#include "workers/identity.h"

#include <errno.h>
#include <pwd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>

#define IDENTITY_COUNT (IDENTITY_LAST - IDENTITY_FIRST + 1)

/* From the local file only: what else names come from has no place in a worker. */
static bool find_user(const char *name, struct identity *identity,
		      bool is_known[static IDENTITY_COUNT])
{
	FILE *file = fopen("/etc/passwd", "re");
	const struct passwd *entry;
	bool is_found = false;

	while (file && (entry = fgetpwent(file))) {
		if (strcmp(entry->pw_name, name) == 0 && entry->pw_uid) {
			*identity = (struct identity) { entry->pw_uid, entry->pw_gid };
			is_found = true;
		}
		if (entry->pw_uid >= IDENTITY_FIRST && entry->pw_uid <= IDENTITY_LAST)
			is_known[entry->pw_uid - IDENTITY_FIRST] = true;
	}
	if (file)
		fclose(file);
	return is_found;
}

/* The kernel knows of no process of this user. */
static bool is_idle(uid_t uid)
{
	errno = 0;
	return getpriority(PRIO_USER, uid) == -1 && errno == ESRCH;
}

/* 0; -EADDRINUSE: another has it. */
static int hold(uid_t uid, int socket)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int size = snprintf(address.sun_path + 1, sizeof(address.sun_path) - 1, "heaptrail-uid-%u",
			    uid);

	return bind(socket, (struct sockaddr *)&address,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)size))
		       ? -errno
		       : 0;
}

int identity_find(const char *user, uid_t uid, int socket, struct identity *identity)
{
	bool is_known[IDENTITY_COUNT] = { false };

	if (find_user(user, identity, is_known))
		return 0;
	*identity = (struct identity) { uid, uid };
	if (uid)
		return is_known[uid - IDENTITY_FIRST] ? -EUSERS : 0;
	/* the first is for a user with files */
	for (uid = IDENTITY_FIRST + 1; uid <= IDENTITY_LAST; uid++) {
		if (is_known[uid - IDENTITY_FIRST] || !is_idle(uid))
			continue;
		int err = hold(uid, socket);
		if (!err)
			*identity = (struct identity) { uid, uid };
		if (err != -EADDRINUSE)
			return err;
	}
	return -EUSERS;
}
