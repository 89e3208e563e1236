/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A worker's rights, compiled from policies/workers/NAME.policy by scripts/policies-to-c. */
#ifndef HEAPTRAIL_WORKERS_POLICY_H
#define HEAPTRAIL_WORKERS_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/capability.h>

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

/* By Landlock, where the kernel has it. */
enum policy_files {
	FILES_NONE,    /* nothing can be opened */
	FILES_OWN,     /* what its ids may open */
	FILES_FOLDERS, /* the same to read; written is only in the folders that it names */
};

struct policy {
	const char *name;
	const char *user; /* whom it becomes where it is started as root; NULL: it does not */
	uint32_t uid;	  /* who that is where there is no such user; 0: anybody */
	int nice;	  /* setpriority(2), where it is started as root */
	const char *capabilities; /* for cap_from_text(3): "" or "cap_bpf,cap_perfmon" */
	const char *starts;	  /* the same, until it confines itself; NULL: as capabilities */
	const char *spares;	  /* permitted until then, not effective: worker_use_spares() */
	enum policy_files files;
	const struct policy_syscall *syscalls;
	size_t syscall_count; /* 0: system calls are not filtered */
	const struct policy_limit *limits;
	size_t limit_count;
};

extern const struct policy POLICIES[];
extern const size_t POLICY_COUNT;

/* Ends the worker where there is none. */
const struct policy *policy_get(const char *name);

/* Ends the worker: this step of giving up its rights failed. */
_Noreturn void policy_fail(const struct policy *policy, int error, const char *step);

/* Those of a list, permitted and effective; the caller frees it. NULL: not capabilities. */
cap_t policy_capabilities(const char *list);

/* Nor is its memory anybody's. */
void policy_forbid_new_privileges(const struct policy *policy);

#endif
