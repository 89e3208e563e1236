// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/elf.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define SEGMENTS_MAX	64
#define SECTIONS_MAX	(1u << 16)
#define SYMBOLS_MAX	(1u << 23)
#define SYMBOL_NAME_MAX 4096
#define NOTES_MAX	4096 /* tens of thousands of segments may share a megabyte of them */

struct segment {
	uint64_t address, offset, size; /* size in the file */
	bool is_code;
};

struct table {
	const Elf64_Sym *symbols; /* NULL: there is none */
	size_t count;
	const char *strings;
	size_t strings_size;
};

struct elf {
	const uint8_t *bytes;
	size_t size;
	const Elf64_Ehdr *header;
	struct segment segments[SEGMENTS_MAX];
	size_t segment_count;
	const Elf64_Shdr *sections; /* NULL: there are none */
	size_t section_count;
	struct table dynamic, full;
	uint8_t build_id[BUILD_ID_MAX];
	uint32_t build_id_size;
	uint32_t note_count; /* looked at */
};

/* The file's bytes at an offset, aligned as the type that is read there wants; NULL: not all in the
 * file. */
static const void *at(const struct elf *elf, uint64_t offset, uint64_t size, size_t alignment)
{
	if (offset > elf->size || size > elf->size - offset || offset % alignment)
		return NULL;
	return elf->bytes + offset;
}

static const void *array_at(const struct elf *elf, uint64_t offset, uint64_t count,
			    size_t item_size)
{
	if (count > elf->size / item_size)
		return NULL;
	return at(elf, offset, count * item_size, 8);
}

static int check_identity(const unsigned char ident[static EI_NIDENT], uint16_t machine)
{
	if (memcmp(ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	if (ident[EI_CLASS] != ELFCLASS64 || ident[EI_DATA] != ELFDATA2LSB ||
	    (machine != EM_X86_64 && machine != EM_AARCH64))
		return -ENOTSUP;
	return 0;
}

/* Notes that one segment or section holds; bounds are those of the holder. */
static void read_notes(struct elf *elf, const uint8_t *notes, size_t size)
{
	const Elf64_Nhdr *note;

	while (notes && size >= sizeof(*note) && elf->note_count++ < NOTES_MAX) {
		note = (const void *)notes;
		uint64_t name = ((uint64_t)note->n_namesz + 3) & ~3ULL;
		uint64_t whole = sizeof(*note) + name + (((uint64_t)note->n_descsz + 3) & ~3ULL);
		if (sizeof(*note) + name + note->n_descsz > size)
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    memcmp(notes + sizeof(*note), "GNU", 4) == 0 && note->n_descsz > 0 &&
		    note->n_descsz <= BUILD_ID_MAX) {
			elf->build_id_size = note->n_descsz;
			memcpy(elf->build_id, notes + sizeof(*note) + name, note->n_descsz);
			return;
		}
		if (whole >= size)
			return;
		notes += whole;
		size -= whole;
	}
}

static void add_segment(struct elf *elf, const Elf64_Phdr *program)
{
	if (elf->segment_count == SEGMENTS_MAX || program->p_filesz == 0 ||
	    !at(elf, program->p_offset, program->p_filesz, 1) ||
	    program->p_vaddr + program->p_filesz < program->p_vaddr)
		return;
	elf->segments[elf->segment_count++] = (struct segment) {
		.address = program->p_vaddr,
		.offset = program->p_offset,
		.size = program->p_filesz,
		.is_code = program->p_flags & PF_X,
	};
}

static int read_segments(struct elf *elf)
{
	const Elf64_Phdr *programs = array_at(elf, elf->header->e_phoff, elf->header->e_phnum,
					      sizeof(*programs));

	if (elf->header->e_phnum && (!programs || elf->header->e_phentsize != sizeof(*programs)))
		return -ENOEXEC;
	for (size_t i = 0; i < elf->header->e_phnum; i++) {
		if (programs[i].p_type == PT_LOAD)
			add_segment(elf, &programs[i]);
		else if (programs[i].p_type == PT_NOTE && elf->build_id_size == 0)
			read_notes(elf, at(elf, programs[i].p_offset, programs[i].p_filesz, 4),
				   programs[i].p_filesz);
	}
	return 0;
}

static void read_symbol_section(const struct elf *elf, const Elf64_Shdr *sections, size_t count,
				const Elf64_Shdr *section, struct table *table)
{
	uint64_t symbols = section->sh_size / sizeof(Elf64_Sym);

	if (section->sh_link >= count || symbols > SYMBOLS_MAX)
		return;
	const Elf64_Shdr *strings = &sections[section->sh_link];
	table->strings = at(elf, strings->sh_offset, strings->sh_size, 1);
	table->strings_size = strings->sh_size;
	table->symbols = array_at(elf, section->sh_offset, symbols, sizeof(Elf64_Sym));
	table->count = table->symbols && table->strings ? symbols : 0;
}

static void read_sections(struct elf *elf)
{
	const Elf64_Ehdr *header = elf->header;
	size_t count = header->e_shnum;
	const Elf64_Shdr *sections = array_at(elf, header->e_shoff, count ? count : 1,
					      sizeof(*sections));

	if (header->e_shoff == 0 || !sections || header->e_shentsize != sizeof(*sections))
		return;
	if (count == 0) { /* more than fit into e_shnum */
		count = sections[0].sh_size;
		if (count > SECTIONS_MAX ||
		    !array_at(elf, header->e_shoff, count, sizeof(*sections)))
			return;
	}
	elf->sections = sections;
	elf->section_count = count;
	for (size_t i = 0; i < count; i++) {
		if (sections[i].sh_type == SHT_DYNSYM)
			read_symbol_section(elf, sections, count, &sections[i], &elf->dynamic);
		else if (sections[i].sh_type == SHT_SYMTAB)
			read_symbol_section(elf, sections, count, &sections[i], &elf->full);
		else if (sections[i].sh_type == SHT_NOTE && elf->build_id_size == 0)
			read_notes(elf, at(elf, sections[i].sh_offset, sections[i].sh_size, 4),
				   sections[i].sh_size);
	}
}

/* The bytes that an address of the dynamic section points to; NULL: not in the file. */
static const void *at_address(const struct elf *elf, uint64_t address, uint64_t size,
			      size_t alignment)
{
	uint64_t offset;

	return elf_offset_of(elf, address, &offset) ? at(elf, offset, size, alignment) : NULL;
}

/*
 * DT_GNU_HASH does not say how many symbols there are: the last chain that a bucket names ends with
 * the last symbol. Layout: sourceware.org/gnu-gabi "GNU hash ELF sections".
 */
static size_t count_gnu_hash(const struct elf *elf, uint64_t address)
{
	const uint32_t *head = at_address(elf, address, 4 * sizeof(*head), 4);
	uint64_t last = 0;

	if (!head || head[0] > SYMBOLS_MAX || head[2] > SYMBOLS_MAX)
		return 0;
	uint64_t buckets_at = address + 16 + 8ULL * head[2];
	const uint32_t *buckets = at_address(elf, buckets_at, 4ULL * head[0], 4);
	for (uint32_t i = 0; buckets && i < head[0]; i++)
		if (buckets[i] > last)
			last = buckets[i];
	if (last < head[1])
		return 0;
	for (uint64_t chains_at = buckets_at + 4ULL * head[0]; last < SYMBOLS_MAX; last++) {
		const uint32_t *chain = at_address(elf, chains_at + 4 * (last - head[1]),
						   sizeof(*chain), 4);
		if (!chain)
			return 0;
		if (*chain & 1)
			return last + 1;
	}
	return 0;
}

static size_t count_hash(const struct elf *elf, uint64_t address)
{
	const uint32_t *head = at_address(elf, address, 2 * sizeof(*head), 4);

	return head && head[1] <= SYMBOLS_MAX ? head[1] : 0;
}

/* For files whose section headers were stripped: the dynamic table as the loader finds it. */
static void read_dynamic(struct elf *elf, const Elf64_Phdr *program)
{
	uint64_t values[DT_NUM] = { 0 }, gnu_hash = 0;
	size_t count = program->p_filesz / sizeof(Elf64_Dyn);
	const Elf64_Dyn *entries = array_at(elf, program->p_offset, count, sizeof(*entries));

	for (size_t i = 0; entries && i < count && entries[i].d_tag != DT_NULL; i++) {
		if (entries[i].d_tag > 0 && entries[i].d_tag < DT_NUM)
			values[entries[i].d_tag] = entries[i].d_un.d_val;
		else if (entries[i].d_tag == DT_GNU_HASH)
			gnu_hash = entries[i].d_un.d_val;
	}
	struct table *table = &elf->dynamic;
	size_t symbols = values[DT_HASH] ? count_hash(elf, values[DT_HASH])
			 : gnu_hash	 ? count_gnu_hash(elf, gnu_hash)
					 : 0;
	table->strings_size = values[DT_STRSZ];
	table->strings = at_address(elf, values[DT_STRTAB], table->strings_size, 1);
	table->symbols = at_address(elf, values[DT_SYMTAB], symbols * sizeof(Elf64_Sym), 8);
	table->count = table->strings && table->symbols ? symbols : 0;
}

static int read_tables(struct elf *elf)
{
	int err = read_segments(elf);

	if (err)
		return err;
	read_sections(elf);
	const Elf64_Phdr *programs = at(elf, elf->header->e_phoff, 0, 8);
	for (size_t i = 0; elf->dynamic.count == 0 && i < elf->header->e_phnum; i++)
		if (programs[i].p_type == PT_DYNAMIC)
			read_dynamic(elf, &programs[i]);
	return 0;
}

int elf_take(void *bytes, size_t size, struct elf **out)
{
	struct elf *elf = size >= sizeof(Elf64_Ehdr) ? calloc(1, sizeof(*elf)) : NULL;
	int err;

	if (!elf) {
		munmap(bytes, size);
		return size >= sizeof(Elf64_Ehdr) ? -ENOMEM : -ENOEXEC;
	}
	elf->bytes = bytes;
	elf->size = size;
	elf->header = bytes;
	err = check_identity(elf->header->e_ident, elf->header->e_machine);
	if (!err)
		err = read_tables(elf);
	if (err)
		elf_close(elf);
	else
		*out = elf;
	return err;
}

int elf_open(int fd, struct elf **out)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size < (off_t)sizeof(Elf64_Ehdr))
		return -ENOEXEC;
	/* not private: into private mappings the kernel writes the breakpoints of a recording that runs beside us */
	void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	return elf_take(bytes, (size_t)st.st_size, out);
}

void elf_close(struct elf *elf)
{
	if (!elf)
		return;
	munmap((void *)elf->bytes, elf->size);
	free(elf);
}

int elf_identify(int fd, uint16_t *elf_class, uint16_t *machine)
{
	/* e_machine is at the same place in both classes */
	Elf32_Ehdr header = { 0 };
	ssize_t got = pread(fd, &header, sizeof(header), 0);

	if (got < 0)
		return -errno;
	if (got < (ssize_t)sizeof(header) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0)
		return -ENOEXEC;
	*elf_class = header.e_ident[EI_CLASS];
	*machine = header.e_machine;
	return 0;
}

uint16_t elf_machine(const struct elf *elf)
{
	return elf->header->e_machine;
}

uint32_t elf_build_id(const struct elf *elf, uint8_t id[static BUILD_ID_MAX])
{
	memcpy(id, elf->build_id, BUILD_ID_MAX);
	return elf->build_id_size;
}

bool elf_offset_of(const struct elf *elf, uint64_t address, uint64_t *offset)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];
		if (address >= segment->address && address - segment->address < segment->size) {
			*offset = segment->offset + (address - segment->address);
			return true;
		}
	}
	return false;
}

/* Segments may share a page of the file; code wins, as offsets that people ask for come from code.
 */
bool elf_address_of(const struct elf *elf, uint64_t offset, uint64_t *address)
{
	bool is_found = false;

	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];
		if (offset < segment->offset || offset - segment->offset >= segment->size ||
		    (is_found && !segment->is_code))
			continue;
		*address = segment->address + (offset - segment->offset);
		is_found = true;
		if (segment->is_code)
			break;
	}
	return is_found;
}

const uint8_t *elf_code(const struct elf *elf, uint64_t address, size_t *size)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];
		uint64_t inside = address - segment->address;
		if (!segment->is_code || address < segment->address || inside >= segment->size)
			continue;
		*size = segment->size - inside;
		return elf->bytes + segment->offset + inside;
	}
	return NULL;
}

const uint8_t *elf_data(const struct elf *elf, uint64_t address, size_t *size)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];
		if (address - segment->address >= segment->size)
			continue;
		*size = segment->size - (address - segment->address);
		return elf->bytes + segment->offset + (address - segment->address);
	}
	return NULL;
}

const uint8_t *elf_segment_at(const struct elf *elf, uint64_t address, uint64_t *start,
			      size_t *size)
{
	for (size_t i = 0; i < elf->segment_count; i++) {
		const struct segment *segment = &elf->segments[i];
		if (address - segment->address >= segment->size)
			continue;
		*start = segment->address;
		*size = segment->size;
		return elf->bytes + segment->offset;
	}
	return NULL;
}

static bool is_named(const struct elf *elf, const Elf64_Shdr *section, const char *name)
{
	uint64_t index = elf->header->e_shstrndx, size = strlen(name) + 1;

	if (index == SHN_XINDEX)
		index = elf->sections[0].sh_link;
	if (index >= elf->section_count)
		return false;
	const Elf64_Shdr *names = &elf->sections[index];
	if (section->sh_name >= names->sh_size || size > names->sh_size - section->sh_name)
		return false;
	const char *all = at(elf, names->sh_offset, names->sh_size, 1);
	return all && memcmp(all + section->sh_name, name, size) == 0;
}

const uint8_t *elf_section(const struct elf *elf, const char *name, uint64_t *address, size_t *size)
{
	for (size_t i = 0; i < elf->section_count; i++) {
		const Elf64_Shdr *section = &elf->sections[i];
		if (section->sh_type == SHT_NOBITS || section->sh_flags & SHF_COMPRESSED ||
		    !is_named(elf, section, name))
			continue;
		*address = section->sh_addr;
		*size = section->sh_size;
		return at(elf, section->sh_offset, section->sh_size, 1);
	}
	return NULL;
}

bool elf_segment(const struct elf *elf, uint32_t type, uint64_t *address, uint64_t *size)
{
	/* checked by read_segments(), where there are any */
	const Elf64_Phdr *programs = at(elf, elf->header->e_phoff, 0, 8);

	for (size_t i = 0; i < elf->header->e_phnum; i++) {
		if (programs[i].p_type != type)
			continue;
		*address = programs[i].p_vaddr;
		*size = programs[i].p_filesz;
		return true;
	}
	return false;
}

uint32_t elf_checksum(const struct elf *elf)
{
	uint32_t table[256], checksum = UINT32_MAX;

	for (uint32_t i = 0; i < 256; i++) {
		table[i] = i;
		for (int bit = 0; bit < 8; bit++)
			table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xedb88320 : 0);
	}
	for (size_t i = 0; i < elf->size; i++)
		checksum = table[(checksum ^ elf->bytes[i]) & 0xff] ^ checksum >> 8;
	return ~checksum;
}

uint64_t elf_entry(const struct elf *elf)
{
	return elf->header->e_entry;
}

static const char *symbol_name(const struct table *table, const Elf64_Sym *symbol)
{
	if (symbol->st_name >= table->strings_size)
		return NULL;
	size_t room = table->strings_size - symbol->st_name;
	const char *name = table->strings + symbol->st_name;
	/* names longer than that are no names; and 2^20 symbols may share one string of megabytes
	 */
	return memchr(name, 0, room < SYMBOL_NAME_MAX ? room : SYMBOL_NAME_MAX) ? name : NULL;
}

static uint64_t room_of(const struct elf *elf, const Elf64_Sym *symbol)
{
	if (symbol->st_shndx >= elf->section_count)
		return UINT64_MAX;
	const Elf64_Shdr *section = &elf->sections[symbol->st_shndx];
	uint64_t inside = symbol->st_value - section->sh_addr;
	return inside < section->sh_size ? section->sh_size - inside : 0;
}

/* Labels that assemblers and tools leave for themselves begin with . or $. */
static bool is_label(const struct elf *elf, const Elf64_Sym *symbol, const char *name)
{
	return ELF64_ST_TYPE(symbol->st_info) == STT_NOTYPE && name[0] != '.' && name[0] != '$' &&
	       symbol->st_shndx < elf->section_count &&
	       elf->sections[symbol->st_shndx].sh_flags & SHF_EXECINSTR;
}

static void visit_symbol(const struct elf *elf, const struct table *table, const Elf64_Sym *symbol,
			 bool has_labels, elf_visit *visit, void *context)
{
	unsigned int type = ELF64_ST_TYPE(symbol->st_info);
	struct elf_symbol found = {
		.address = symbol->st_value,
		.size = symbol->st_size,
		.is_local = ELF64_ST_BIND(symbol->st_info) == STB_LOCAL,
		.is_label = type == STT_NOTYPE,
		.is_indirect = type == STT_GNU_IFUNC,
	};

	if ((type != STT_FUNC && type != STT_GNU_IFUNC && !(has_labels && type == STT_NOTYPE)) ||
	    symbol->st_shndx == SHN_UNDEF || symbol->st_value == 0)
		return;
	found.name = symbol_name(table, symbol);
	if (!found.name || !*found.name || (found.is_label && !is_label(elf, symbol, found.name)))
		return;
	found.room = room_of(elf, symbol);
	visit(&found, context);
}

static void visit_tables(const struct elf *elf, bool has_labels, elf_visit *visit, void *context)
{
	const struct table *const TABLES[] = { &elf->dynamic, &elf->full };

	for (size_t i = 0; i < sizeof(TABLES) / sizeof(*TABLES); i++)
		for (size_t k = 0; k < TABLES[i]->count; k++)
			visit_symbol(elf, TABLES[i], &TABLES[i]->symbols[k], has_labels, visit,
				     context);
}

void elf_each_function(const struct elf *elf, elf_visit *visit, void *context)
{
	visit_tables(elf, false, visit, context);
}

void elf_each_name(const struct elf *elf, elf_visit *visit, void *context)
{
	visit_tables(elf, true, visit, context);
}

const char *elf_dynamic_name(const struct elf *elf, uint64_t index)
{
	const struct table *table = &elf->dynamic;

	return index < table->count ? symbol_name(table, &table->symbols[index]) : NULL;
}
