/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One ELF file, read with bounds: segments, symbols, build id, bytes at an address.
 *
 * The file is hostile. Every offset and count in it is checked here against the file's size, tables
 * have caps, and names are strings that end inside the file. It is mapped, not copied: if someone
 * truncates it meanwhile, the reading process gets a SIGBUS, so read only in a process that may
 * die.
 *
 * 64-bit little-endian files of x86-64 and arm64. Format: System V gABI chapters 4 and 5.
 */
#ifndef HEAPTRAIL_SYMBOLS_ELF_H
#define HEAPTRAIL_SYMBOLS_ELF_H

#include "base/site.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct elf;

/* A defined function, or a label in code, of the dynamic or the static symbol table. */
struct elf_symbol {
	const char *name; /* lives as long as the elf */
	uint64_t address; /* as the file says, not relocated */
	uint64_t size;	  /* 0: not known */
	uint64_t room; /* bytes to the end of its section; UINT64_MAX where there are no sections */
	bool is_local;
	bool is_label;	  /* of no type: assembly that does not say what is a function */
	bool is_indirect; /* an ifunc: what is there picks the function, it is not the function */
};

/*
 * Maps the file; the descriptor may be closed afterwards. 0 or -errno: -ENOEXEC not a sound ELF
 * file, -ENOTSUP one of 32 bits, big-endian, or another machine.
 */
int elf_open(int fd, struct elf **elf);
void elf_close(struct elf *elf);

/* The same of a mapping that holds a file's bytes: it is unmapped by elf_close, or now. */
int elf_take(void *bytes, size_t size, struct elf **elf);

/* What the first bytes say, also of files that elf_open refuses with -ENOTSUP. 0 or -errno. */
int elf_identify(int fd, uint16_t *elf_class, uint16_t *machine);

uint16_t elf_machine(const struct elf *elf);

/* How many bytes of id; 0: it has none. */
uint32_t elf_build_id(const struct elf *elf, uint8_t id[static BUILD_ID_MAX]);

/* Between addresses and file offsets, by the loadable segments. False: in no segment. */
bool elf_offset_of(const struct elf *elf, uint64_t address, uint64_t *offset);
bool elf_address_of(const struct elf *elf, uint64_t offset, uint64_t *address);

/* The bytes from the address to the end of its executable segment; NULL: not code. */
const uint8_t *elf_code(const struct elf *elf, uint64_t address, size_t *size);

/* The bytes from the address to the end of its segment, whatever it is for; NULL: in no segment. */
const uint8_t *elf_data(const struct elf *elf, uint64_t address, size_t *size);

/* Address and size of the first segment of a type (PT_GNU_EH_FRAME, ...). False: there is none. */
bool elf_segment(const struct elf *elf, uint32_t type, uint64_t *address, uint64_t *size);

/* The bytes of the whole segment that holds the address, and where it starts; NULL: in no segment.
 */
const uint8_t *elf_segment_at(const struct elf *elf, uint64_t address, uint64_t *start,
			      size_t *size);

/* The bytes of a section; NULL: there is none of that name, it is compressed, or not in the file.
 */
const uint8_t *elf_section(const struct elf *elf, const char *name, uint64_t *address,
			   size_t *size);

/* zlib's crc32() of the whole file. */
uint32_t elf_checksum(const struct elf *elf);

/* Where execution begins; 0: the file says nothing. */
uint64_t elf_entry(const struct elf *elf);

/* Visits every defined function, those of the dynamic table first. */
typedef void elf_visit(const struct elf_symbol *symbol, void *context);
void elf_each_function(const struct elf *elf, elf_visit *visit, void *context);

/* Functions, and labels too: whatever may be the name of code. */
void elf_each_name(const struct elf *elf, elf_visit *visit, void *context);

/* The name of one symbol of the dynamic table, defined here or not; NULL: none. */
const char *elf_dynamic_name(const struct elf *elf, uint64_t index);

#endif
