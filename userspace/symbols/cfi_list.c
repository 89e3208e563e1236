// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/cfi_list.h"

#include "base/bytes.h"

#include <dwarf.h>
#include <elf.h>
#include <errno.h>

enum {
	EH_FRAME,
	DEBUG_FRAME
};

struct reading {
	const struct elf *elf;
	struct cfi_section *sections;
	struct bytes_buffer entries; /* struct cfi_entry */
	uint64_t last_start;
	bool is_sorted;
};

static void add_entry(struct reading *reading, struct cfi_entry entry)
{
	if (entry.start < reading->last_start)
		reading->is_sorted = false;
	reading->last_start = entry.start;
	bytes_put(&reading->entries, &entry, sizeof(entry));
}

/* From one entry of a section to the next. One that is malformed is left out. */
static void add_linear(struct reading *reading, uint8_t index, size_t offset)
{
	const struct cfi_section *section = &reading->sections[index];
	struct cfi_fde fde = { 0 };

	for (size_t next; offset < section->size && !reading->entries.failed; offset = next)
		if (cfi_fde_read(section, offset, &fde, &next) == 0)
			add_entry(reading, (struct cfi_entry) { fde.start, offset, index });
}

/* .eh_frame_hdr (LSB 5.0, 10.6.2). */
struct header {
	uint64_t address, eh_frame;
	const uint8_t *table; /* pairs of int32_t: function and entry, relative to address */
	uint64_t count;	      /* 0: there is no table that can be read */
};

static bool read_header(const struct elf *elf, struct header *header)
{
	uint64_t size;
	size_t room;

	if (!elf_segment(elf, PT_GNU_EH_FRAME, &header->address, &size))
		return false;
	const uint8_t *bytes = elf_data(elf, header->address, &room);
	if (!bytes || size > room)
		return false;
	struct bytes_reader in = bytes_reader_on(bytes, (size_t)size);
	if (bytes_get_u8(&in) != 1 || bytes_get_u8(&in) != (DW_EH_PE_pcrel | DW_EH_PE_sdata4))
		return false;
	uint8_t count_encoding = bytes_get_u8(&in), table_encoding = bytes_get_u8(&in);
	header->eh_frame = header->address + 4 + (uint64_t)(int64_t)(int32_t)bytes_get_u32(&in);
	if (in.failed)
		return false;
	header->count = bytes_get_u32(&in);
	header->table = in.at;
	if (in.failed || count_encoding != DW_EH_PE_udata4 ||
	    table_encoding != (DW_EH_PE_datarel | DW_EH_PE_sdata4) ||
	    header->count > bytes_left(&in) / 8)
		header->count = 0;
	return true;
}

static uint64_t table_address(const struct header *header, uint64_t index)
{
	int32_t relative;

	memcpy(&relative, header->table + 4 * index, sizeof(relative));
	return header->address + (uint64_t)(int64_t)relative;
}

/* False where an entry is not in the section: then the table is not to be trusted at all. */
static bool add_table(struct reading *reading, const struct header *header)
{
	const struct cfi_section *section = &reading->sections[EH_FRAME];

	for (uint64_t i = 0; i < header->count; i++) {
		uint64_t offset = table_address(header, 2 * i + 1) - section->address;
		if (offset >= section->size) {
			reading->entries.size = 0;
			reading->last_start = 0;
			return false;
		}
		add_entry(reading,
			  (struct cfi_entry) { table_address(header, 2 * i), offset, EH_FRAME });
	}
	return header->count > 0;
}

/* By the header alone nobody knows where .eh_frame ends: take the segment that it is in. */
static void add_eh_frame(struct reading *reading)
{
	struct cfi_section *section = &reading->sections[EH_FRAME];
	struct header header;

	if (read_header(reading->elf, &header)) {
		section->data = elf_segment_at(reading->elf, header.eh_frame, &section->address,
					       &section->size);
		if (section->data && add_table(reading, &header))
			return;
		if (section->data)
			add_linear(reading, EH_FRAME, (size_t)(header.eh_frame - section->address));
	}
	if (reading->entries.size)
		return;
	section->data = elf_section(reading->elf, ".eh_frame", &section->address, &section->size);
	if (section->data)
		add_linear(reading, EH_FRAME, 0);
}

static void add_debug_frame(struct reading *reading)
{
	struct cfi_section *section = &reading->sections[DEBUG_FRAME];

	section->is_debug_frame = true;
	section->data = elf_section(reading->elf, ".debug_frame", &section->address,
				    &section->size);
	if (section->data)
		add_linear(reading, DEBUG_FRAME, 0);
}

/* Of two for one function the one in .eh_frame comes first, and stands. */
static int compare_entries(const void *one, const void *other)
{
	const struct cfi_entry *a = one, *b = other;

	if (a->start != b->start)
		return a->start < b->start ? -1 : 1;
	if (a->section != b->section)
		return a->section < b->section ? -1 : 1;
	return a->offset < b->offset ? -1 : a->offset > b->offset;
}

int cfi_list_read(const struct elf *elf, struct cfi_list *list)
{
	struct reading reading = { .elf = elf, .sections = list->sections, .is_sorted = true };

	*list = (struct cfi_list) { 0 };
	add_eh_frame(&reading);
	add_debug_frame(&reading);
	list->entries = (void *)reading.entries.data;
	list->count = reading.entries.size / sizeof(*list->entries);
	if (reading.entries.failed)
		return -ENOMEM;
	if (!reading.is_sorted)
		qsort(list->entries, list->count, sizeof(*list->entries), compare_entries);
	return list->count ? 0 : -ENODATA;
}

void cfi_list_free(struct cfi_list *list)
{
	free(list->entries);
	*list = (struct cfi_list) { 0 };
}
