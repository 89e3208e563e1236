// SPDX-License-Identifier: GPL-2.0-or-later
/* Maps every file of a directory for execution, then allocates: crowd [-g FIFO] [-o FILE] DIRECTORY
 */
#include "truth.h"

#include <dirent.h>
#include <sys/mman.h>

#define ROUNDS 1000

SITE struct block site_crowded(size_t size)
{
	return block_malloc(__func__, size);
}

static void map_all(const char *directory)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	if (!dir)
		_exit(1);
	while ((entry = readdir(dir))) {
		int fd = entry->d_type == DT_REG
				 ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_CLOEXEC)
				 : -1;
		if (fd >= 0 &&
		    mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0) == MAP_FAILED)
			_exit(1);
		close(fd);
	}
	closedir(dir);
}

int main(int argc, char **argv)
{
	static struct block blocks[ROUNDS];
	int first = truth_arguments(argc, argv);

	map_all(argv[first]);
	truth_go();
	for (int i = 0; i < ROUNDS; i++) {
		blocks[i] = site_crowded(100);
		if (i % 2)
			block_free(&blocks[i]);
	}
	truth_end();
}
