// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/links.h"

#include <string.h>

/* A terminated string at the start of a section. How many bytes it takes there; 0: it does not fit.
 */
static size_t read_string(const uint8_t *bytes, size_t size, char *string, size_t room)
{
	const uint8_t *end = bytes ? memchr(bytes, 0, size) : NULL;

	if (!end || end == bytes || (size_t)(end - bytes) >= room)
		return 0;
	memcpy(string, bytes, (size_t)(end - bytes) + 1);
	return (size_t)(end - bytes) + 1;
}

void links_read(const struct elf *elf, struct debug_links *links)
{
	uint64_t address;
	size_t size = 0;
	const uint8_t *bytes = elf_section(elf, ".gnu_debuglink", &address, &size);

	*links = (struct debug_links) { 0 };
	/* the checksum is behind the name, at the next multiple of four */
	size_t at = (read_string(bytes, size, links->name, sizeof(links->name)) + 3) & ~(size_t)3;
	if (at && at + sizeof(links->checksum) <= size)
		memcpy(&links->checksum, bytes + at, sizeof(links->checksum));
	else
		links->name[0] = 0;
	bytes = elf_section(elf, ".gnu_debugaltlink", &address, &size);
	at = read_string(bytes, size, links->common, sizeof(links->common));
	if (at && size > at && size - at <= BUILD_ID_MAX) {
		links->common_id_size = (uint32_t)(size - at);
		memcpy(links->common_id, bytes + at, size - at);
	}
}

bool links_is_debug(const struct elf *module, const struct elf *debug)
{
	uint8_t id[BUILD_ID_MAX], debug_id[BUILD_ID_MAX];
	uint32_t size = elf_build_id(module, id), debug_size = elf_build_id(debug, debug_id);
	struct debug_links links;

	if (size && debug_size)
		return size == debug_size && memcmp(id, debug_id, size) == 0;
	links_read(module, &links);
	return links.name[0] && elf_checksum(debug) == links.checksum;
}

bool links_is_common(const struct elf *elf, const struct elf *common)
{
	uint8_t id[BUILD_ID_MAX];
	uint32_t size = elf_build_id(common, id);
	struct debug_links links;

	links_read(elf, &links);
	return size && size == links.common_id_size && memcmp(id, links.common_id, size) == 0;
}
