// SPDX-License-Identifier: GPL-2.0-or-later
/* Names for file offsets of one module: from debug information, and where that is silent from
 * symbols. */
#include "base/io.h"
#include "capture/names.h"
#include "symbols/dwarf.h"
#include "symbols/elf.h"
#include "symbols/links.h"
#include "symbols/nearest.h"
#include "workers/symbolizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define OFFSETS_MAX (1u << 20)

_Static_assert(SOURCE_INLINE_MAX == NAMES_INLINE_MAX, "one chain fits into the other");

/* An offset, and what there is to say about it. */
struct place {
	uint64_t offset, address; /* address 0: in no segment */
	struct name *names;	  /* NULL: debug information says nothing */
	size_t count;
	bool is_bare; /* the last name has no scope and no parameters */
};

struct naming {
	struct elf *module, *debug;
	struct nearest *nearest;
	struct debug_info *info;
	struct demangler demangler;
	struct place *places; /* by offset */
	struct place **by_address;
	uint64_t *addresses; /* of by_address */
	size_t count, address_count;
	bool failed;
};

static int read_offsets(struct naming *naming, int in, uint32_t count)
{
	uint64_t *offsets = count <= OFFSETS_MAX ? calloc(count + 1, sizeof(*offsets)) : NULL;
	int err = offsets ? io_pread(in, offsets, count * sizeof(*offsets), 0) : -ENOMEM;

	naming->places = calloc(count + 1, sizeof(*naming->places));
	naming->by_address = calloc(count + 1, sizeof(struct place *));
	naming->addresses = calloc(count + 1, sizeof(*naming->addresses));
	if (!naming->places || !naming->by_address || !naming->addresses)
		err = -ENOMEM;
	for (size_t i = 0; !err && i < count; i++) {
		if (i && offsets[i] <= offsets[i - 1])
			err = -EINVAL;
		naming->places[naming->count++].offset = offsets[i];
	}
	free(offsets);
	return err;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *left = *(struct place *const *)a, *right = *(struct place *const *)b;

	return left->address < right->address ? -1 : left->address > right->address;
}

static void sort_by_address(struct naming *naming)
{
	for (size_t i = 0; i < naming->count; i++) {
		struct place *place = &naming->places[i];
		if (elf_address_of(naming->module, place->offset, &place->address))
			naming->by_address[naming->address_count++] = place;
	}
	if (naming->address_count)
		qsort(naming->by_address, naming->address_count, sizeof(struct place *),
		      compare_places);
	for (size_t i = 0; i < naming->address_count; i++)
		naming->addresses[i] = naming->by_address[i]->address;
}

/* A debug file that was made for another build would give wrong names. */
static void open_debug(struct naming *naming, int debug)
{
	if (elf_open(debug, &naming->debug))
		return;
	if (!links_is_debug(naming->module, naming->debug)) {
		elf_close(naming->debug);
		naming->debug = NULL;
	}
}

/* So would a common file of another run of dwz. */
static bool is_common(const struct elf *debug, int common)
{
	struct elf *elf = NULL;
	bool is_it = elf_open(common, &elf) == 0 && links_is_common(debug, elf);

	elf_close(elf);
	return is_it;
}

static void keep(size_t i, const struct source *sources, size_t count, void *context)
{
	struct naming *naming = context;
	struct place *place = naming->by_address[i];

	place->names = calloc(count, sizeof(*place->names));
	if (!place->names) {
		naming->failed = true;
		return;
	}
	place->count = count;
	place->is_bare = sources[count - 1].is_bare;
	for (size_t k = 0; k < count; k++)
		place->names[k] = (struct name) { .function = sources[k].function,
						  .file = sources[k].file,
						  .line = sources[k].line };
}

static int ask_debug_info(struct naming *naming, const struct symbolizer_files *files)
{
	const struct elf *elf = naming->debug ? naming->debug : naming->module;
	int err = debug_info_open(naming->debug ? files->debug : files->module,
				  is_common(elf, files->common) ? files->common : -1,
				  &naming->info);

	if (err == -ENODATA && naming->debug)
		err = debug_info_open(files->module, -1, &naming->info);
	if (!err)
		err = debug_info_find(naming->info, &naming->demangler, naming->addresses,
				      naming->address_count, keep, naming);
	if (err == -ENODATA)
		err = 0;
	return naming->failed ? -ENOMEM : err;
}

static const char *symbol_at(struct naming *naming, uint64_t address)
{
	const char *symbol = nearest_find(naming->nearest, address);

	return symbol ? demangle(&naming->demangler, symbol) : NULL;
}

/* C++ functions that no other file can call have no mangled name but their symbol. */
static const char *full_name(struct naming *naming, uint64_t address)
{
	const char *symbol = nearest_find(naming->nearest, address);

	return symbol && is_mangled(symbol) ? demangle(&naming->demangler, symbol) : NULL;
}

/* The outermost function is the one whose symbol it is. */
static bool write_place(struct naming *naming, struct names_writer *writer,
			const struct place *place)
{
	struct name alone = { .function = "", .file = "" };
	struct name *names = place->count ? place->names : &alone;
	size_t count = place->count ? place->count : 1;

	if (place->is_bare) {
		const char *name = full_name(naming, place->address);
		names[count - 1].function = name ? name : names[count - 1].function;
	}
	for (size_t i = 0; i < count; i++) {
		if (!names[i].function || !*names[i].function)
			names[i].function = i == count - 1 ? symbol_at(naming, place->address)
							   : NULL;
		if (!names[i].function)
			names[i].function = "";
		if (!names[i].file)
			names[i].file = "";
	}
	if (count == 1 && !*names[0].function && !*names[0].file)
		return true;
	return names_writer_add(writer, place->offset, names, count);
}

static int write_names(struct naming *naming, int out)
{
	struct names_writer *writer = names_writer_new();
	struct bytes_buffer payload = { 0 };
	int err = writer ? 0 : -ENOMEM;

	for (size_t i = 0; !err && i < naming->count; i++)
		if (naming->places[i].address && !write_place(naming, writer, &naming->places[i]))
			err = -ENOMEM;
	if (!err && !names_writer_finish(writer, &payload))
		err = -ENOMEM;
	if (!err)
		err = io_pwrite(out, payload.data, payload.size, 0);
	bytes_free(&payload);
	names_writer_free(writer);
	return err;
}

static void naming_free(struct naming *naming)
{
	for (size_t i = 0; i < naming->count; i++)
		free(naming->places[i].names);
	free(naming->places);
	free(naming->by_address);
	free(naming->addresses);
	demangler_free(&naming->demangler);
	debug_info_close(naming->info);
	nearest_free(naming->nearest);
	elf_close(naming->debug);
	elf_close(naming->module);
}

int symbolizer_name(const struct symbolizer_files *files, uint32_t count, bool has_debug_info)
{
	struct naming naming = { 0 };
	int err = read_offsets(&naming, files->in, count);

	if (!err)
		err = elf_open(files->module, &naming.module);
	if (err)
		goto out;
	sort_by_address(&naming);
	open_debug(&naming, files->debug);
	err = nearest_new(naming.module, naming.debug, &naming.nearest);
	if (!err && has_debug_info)
		err = ask_debug_info(&naming, files);
	if (!err)
		err = write_names(&naming, files->out);
out:
	naming_free(&naming);
	return err;
}

int symbolizer_links(int module, int out)
{
	struct debug_links links;
	struct elf *elf = NULL;
	int err = elf_open(module, &elf);

	if (err)
		return err;
	links_read(elf, &links);
	elf_close(elf);
	return io_pwrite(out, &links, sizeof(links), 0);
}
