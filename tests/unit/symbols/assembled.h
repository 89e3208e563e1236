/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A module assembled from source in a test, its file's bytes, and rules of its unwind table. Fails
 * the test where something does not work.
 */
#ifndef HEAPTRAIL_TESTS_ASSEMBLED_H
#define HEAPTRAIL_TESTS_ASSEMBLED_H

#include "base/unwind_blob.h"
#include "bpf/unwind_rule.h"
#include "symbols/elf.h"
#include "symbols/unwind_table.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct assembled {
	struct elf *elf;
	struct bytes_buffer file, table_bytes;
	struct unwind_blob table;
};

static inline void assembled_close(struct assembled *module)
{
	elf_close(module->elf);
	bytes_free(&module->file);
	bytes_free(&module->table_bytes);
	*module = (struct assembled) { 0 };
}

/* An ELF file that is nowhere on disk. 0 or -errno, as elf_open() says. */
static inline int elf_of_bytes(const void *data, size_t size, struct elf **elf)
{
	int fd = memfd_create("module", MFD_CLOEXEC);

	assert_int_equal(write(fd, data, size), size);
	int err = elf_open(fd, elf);
	close(fd);
	return err;
}

static inline void assembled_compile(struct assembled *module)
{
	assert_int_equal(elf_of_bytes(module->file.data, module->file.size, &module->elf), 0);
	assert_int_equal(unwind_table_compile(module->elf, true, &module->table_bytes), 0);
	assert_int_equal(unwind_blob_load(module->table_bytes.data, module->table_bytes.size,
					  &module->table),
			 0);
}

static inline void assembled_read(struct assembled *module, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;

	assert_int_equal(fstat(fd, &status), 0);
	assert_true(bytes_reserve(&module->file, (size_t)status.st_size));
	module->file.size = (size_t)status.st_size;
	assert_int_equal(read(fd, module->file.data, module->file.size), status.st_size);
	close(fd);
}

static inline void assembled_open(struct assembled *module, const char *source, const char *options)
{
	char path[] = "/tmp/heaptrail-assembled-XXXXXX", library[64], command[512];
	int fd = mkstemp(path);

	*module = (struct assembled) { 0 };
	assert_int_equal(write(fd, source, strlen(source)), strlen(source));
	close(fd);
	snprintf(library, sizeof(library), "%s.so", path);
	snprintf(command, sizeof(command), "gcc -shared -nostdlib %s -x assembler %s -o %s",
		 options, path, library);
	int status = system(command);
	if (status == 0)
		assembled_read(module, library);
	unlink(path);
	unlink(library);
	assert_int_equal(status, 0);
	assembled_compile(module);
}

/* Puts other bytes where a marker is, everywhere, and compiles again. */
static inline void assembled_patch(struct assembled *module, const void *marker, const void *bytes,
				   size_t size)
{
	struct bytes_buffer file = module->file;
	uint8_t *at = file.data;

	module->file = (struct bytes_buffer) { 0 };
	assembled_close(module);
	while ((at = memmem(at, (size_t)(file.data + file.size - at), marker, size)))
		memcpy(at, bytes, size);
	module->file = file;
	assembled_compile(module);
}

static inline void assembled_find(const struct elf_symbol *symbol, void *context)
{
	struct elf_symbol *wanted = context;

	if (strcmp(symbol->name, wanted->name) == 0)
		*wanted = *symbol;
}

static inline uint64_t assembled_offset(const struct assembled *module, const char *name)
{
	struct elf_symbol symbol = { .name = name };
	uint64_t offset;

	elf_each_function(module->elf, assembled_find, &symbol);
	assert_true(symbol.address);
	assert_true(elf_offset_of(module->elf, symbol.address, &offset));
	return offset;
}

/* The rule of the last row at or before a file offset, as the kernel side would find it. */
static inline struct unwind_rule table_rule(const struct unwind_blob *table, uint64_t offset)
{
	uint64_t page = (offset >> 12) - table->header->page0;
	struct unwind_rule rule = { 0 };

	if (page >= table->header->page_count)
		return rule;
	uint32_t row = table->index[page + 1];
	while (row > table->index[page] && table->rows[row - 1] >> 20 > (offset & 0xfff))
		row--;
	memcpy(&rule, &table->rules[table->rows[row - 1] & 0xfffff], sizeof(rule));
	return rule;
}

static inline struct unwind_rule assembled_rule(const struct assembled *module, const char *name,
						int64_t distance)
{
	return table_rule(&module->table, assembled_offset(module, name) + (uint64_t)distance);
}

#endif
