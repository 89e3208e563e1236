// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/dwarf.h"

#include <dwarf.h>
#include <elf.h>
#include <elfutils/libdw.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define DEPTH_MAX 256
#define ENTRIES_MAX                                                                             \
	(1u << 24)	      /* walked in one search: seconds, and then the rest stays unnamed \
			       */
#define RANGES_MAX (1u << 16) /* of one entry */
#define UNITS_MAX  (1u << 20)
#define NO_SCOPE   UINT32_MAX

struct image {
	void *bytes; /* NULL: not mapped */
	size_t size;
	Elf *elf;
	Dwarf *dwarf;
};

struct debug_info {
	struct image main, common;
};

/* A function, or a call that was inlined, that covers an address that is looked for. */
struct scope {
	Dwarf_Die die;
	uint32_t outer; /* scope around it, or NO_SCOPE */
	bool is_inlined;
};

struct wanted {
	uint64_t address;
	size_t place;
	uint32_t scope; /* the innermost one seen so far */
};

struct search {
	struct demangler *demangler;
	const uint64_t *addresses;
	size_t count;
	bool *is_done;
	source_found *found;
	void *context;
	uint32_t entries_left;
	bool is_deep; /* looks into functions that cover nothing, too */
	/* of the unit at hand */
	Dwarf_Die unit;
	struct wanted *wanted; /* by address */
	size_t wanted_count;
	struct scope *scopes;
	size_t scope_count, scope_capacity;
};

/* ---- one unit: which addresses ---- */

static size_t first_at_least(const uint64_t *addresses, size_t count, uint64_t address)
{
	size_t low = 0;

	while (low < count) {
		size_t middle = low + (count - low) / 2;
		if (addresses[middle] < address)
			low = middle + 1;
		else
			count = middle;
	}
	return low;
}

static int compare_wanted(const void *a, const void *b)
{
	const struct wanted *left = a, *right = b;

	return left->address < right->address ? -1 : left->address > right->address;
}

/* Takes the addresses that no unit before has claimed. */
static void claim_addresses(struct search *search)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;

	search->wanted_count = 0;
	for (uint32_t i = 0; i < RANGES_MAX; i++) {
		at = dwarf_ranges(&search->unit, at, &base, &start, &end);
		if (at <= 0)
			break;
		for (size_t k = first_at_least(search->addresses, search->count, start);
		     k < search->count && search->addresses[k] < end; k++) {
			if (search->is_done[k])
				continue;
			search->is_done[k] = true;
			search->wanted[search->wanted_count++] = (struct wanted) {
				.address = search->addresses[k], .place = k, .scope = NO_SCOPE
			};
		}
	}
	if (search->wanted_count)
		qsort(search->wanted, search->wanted_count, sizeof(*search->wanted),
		      compare_wanted);
}

/* ---- one unit: which functions ---- */

enum entry_kind {
	ENTRY_OTHER,
	ENTRY_HOLDER,
	ENTRY_BLOCK,
	ENTRY_FUNCTION
};

/* What may hold code, or what may hold something that does. */
static enum entry_kind kind_of(int tag)
{
	switch (tag) {
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_structure_type:
	case DW_TAG_class_type:
	case DW_TAG_union_type:
	case DW_TAG_enumeration_type: return ENTRY_HOLDER;
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_with_stmt: return ENTRY_BLOCK;
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine: return ENTRY_FUNCTION;
	default: return ENTRY_OTHER;
	}
}

static size_t first_wanted(const struct search *search, uint64_t address)
{
	size_t low = 0, high = search->wanted_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (search->wanted[middle].address < address)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Sets the scope of all wanted addresses of the scope around it that the entry covers, where it is
 * one itself. True: there are some. Of entries side by side that cover the same address, which
 * compilers do make, the first one has it.
 */
static bool cover(struct search *search, Dwarf_Die *die, uint32_t outer, bool is_scope)
{
	Dwarf_Addr base, start, end;
	ptrdiff_t at = 0;
	bool is_covering = false;

	for (uint32_t i = 0; i < RANGES_MAX; i++) {
		at = dwarf_ranges(die, at, &base, &start, &end);
		if (at <= 0)
			break;
		for (size_t k = first_wanted(search, start);
		     k < search->wanted_count && search->wanted[k].address < end; k++) {
			if (search->wanted[k].scope != outer)
				continue;
			if (!is_scope)
				return true;
			is_covering = true;
			search->wanted[k].scope = (uint32_t)search->scope_count;
		}
	}
	return is_covering;
}

static bool add_scope(struct search *search, const Dwarf_Die *die, uint32_t outer)
{
	if (search->scope_count == search->scope_capacity) {
		size_t capacity = search->scope_capacity ? search->scope_capacity * 2 : 256;
		struct scope *grown = realloc(search->scopes, capacity * sizeof(*grown));
		if (!grown)
			return false;
		search->scopes = grown;
		search->scope_capacity = capacity;
	}
	search->scopes[search->scope_count++] = (struct scope) {
		.die = *die,
		.outer = outer,
		.is_inlined = dwarf_tag((Dwarf_Die *)die) == DW_TAG_inlined_subroutine
	};
	return true;
}

/* True: what is inside may matter. *scope is that around the entry, and becomes that of its inside.
 */
static bool enter(struct search *search, Dwarf_Die *die, uint32_t *scope)
{
	switch (kind_of(dwarf_tag(die))) {
	case ENTRY_HOLDER: return true;
	case ENTRY_BLOCK:
		return cover(search, die, *scope, false) ||
		       !(dwarf_hasattr(die, DW_AT_low_pc) || dwarf_hasattr(die, DW_AT_ranges)) ||
		       search->is_deep;
	case ENTRY_FUNCTION:
		if (dwarf_tag(die) == DW_TAG_subprogram)
			*scope =
				NO_SCOPE; /* whatever it is described in, it is not inlined there */
		if (!cover(search, die, *scope, true))
			return search->is_deep && dwarf_tag(die) == DW_TAG_subprogram;
		if (!add_scope(search, die, *scope))
			return false;
		*scope = (uint32_t)search->scope_count - 1;
		return true;
	default: return false;
	}
}

/* Not recursive, and not deeper than a compiler nests: depth is the file's choice. */
static void walk_unit(struct search *search)
{
	Dwarf_Die path[DEPTH_MAX], next;
	uint32_t scopes[DEPTH_MAX] = { NO_SCOPE };
	int depth = 0;

	if (dwarf_child(&search->unit, &path[0]) != 0)
		return;
	while (search->entries_left) {
		uint32_t scope = scopes[depth];
		search->entries_left--;
		if (enter(search, &path[depth], &scope) && depth + 1 < DEPTH_MAX &&
		    dwarf_child(&path[depth], &path[depth + 1]) == 0) {
			scopes[++depth] = scope;
			continue;
		}
		while (dwarf_siblingof(&path[depth], &next) != 0)
			if (depth-- == 0)
				return;
		path[depth] = next;
	}
}

/* ---- one address: what to say ---- */

static const char *string_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;

	return dwarf_formstring(dwarf_attr_integrate(die, name, &attribute));
}

/* A linkage name says more only where it is mangled: glibc's abort has the linkage name __GI_abort.
 */
static void set_function(struct search *search, Dwarf_Die *die, struct source *source)
{
	const char *symbol = string_of(die, DW_AT_linkage_name);

	if (!symbol)
		symbol = string_of(die, DW_AT_MIPS_linkage_name);
	const char *readable = symbol ? demangle(search->demangler, symbol) : NULL;
	const char *name = readable && readable != symbol ? readable : string_of(die, DW_AT_name);
	source->function = name ? name : symbol;
	source->is_bare = !symbol;
}

static uint64_t number_of(Dwarf_Die *die, unsigned int name)
{
	Dwarf_Attribute attribute;
	Dwarf_Word value = 0;

	return dwarf_formudata(dwarf_attr(die, name, &attribute), &value) == 0 ? value : 0;
}

static void set_line(struct search *search, uint64_t address, struct source *source)
{
	Dwarf_Line *line = dwarf_getsrc_die(&search->unit, address);
	int number = 0;

	if (!line)
		return;
	source->file = dwarf_linesrc(line, NULL, NULL);
	source->line = dwarf_lineno(line, &number) == 0 && number > 0 ? (uint32_t)number : 0;
}

/* Where the call was that became the inlined code. */
static void set_call(struct search *search, Dwarf_Die *inlined, struct source *source)
{
	uint64_t file = number_of(inlined, DW_AT_call_file);
	uint64_t line = number_of(inlined, DW_AT_call_line);
	Dwarf_Files *files;
	size_t count;

	if (dwarf_getsrcfiles(&search->unit, &files, &count) == 0 && file < count)
		source->file = dwarf_filesrc(files, file, NULL, NULL);
	source->line = line <= UINT32_MAX ? (uint32_t)line : 0;
}

static void tell(struct search *search, const struct wanted *wanted)
{
	struct source sources[SOURCE_INLINE_MAX] = { 0 };
	uint32_t scope = wanted->scope;
	size_t count = 1;

	set_line(search, wanted->address, &sources[0]);
	while (scope != NO_SCOPE) {
		struct scope *at = &search->scopes[scope];
		set_function(search, &at->die, &sources[count - 1]);
		/* the last one must be the function that really is there */
		if (!at->is_inlined || at->outer == NO_SCOPE)
			break;
		scope = at->outer;
		if (count < SOURCE_INLINE_MAX)
			count++;
		memset(&sources[count - 1], 0, sizeof(sources[0]));
		set_call(search, &at->die, &sources[count - 1]);
	}
	if (sources[0].function || sources[0].file)
		search->found(wanted->place, sources, count, search->context);
}

static bool has_unfound(const struct search *search)
{
	for (size_t i = 0; i < search->wanted_count; i++)
		if (search->wanted[i].scope == NO_SCOPE)
			return true;
	return false;
}

static void search_unit(struct search *search)
{
	claim_addresses(search);
	if (search->wanted_count == 0)
		return;
	search->scope_count = 0;
	walk_unit(search);
	/* code of a class that is local to a function is described in that function */
	search->is_deep = has_unfound(search);
	if (search->is_deep)
		walk_unit(search);
	search->is_deep = false;
	for (size_t i = 0; i < search->wanted_count; i++)
		tell(search, &search->wanted[i]);
}

/* ---- all units ---- */

int debug_info_find(struct debug_info *info, struct demangler *demangler, const uint64_t *addresses,
		    size_t count, source_found *found, void *context)
{
	struct search search = {
		.demangler = demangler,
		.addresses = addresses,
		.count = count,
		.is_done = calloc(count + 1, sizeof(bool)),
		.found = found,
		.context = context,
		.entries_left = ENTRIES_MAX,
		.wanted = calloc(count + 1, sizeof(struct wanted)),
	};
	Dwarf_CU *unit = NULL;
	uint8_t type = 0;
	int err = search.is_done && search.wanted ? 0 : -ENOMEM;

	for (uint32_t i = 0; !err && i < UNITS_MAX && search.entries_left; i++) {
		if (dwarf_get_units(info->main.dwarf, unit, &unit, NULL, &type, &search.unit, NULL))
			break;
		/* a skeleton has lines; its functions are in a file of its own */
		if (type == DW_UT_compile || type == DW_UT_skeleton)
			search_unit(&search);
	}
	free(search.is_done);
	free(search.wanted);
	free(search.scopes);
	return err;
}

/* ---- opening ---- */

/* The smallest file that counts as having DWARF. */
static const struct {
	Elf64_Ehdr header;
	Elf64_Shdr sections[3];
	char names[32];
	char info[8];
} NO_DWARF = {
	.header = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		.e_type = ET_REL,
		.e_machine = EM_X86_64,
		.e_version = EV_CURRENT,
		.e_ehsize = sizeof(Elf64_Ehdr),
		.e_shoff = sizeof(Elf64_Ehdr),
		.e_shentsize = sizeof(Elf64_Shdr),
		.e_shnum = 3,
		.e_shstrndx = 1,
	},
	.sections = {
		{ 0 },
		{
			.sh_name = 1,
			.sh_type = SHT_STRTAB,
			.sh_offset = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Shdr),
			.sh_size = 32,
			.sh_addralign = 1,
		},
		{
			.sh_name = 11,
			.sh_type = SHT_PROGBITS,
			.sh_offset = sizeof(Elf64_Ehdr) + 3 * sizeof(Elf64_Shdr) + 32,
			.sh_size = 8,
			.sh_addralign = 1,
		},
	},
	.names = "\0.shstrtab\0.debug_info",
};

/* libdw has no way to say that memory ran out, and its own handler would look like an orderly end.
 */
static _Noreturn void out_of_memory(void)
{
	abort();
}

static int image_begin(struct image *image, void *bytes, size_t size)
{
	image->elf = elf_memory(bytes, size);
	image->dwarf = image->elf ? dwarf_begin_elf(image->elf, DWARF_C_READ, NULL) : NULL;
	if (!image->dwarf)
		return -ENODATA;
	dwarf_new_oom_handler(image->dwarf, out_of_memory);
	return 0;
}

static int image_open(struct image *image, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	/* from memory: given a descriptor, libdw asks /proc for its path. Writable, for libelf
	 * notes decompressed sections in the section headers. */
	void *bytes = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	image->bytes = bytes;
	image->size = (size_t)st.st_size;
	return image_begin(image, bytes, image->size);
}

static void image_close(struct image *image)
{
	dwarf_end(image->dwarf);
	elf_end(image->elf);
	if (image->bytes)
		munmap(image->bytes, image->size);
	*image = (struct image) { 0 };
}

/* libdw would look for dwz's common file by the path that a hostile file names; it finds ours, or
 * an empty one, instead. */
static int open_common(struct debug_info *info, int fd)
{
	int err = fd >= 0 ? image_open(&info->common, fd) : -ENODATA;

	if (err) {
		image_close(&info->common);
		err = image_begin(&info->common, (void *)&NO_DWARF, sizeof(NO_DWARF));
	}
	if (!err)
		dwarf_setalt(info->main.dwarf, info->common.dwarf);
	return err;
}

int debug_info_open(int fd, int common, struct debug_info **out)
{
	struct debug_info *info = calloc(1, sizeof(*info));

	if (!info)
		return -ENOMEM;
	elf_version(EV_CURRENT);
	int err = image_open(&info->main, fd);
	if (!err)
		err = open_common(info, common);
	if (err)
		debug_info_close(info);
	else
		*out = info;
	return err;
}

void debug_info_close(struct debug_info *info)
{
	if (!info)
		return;
	image_close(&info->main);
	image_close(&info->common);
	free(info);
}
