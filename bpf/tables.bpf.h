/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unwind tables as user space publishes them, and what the walk remembers of them.
 *
 * A module's table is `page_count + 1` index words and then its rows, all within one chunk.
 * index[page] is the number of rows before that page of the file; a row is (file offset & 0xfff) <<
 * 20 | rule. A table is written first and then made known in unwind_module_ids; it is never changed
 * or freed while programs run.
 */
#ifndef HEAPTRAIL_BPF_TABLES_BPF_H
#define HEAPTRAIL_BPF_TABLES_BPF_H

#include "bpf/unwind_rule.h"
#include "bpf/settings.h"

struct table_chunk {
	u32 words[TABLE_WORDS];
};
#define TABLE_WORD_MASK (TABLE_WORDS - 1)

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TABLE_CHUNKS);
	__type(key, u32);
	__type(value, struct table_chunk);
} tables SEC(".maps");

/*
 * A module has a table of the rows that can hold a return address, and from UNWIND_WHOLE on, once a
 * signal has interrupted its code, one of all rows; page_count 0: it has none.
 */
struct unwind_module unwind_modules[UNWIND_MODULES_MAX * 2];
u64 unwind_rules[UNWIND_RULES_MAX];

#define RULE_KIND(rule)	 ((u8)((rule) >> 48))
#define RULE_BKIND(rule) ((u8)((rule) >> 56))
/* rbp saved at CFA - 16 */
#define FRAME_POINTER_RULE ((u64)RBP_AT_CFA << 56 | (u64)(u16)-16 << 32)

/* File identity -> module. The tracer holds the file open, so that its inode number is not given
 * out again. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNWIND_MODULES_MAX);
	__type(key, struct file_key);
	__type(value, u32);
} unwind_module_ids SEC(".maps");

/* Tables that were asked for; an entry goes away by age, so that a failed one is asked for again.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct file_key);
	__type(value, u8);
} requested SEC(".maps");

/*
 * One CPU's memory of (address space, address) -> frame and rule. A walk may be preempted by one
 * that writes the entry it reads, so an entry vouches for itself: the check is right for its frame
 * and rule only.
 */
struct code_entry {
	u64 check, frame, rule;
};

struct code_cache {
	struct code_entry entries[CODE_CACHE_ENTRIES];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct code_cache);
} code_caches SEC(".maps");

static __always_inline struct code_cache *code_cache_of(struct slot *slot)
{
	return bpf_map_lookup_elem(&code_caches, &slot->cpu);
}

static __always_inline volatile struct code_entry *code_entry_of(struct code_cache *cache, u64 key)
{
	return &cache->entries[(key * HASH_FACTOR) >> 52 & (CODE_CACHE_ENTRIES - 1)];
}

static __always_inline u64 code_check(u64 key, u64 frame, u64 rule)
{
	return key ^ frame ^ rule * HASH_FACTOR;
}

/* How often a process's mappings were seen to change. */
struct generation generations[GENERATION_SLOTS];

#endif
