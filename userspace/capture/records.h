/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The records that give events their meaning: which stack, thread, module, function and target an
 * id names.
 *
 * A chunk of one of these types is a run of such records, each appended by its put function and
 * read back by its get function from the same bytes_reader; a get returns false at the end or on a
 * malformed record (reader.failed then says which). Strings point into allocations that the
 * record's free function releases. Layouts are documented in docs/capture-format.md.
 */
#ifndef HEAPTRAIL_CAPTURE_RECORDS_H
#define HEAPTRAIL_CAPTURE_RECORDS_H

#include "base/bytes.h"
#include "base/census.h"

#define RECORD_BUILD_ID_MAX 32
#define RECORD_FRAMES_MAX   1024
#define RECORD_STRING_MAX   4096

/* module: id of a MODULES record and offset a file offset, or module 0 and offset an address. The
 * address is one inside the call instruction. */
struct record_frame {
	uint32_t module;
	uint64_t offset;
};

struct stack_record {
	uint32_t id;	/* from 1, each once */
	uint8_t status; /* how the walk ended: docs/capture-format.md; 0 complete */
	uint32_t frame_count;
	struct record_frame frames[RECORD_FRAMES_MAX]; /* leaf first */
};

struct module_record {
	uint32_t id; /* from 1 */
	uint8_t build_id_size;
	uint8_t build_id[RECORD_BUILD_ID_MAX];
	uint64_t inode, size_bytes;
	char *path;
	char *note; /* why it has no names or no table; "" otherwise */
};

struct target_record {
	uint32_t id; /* from 1 */
	uint32_t pid;
	char *comm;
	char *exe;
};

struct thread_record {
	uint32_t id; /* from 1 */
	uint32_t pid;
	uint32_t tid;
	uint32_t program; /* how many its process had begun by exec before, while it was recorded */
	uint8_t inherits; /* its process was forked meanwhile: it has copies of its parent's blocks */
	char *comm; /* "" where it is not known; a later record with the same id may name it */
};

struct function_record {
	uint32_t id; /* as in events */
	char *name;  /* "malloc" */
	uint32_t module;
	uint64_t entry_offset, site_offset; /* file offsets */
	uint8_t is_emulated;
	char *instruction;
};

/* Targets have told of samples; sizes are the bytes that each stands for, without bias. */
#define SAMPLED_BY_TARGETS 1

struct session_record {
	uint64_t start_unix_ns;
	uint64_t sampling_bytes; /* 0: every event; or SAMPLED_BY_TARGETS */
	char *host, *kernel, *tool_version;
	char *mode; /* how probes were attached: "session", "multi", "perf" */
	uint8_t has_free_stacks;
	uint64_t begin_ns; /* where in the series' time this segment begins; 0 in the first */
};

/* Sums since the start; the last one in a capture counts. Arrays are as long as their counts say.
 */
#define RECORD_REASONS_MAX 32
struct counters_record {
	uint64_t time_ns;
	uint64_t emitted;
	uint32_t loss_count;
	uint64_t lost[RECORD_REASONS_MAX]; /* by loss reason: docs/capture-format.md */
	uint64_t stacks_lost, threads_lost;
	uint32_t status_count;
	uint64_t stack_status[RECORD_REASONS_MAX]; /* stacks taken, by status */
};

struct census_record {
	uint64_t time_ns;
	uint32_t pid;
	uint8_t moment; /* enum census_moment */
	struct census census;
};

/* What proc(5) says in /proc/PID/statm, in bytes. */
struct memory_record {
	uint64_t time_ns;
	uint32_t pid;
	uint64_t resident_bytes; /* 0: it has ended */
	uint64_t shared_bytes;	 /* of these: of files, and shared with others */
};

#define MAPPING_FAILED	1
#define MAPPING_OF_FILE 2 /* it is a file that was mapped */

/* The old range, if it has a size, went, and the new one came. Both are whole pages. */
struct mapping_record {
	uint64_t time_ns; /* of the call's return; where it only unmaps, of its entry */
	uint32_t duration_ns;
	uint32_t thread;
	uint8_t function, flags;
	uint64_t old_address, old_size;
	uint64_t address, size;
	uint32_t stack; /* 0: none */
};

/* Its target's control group, when it was met. */
struct cgroup_record {
	uint32_t target; /* id of a target record */
	char *path;
};

#define RECORD_MARK_NAME_MAX 255

/* A moment, or a step into or out of a scope, and where among the events it was. */
struct mark_record {
	uint64_t time_ns;
	uint32_t thread;
	uint8_t what;	 /* enum mark_kind of bpf/event.h; a reader passes over others */
	uint64_t events; /* of this capture's EVENTS chunks that come before it; MARK_BLOCKS: of its
			  * LIVE chunks' */
	uint32_t depth;	 /* of the scopes that the thread is in from here on */
	char *name;
};

#define RECORD_FUNCTIONS(noun)                                                \
	void noun##_put(struct bytes_buffer *out, const struct noun *record); \
	bool noun##_get(struct bytes_reader *in, struct noun *record);        \
	void noun##_free(struct noun *record) /* its strings; the struct is the caller's */

RECORD_FUNCTIONS(stack_record);
RECORD_FUNCTIONS(module_record);
RECORD_FUNCTIONS(target_record);
RECORD_FUNCTIONS(thread_record);
RECORD_FUNCTIONS(function_record);
RECORD_FUNCTIONS(session_record);
RECORD_FUNCTIONS(counters_record);
RECORD_FUNCTIONS(census_record);
RECORD_FUNCTIONS(mapping_record);
RECORD_FUNCTIONS(memory_record);
RECORD_FUNCTIONS(mark_record);
RECORD_FUNCTIONS(cgroup_record);

#endif
