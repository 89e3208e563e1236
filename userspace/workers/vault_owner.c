// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Whose the state directory's keys and log are. Where root starts the vault, it makes the folders,
 * gives them and what root has put into them to the vault's user, and leaves root. As a service the
 * vault is that user already.
 */
#include "base/io.h"
#include "workers/identity.h"
#include "workers/vault.h"
#include "workers/worker.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Root's, or the vault's from before this machine had a user for it. */
static bool is_to_be_given(const struct stat *st)
{
	return st->st_uid == 0 || (st->st_uid == IDENTITY_FIRST && geteuid() == 0);
}

/* A file that has another name is somebody else's, too. 0 or -errno. */
static int give(int folder, const char *name, const struct identity *id)
{
	struct stat st;
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), err = 0;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st))
		err = -errno;
	else if (S_ISREG(st.st_mode) && st.st_nlink == 1 && st.st_uid != id->uid &&
		 is_to_be_given(&st) && fchownat(fd, "", id->uid, id->gid, AT_EMPTY_PATH))
		err = -errno;
	close(fd);
	return err;
}

/* Makes and opens one, and gives it. Whoever is not root any more need not be able to walk there:
 * the paths that are used lead from descriptors. */
static int take_folder(int state, const char *name, const struct identity *id, int *folder,
		       char path[static 32])
{
	const struct dirent *entry;
	struct stat st;
	int err = mkdirat(state, name, 0700) && errno != EEXIST ? -errno : 0;

	*folder = err ? -1 : openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	int copy = *folder < 0 ? -1 : fcntl(*folder, F_DUPFD_CLOEXEC, 0);
	DIR *list = copy < 0 ? NULL : fdopendir(copy);
	if (!list || fstat(*folder, &st))
		err = err ? err : -errno;
	/* others' are found to be so by whoever reads them */
	else if (id && st.st_uid != id->uid && is_to_be_given(&st) &&
		 fchown(*folder, id->uid, id->gid))
		err = -errno;
	while (!err && id && (entry = readdir(list)))
		err = give(*folder, entry->d_name, id);
	if (list)
		closedir(list);
	else
		io_close(&copy);
	snprintf(path, 32, "/proc/self/fd/%d/.", *folder);
	return err;
}

/* Who only wants to read something may have another way. */
static _Noreturn void fail(const struct vault *vault, const char *name, int err)
{
	bool is_to_open = vault->reader.socket >= 0;

	worker_fail(err == -EACCES ? 4 : 1, -err, "%s%s: cannot be made, or opened: %s%s%s",
		    vault->state_directory, name, strerror(-err),
		    err == -EACCES ? "; run as root" : "",
		    err == -EACCES && is_to_open
			    ? ", or open the capture as its recipient (-i IDENTITY, --passphrase)"
			    : "");
}

void vault_leave_root(struct vault *vault)
{
	struct identity id;
	bool is_root = geteuid() == 0 && worker_identity("vault", &id) == 0;
	const char *path = vault->state_directory;

	if (mkdir(path, 0711) && errno != EEXIST)
		fail(vault, "", -errno);
	int state = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (state < 0)
		fail(vault, "", -errno);
	int err = take_folder(state, "keys", is_root ? &id : NULL, &vault->key_folder,
			      vault->key_directory);
	if (err)
		fail(vault, "/keys", err);
	err = take_folder(state, "audit", is_root ? &id : NULL, &vault->log_folder,
			  vault->log_directory);
	if (err)
		fail(vault, "/audit", err);
	close(state);
	worker_leave_root("vault");
}
