// SPDX-License-Identifier: GPL-2.0-or-later
/* Names for code without a file, from the map that its compiler wrote for perf. */
#include "base/io.h"
#include "capture/names.h"
#include "symbols/perf_map.h"
#include "workers/symbolizer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

static int read_addresses(int in, uint32_t count, uint64_t *addresses)
{
	int err = io_pread(in, addresses, count * sizeof(*addresses), 0);

	for (uint32_t i = 1; !err && i < count; i++)
		if (addresses[i] <= addresses[i - 1])
			err = -EINVAL;
	return err;
}

/* As much as it has now: its owner may still write it. */
static int read_map(int fd, char **text, size_t *size)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size > (off_t)PERF_MAP_SIZE_MAX)
		return -EFBIG;
	*size = (size_t)st.st_size;
	*text = malloc(*size + 1);
	return *text ? io_pread(fd, *text, *size, 0) : -ENOMEM;
}

static int write_names(const uint64_t *addresses, const struct perf_map_name *found, uint32_t count,
		       int out)
{
	struct names_writer *writer = names_writer_new();
	struct bytes_buffer payload = { 0 };
	char text[PERF_MAP_NAME_MAX + 1];
	bool is_done = writer;

	for (uint32_t i = 0; is_done && i < count; i++) {
		if (!found[i].text)
			continue;
		memcpy(text, found[i].text, found[i].size);
		text[found[i].size] = 0;
		is_done = names_writer_add(writer, addresses[i], &(struct name) { text, "", 0 }, 1);
	}
	is_done = is_done && names_writer_finish(writer, &payload);
	int err = is_done ? io_pwrite(out, payload.data, payload.size, 0) : -ENOMEM;
	bytes_free(&payload);
	names_writer_free(writer);
	return err;
}

int symbolizer_name_by_map(int map, int in, uint32_t count, int out)
{
	uint64_t *addresses = calloc((size_t)count + 1, sizeof(*addresses));
	struct perf_map_name *found = calloc((size_t)count + 1, sizeof(*found));
	char *text = NULL;
	size_t size = 0;
	int err = addresses && found ? read_addresses(in, count, addresses) : -ENOMEM;

	if (!err)
		err = read_map(map, &text, &size);
	if (!err)
		err = perf_map_find(text, size, addresses, count, found);
	if (!err)
		err = write_names(addresses, found, count, out);
	free(addresses);
	free(found);
	free(text);
	return err;
}
