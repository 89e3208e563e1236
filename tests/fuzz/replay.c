// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * In libFuzzer's place: replay DIRECTORY gives each file in it to the target once, and prints how
 * many there were. A mistake ends it with a signal; the input's name is then the last line.
 */
#include "tests/fuzz/fuzz.h"

#include "base/io.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>

#define INPUT_MAX (1u << 20)

static void run(int directory, const char *name)
{
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	char *bytes;
	size_t size;

	printf("%s\n", name);
	fflush(stdout);
	require(fd >= 0 && io_read_all(fd, INPUT_MAX, &bytes, &size) == 0);
	io_close(&fd);
	/* of its exact size, so that whoever reads beyond it is seen to */
	uint8_t *input = malloc(size ? size : 1);
	require(input);
	memcpy(input, bytes, size);
	free(bytes);
	LLVMFuzzerTestOneInput(input, size);
	free(input);
}

int main(int argc, char **argv)
{
	DIR *directory = argc == 2 ? opendir(argv[1]) : NULL;
	const struct dirent *entry;
	unsigned count = 0;

	if (!directory) {
		fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	while ((entry = readdir(directory)))
		if (entry->d_name[0] != '.') {
			run(dirfd(directory), entry->d_name);
			count++;
		}
	closedir(directory);
	printf("%u inputs\n", count);
	return count ? 0 : 1;
}
