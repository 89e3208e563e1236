/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the inspection of one module yields: its build id, and where its allocator functions are
 * probed. */
#ifndef HEAPTRAIL_BASE_SITE_H
#define HEAPTRAIL_BASE_SITE_H

#include <stdint.h>

#define BUILD_ID_MAX	     32
#define SITE_INSTRUCTION_MAX 64
#define SITE_SYMBOL_MAX	     64
#define MODULE_SITES_MAX     1024

/*
 * Where to put one probe. Registers are numbered as DWARF does (x86-64: rax 0, rdx 1, rcx 2, rbx 3,
 * rsi 4, rdi 5, rbp 6, rsp 7, r8..r15); -1 none.
 */
struct probe_site {
	uint64_t entry_offset; /* file offset of the function */
	uint64_t offset;       /* file offset of the probed instruction */
	uint16_t function;     /* row of the function table (base/functions.h) */
	uint16_t sp_offset;    /* stack pointer at entry - at the site, bytes */
	uint8_t is_emulated;   /* the kernel need not single-step it */
	uint8_t skips_null;    /* behind the NULL check of the first argument */
	int8_t argument[6];    /* register that holds argument i at the site */
	/* of a static probe point (symbols/points.h) only */
	uint8_t in_memory;	   /* bits: argument i is in memory, at displacement[i] from the register */
	uint8_t argument_bytes[3]; /* 4 or 8 */
	int32_t displacement[3];
	uint64_t semaphore_offset; /* file offset of what counts who listens; 0: none */
	char symbol[SITE_SYMBOL_MAX];
	char instruction[SITE_INSTRUCTION_MAX]; /* as a disassembler prints it */
};

/*
 * Where a module, or its debug file, says that the rest of its debug information is. Names and
 * paths are the file's choice: terminated, and not checked any further. .gnu_debuglink: GDB manual,
 * "Debugging Information in Separate Files"; .gnu_debugaltlink: dwz(1).
 */
struct debug_links {
	char name[256];			 /* the debug file's, without folders; "" it says nothing */
	uint32_t checksum;		 /* the debug file's, as zlib's crc32() */
	uint32_t common_id_size;	 /* 0: nothing was taken out */
	uint8_t common_id[BUILD_ID_MAX]; /* of dwz's common file */
	char common[512];		 /* where that was when dwz ran */
};

/* Followed by site_count sites. */
struct module_inspection {
	uint32_t build_id_size;
	uint8_t build_id[BUILD_ID_MAX];
	uint16_t elf_class; /* ELFCLASS32 or ELFCLASS64 */
	uint16_t machine;   /* EM_ */
	uint32_t site_count;
	struct debug_links links;
	uint32_t refused; /* functions found by name that have no usable site */
	uint32_t refused_points; /* static probe points whose arguments cannot be read */
	uint32_t refused_marks;	 /* the same of those that tell of moments and scopes, or too many */
};
_Static_assert(sizeof(struct module_inspection) % _Alignof(struct probe_site) == 0,
	       "sites follow it directly");

#endif
