/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker's rights, compiled from policies/workers/NAME.policy by scripts/policies-to-c. */
#ifndef HEAPTRAIL_WORKERS_POLICY_H
#define HEAPTRAIL_WORKERS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum argument_rule {
	ARGUMENT_ANY,
	ARGUMENT_EQUALS,
	ARGUMENT_LACKS, /* each of these bits */
	ARGUMENT_IS_AT, /* a pointer, to this constant */
};

/* One way in which a call is permitted; there may be others. */
struct policy_syscall {
	int number;
	enum argument_rule rule;
	unsigned argument; /* which; 0 is the first */
	uint32_t value;	   /* of its lower half: the kernel takes no more of these arguments */
	const void *constant;
};

struct policy_limit {
	int resource;
	uint64_t value;
};

struct policy {
	const char *name;
	const char *capabilities; /* for cap_from_text(3): "" or "cap_bpf,cap_perfmon" */
	bool leaves_root;	  /* becomes nobody where it may */
	bool has_files;		  /* may open files; else the file system is closed by Landlock */
	const struct policy_syscall *syscalls;
	size_t syscall_count; /* 0: system calls are not filtered */
	const struct policy_limit *limits;
	size_t limit_count;
};

extern const struct policy POLICIES[];
extern const size_t POLICY_COUNT;

#endif
