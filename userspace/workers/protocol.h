/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What workers say to each other: every message type with the struct that is its body.
 *
 * All of it is private: both ends are built together. Bodies have a fixed size per type
 * (base/message.h refuses any other); strings in them are terminated by the sender and terminated
 * again by the receiver.
 */
#ifndef HEAPTRAIL_WORKERS_PROTOCOL_H
#define HEAPTRAIL_WORKERS_PROTOCOL_H

#include "base/census.h"
#include "base/cgroup.h"
#include "base/site.h"
#include "base/user_function.h"

#include <stdint.h>

/* The descriptor on which every worker finds the socket to whoever started it. */
#define WORKER_SOCKET 3

enum message_type {
	/* any worker -> its starter */
	MESSAGE_FAILURE = 1, /* struct failure: the request, or the whole worker, failed */

	/* resolver */
	RESOLVER_MAPS =
		16, /* struct resolver_request + pidfd -> RESOLVER_FILE: /proc/PID/maps, opened */
	RESOLVER_MODULE, /* struct resolver_request + pidfd -> RESOLVER_FILE: the file mapped there
			  */
	RESOLVER_DEBUG,	 /* struct resolver_debug -> RESOLVER_FILE: split debug file by build id */
	RESOLVER_PERF_MAP, /* struct resolver_request + pidfd -> RESOLVER_FILE: /tmp/perf-PID.map */
	RESOLVER_BESIDE, /* struct resolver_beside + pidfd -> RESOLVER_FILE: split debug file where
			    the target sees it, by build id or the name that the module has */
	RESOLVER_COMMON, /* struct resolver_common -> RESOLVER_FILE: what dwz moved out of debug
			    files */
	RESOLVER_FILE,	 /* (empty) + descriptor */
	RESOLVER_TARGET, /* struct resolver_request -> RESOLVER_IDENTITY */
	RESOLVER_IDENTITY, /* struct tracer_target + its pidfd */

	/* symbolizer: module, debug file, dwz's common file, in, out; /dev/null stands for one that
	 * is absent */
	SYMBOLIZER_REQUEST = 32, /* struct symbolizer_request + 5 descriptors */
	SYMBOLIZER_REPLY,	 /* struct symbolizer_reply */

	/* vault */
	VAULT_PUBLIC = 48, /* (empty) -> VAULT_KEYS */
	VAULT_KEYS,	   /* struct vault_keys */
	VAULT_CERTIFY,	   /* struct vault_header: capture.start is on record -> VAULT_CERTIFIED */
	VAULT_CERTIFIED,   /* struct vault_signature */
	VAULT_FINISHED,	   /* struct vault_finished: capture.end is on record -> VAULT_NOTED */
	VAULT_NOTED,	   /* (empty) */
	VAULT_OPEN,	   /* struct vault_open + capture -> VAULT_OPENED, or MESSAGE_FAILURE */
	VAULT_OPENED,	   /* struct vault_opened + the socket of a reader that holds the key */

	VAULT_START,  /* struct vault_start, before anything else */
	READER_START, /* struct reader_start + capture, the asker's socket */
	READER_DONE,  /* struct reader_done, when the asker has hung up */

	VAULT_RECOVERED, /* struct vault_recovered: capture.recovered is on record -> VAULT_NOTED */
	VAULT_RECIPIENTS,     /* (empty) -> VAULT_RECIPIENT_LIST */
	VAULT_RECIPIENT_LIST, /* struct vault_recipients: of every recording, beside the vault */
	VAULT_CHANGE,	      /* struct vault_change -> VAULT_NOTED */
	VAULT_REWRAP,	      /* struct vault_rewrap + capture, what its start is written to ->
				 VAULT_REWRAPPED */
	VAULT_REWRAPPED,      /* struct vault_rewrapped */

	VAULT_DELETE, /* (empty) + segment of a series that goes on here: it will be deleted, which
			 is on record -> VAULT_NOTED */
	VAULT_SEEN,   /* struct file_opened: someone opened a capture's file; it is on record ->
			 VAULT_NOTED */

	VAULT_FOR,   /* (empty) + a connection: whoever is at its other end wants to record ->
			VAULT_LEAVE */
	VAULT_LEAVE, /* struct vault_leave */

	VAULT_LOCKED = 128, /* struct vault_locked: instead of an answer; the passphrase first, then
			       ask again */
	VAULT_UNLOCK,	    /* (empty) + what the passphrase is read from -> VAULT_NOTED */
	VAULT_PLUGIN,	  /* (empty) + pipes to and from a program that wraps, for each recipient of
			     the VAULT_REWRAP that follows that needs one */
	VAULT_PROTECT,	  /* (empty) + what a new passphrase is read from -> VAULT_NOTED */
	VAULT_IDENTITY,	  /* (empty) + a file of identities, for the VAULT_OPEN that follows ->
			     VAULT_NOTED, perhaps after VAULT_LOCKED, which is not asked again after
			   */
	VAULT_PASSPHRASE, /* (empty) + what a passphrase is read from, for the VAULT_REWRAP that
			     follows */
	VAULT_AGE, /* struct vault_age + what the age program writes the secret to: before an answer
		      to VAULT_OPEN */

	/* mirror */
	MIRROR_RECORD = 120, /* struct mirror_record */

	/* watcher */
	WATCHER_START = 112, /* (empty) + a fanotify group that waits for answers */
	WATCHER_OPENED,	     /* struct file_opened */

	/* writer */
	WRITER_START = 64, /* struct writer_start + capture, stream, the kernel's counters, the
			      tracer's pidfd -> WRITER_HEADER */
	WRITER_HEADER,	   /* struct vault_header */
	WRITER_SIGNATURE, /* struct vault_signature -> WRITER_READY: header and slots are on disk */
	WRITER_READY,	  /* (empty) */
	WRITER_PROGRESS,  /* struct writer_progress, about once a second */
	WRITER_DONE,	  /* struct writer_done: sealed */
	WRITER_FULL, /* (empty): another segment should begin -> WRITER_NEXT, then TRACER_SEGMENT */
	WRITER_NEXT, /* (empty) + capture -> WRITER_SEALED, WRITER_HEADER */
	WRITER_PLUGIN, /* (empty) + pipes to and from a program that wraps, for each recipient that
			  needs one; after WRITER_START and WRITER_NEXT */
	WRITER_SEALED, /* struct writer_done: of the segment before */

	/* tracer */
	TRACER_START = 79,  /* struct tracer_start + resolver, symbolizer, stream, cache, spares ->
			       TRACER_READY */
	TRACER_TARGET = 80, /* struct tracer_target + pidfd -> TRACER_SCANNED */
	TRACER_SCANNED,	    /* struct tracer_scanned: its modules are known, its sites found */
	TRACER_SITE,	    /* struct tracer_site: one of each before TRACER_SCANNED */
	TRACER_ATTACH,	    /* (empty) -> TRACER_ATTACHED */
	TRACER_ATTACHED,    /* struct tracer_attached */
	TRACER_GONE,	    /* struct tracer_gone: a target exited */
	TRACER_STOP,	    /* struct tracer_stop: detach, drain, name the frames -> TRACER_DONE */
	TRACER_DONE,	    /* struct tracer_done */
	TRACER_READY, /* struct tracer_ready + the kernel's counters, its pidfd: loaded, and without
			 rights from here on */
	TRACER_FUNCTION,  /* struct user_function: one more to probe, after TRACER_START */
	TRACER_CANDIDATE, /* struct tracer_candidate: it may be one that is to be recorded */
	TRACER_CENSUS,	  /* struct census_taken: goes into the capture */
	TRACER_MEMORY,	  /* struct memory_seen: goes into the capture */
	TRACER_SEGMENT,	  /* (empty): name what has no names yet, then let another segment begin */

	/* tracer, on the socket for spares */
	TRACER_SPARE_WANTED, /* struct tracer_spare_wanted: a helper is gone -> TRACER_SPARE */
	TRACER_SPARE,	     /* (empty) + the socket of another */

	/* the recording service, and whoever wants to have recorded */
	RECORD_START = 144, /* struct record_request + stdout, stderr, where readiness is told ->
			       RECORD_DONE */
	RECORD_SCAN,	/* (empty): the command that was begun has mapped code -> RECORD_SCANNED */
	RECORD_SCANNED, /* struct record_status */
	RECORD_RUNNING, /* (empty): it runs from here on */
	RECORD_STOP,	/* (empty): ^C */
	RECORD_DONE,	/* struct record_status */

	/* census */
	CENSUS_REQUEST = 96, /* struct census_request + memory, maps, smaps_rollup of a process ->
				CENSUS_REPLY */
	CENSUS_REPLY,	     /* struct census */
	CENSUS_OPEN, /* struct census_open + the process's pidfd -> the same; of a service, once */
};

struct failure {
	int32_t exit_status; /* of cli: 1 failed, 3 target, 4 permission, 6 integrity */
	int32_t error;	     /* errno, 0 where none applies */
	char what[1016];     /* what failed, on what, why, what to try: one line, no newline */
};

struct resolver_request {
	uint32_t pid;
	uint32_t reserved;
	uint64_t start; /* RESOLVER_MODULE: of the mapping, as in /proc/PID/maps */
	uint64_t end;
};

struct resolver_debug {
	uint32_t size;
	uint8_t build_id[BUILD_ID_MAX];
};

struct resolver_beside {
	struct resolver_request mapping; /* of the module */
	struct resolver_debug build_id;	 /* size 0: it has none */
	char name[256];			 /* ends in .debug; "": it has none */
};

struct resolver_common {
	struct resolver_debug build_id;
	char path[512]; /* as the debug file says it; counts from /.dwz/ on */
};

enum symbolizer_kind {
	SYMBOLIZER_INSPECT = 1, /* in: struct user_function; out: struct module_inspection, then its
				   sites */
	SYMBOLIZER_NAMES,    /* in: uint64_t file offsets; out: a names payload (capture/names.h) */
	SYMBOLIZER_PERF_MAP, /* module: a map of names; in: uint64_t addresses; out: as NAMES */
	SYMBOLIZER_LINKS,    /* out: struct debug_links */
	SYMBOLIZER_TABLE,    /* out: an unwind table (base/unwind_blob.h) */
};

struct symbolizer_request {
	uint32_t kind;
	uint32_t count; /* NAMES: how many offsets; INSPECT: how many functions; TABLE: 1: also for
			   addresses outside calls */
};

struct symbolizer_reply {
	int32_t error;	   /* errno of the child, or for what killed it; 0 done */
	int32_t signal;	   /* that killed the child, 0 none */
	int32_t reduced;   /* NAMES: errno for which debug information was left out; 0 it was not */
	uint64_t out_size; /* bytes in out */
};

struct vault_keys {
	uint8_t host_pk[32];
	char recipient[128]; /* age1… */
	uint32_t has_passphrase, is_locked;
};

#define CAPTURE_HEADER_SIZE 320

struct vault_header {
	uint8_t bytes[CAPTURE_HEADER_SIZE];
};

struct vault_signature {
	uint8_t bytes[64];
};

struct vault_finished {
	uint8_t capture_id[16];
	uint8_t chain[32]; /* after the last chunk */
	uint64_t sequence; /* of the last chunk */
	uint64_t events;
	uint64_t lost;
	uint64_t file_size;
	char reason[32]; /* why it ended: "stopped", "duration", "target-exited", "no-space", … */
};

/* How far a capture goes whose recorder died. */
struct vault_recovered {
	uint8_t capture_id[16];
	uint8_t chain[32]; /* after the last whole chunk */
	uint64_t chunks, size;
};

/* By what a capture is opened. */
enum vault_by {
	VAULT_BY_OWN_KEY,
	VAULT_BY_IDENTITY,   /* those of VAULT_IDENTITY */
	VAULT_BY_PASSPHRASE, /* its own, for which VAULT_LOCKED asks */
};

struct vault_open {
	char operation[16]; /* "view", "export", … */
	char why[512];
	uint32_t by;	   /* enum vault_by */
	uint32_t has_host; /* it must be this one that recorded it */
	uint8_t host_pk[32];
};

struct vault_locked {
	uint32_t is_subject; /* not the vault's own keys, but what was sent, or is to be opened */
	uint32_t was_wrong;  /* a passphrase was given, and is another */
};

#define VAULT_IDENTITIES_MAX 8 /* files */

/* A slot that the age program may open, with the file of identities that was sent as this one. */
struct vault_age {
	uint32_t identity;
	uint32_t size;
	uint64_t offset;  /* in the capture */
	char plugin[128]; /* NAME of the one that it is about; "": none */
};

/* Who opened a file, and which: strings as in struct audit_subject, cut. */
struct file_opened {
	uint32_t pid, uid, gid, auid, session, reserved;
	uint64_t device, inode, size;
	char exe[400];
	char cgroup[200];
	char path[256];
};

struct mirror_record {
	char line[4095]; /* of the audit log, but for the newline of the longest; ends with 0 */
};

struct vault_start {
	char state_directory[256]; /* has keys/ and audit/ */
	char journal[108]; /* whose socket gets copies of audit records; "": systemd's. Ignored by a
			      service */
	uint32_t has_reader; /* a capture is going to be opened */
	uint32_t reserved;
};

struct reader_start {
	uint8_t key[32];
};

struct reader_done {
	uint64_t chunks, bytes;
	uint32_t state; /* enum capture_state */
	uint32_t reserved;
};

struct vault_opened {
	uint8_t capture_id[16];
	uint8_t host_pk[32];
	uint32_t is_foreign; /* another host recorded it */
	uint32_t reserved;
};

struct vault_leave {
	uint32_t has_others; /* other users' processes, too */
	uint32_t reserved;
};

#define WRITER_RECIPIENTS_MAX 24

#define RECIPIENTS_NAME	     "recipients" /* in the key directory */
#define VAULT_RECIPIENTS_MAX 8

struct vault_recipients {
	uint32_t count;
	char texts[VAULT_RECIPIENTS_MAX][128];
};

struct memory_seen {
	uint32_t pid;
	uint32_t reserved;
	uint64_t resident_bytes, shared_bytes; /* resident_bytes 0: it has ended */
};

enum vault_change_kind {
	VAULT_ROTATE,
	VAULT_ADD_RECIPIENT,
	VAULT_REMOVE_RECIPIENT,
	VAULT_UNPROTECT, /* no passphrase any more */
};

struct vault_change {
	uint32_t what; /* enum vault_change_kind */
	char recipient[128];
};

struct vault_rewrap {
	uint32_t keeps; /* the slots that there are */
	uint32_t count;
	uint32_t has_passphrase; /* a slot for it, too: VAULT_PASSPHRASE */
	uint32_t reserved;
	char recipients[WRITER_RECIPIENTS_MAX][128];
	char why[512];
};

struct vault_rewrapped {
	uint64_t body_offset; /* what comes before it was written */
};

struct writer_start {
	uint8_t host_pk[32];
	uint32_t cpu_count; /* of the kernel's counters */
	uint32_t recipient_count;
	char recipients[WRITER_RECIPIENTS_MAX][128];
	uint64_t segment_bytes, segment_ns; /* a larger or older segment is full; 0: never */
};

struct writer_progress {
	int32_t error;	    /* errno of a failed write: nothing more is recorded */
	uint32_t silent_ms; /* since the tracer sent something; it does so every second */
	uint64_t events;    /* written or about to be */
	uint64_t lost;
	uint64_t live_bytes;
	uint64_t live_blocks;
	uint64_t file_size;
};

struct writer_done {
	struct vault_finished end;
	struct writer_progress totals;
	uint64_t allocations, frees, reallocations, failed;
	uint64_t duration_ns;
};

struct tracer_start {
	uint64_t ring_bytes;
	uint32_t target_pid; /* the only target; 0: several */
	uint32_t recorder_pid;
	uint32_t follows;  /* children of targets are targets */
	uint32_t sees_all; /* every process but the recorder and its children is one */
	uint32_t has_free_stacks;
	uint32_t has_points;	 /* samples that targets tell of, instead of every allocation */
	uint32_t has_mappings;	 /* calls that map and unmap are recorded, too */
	uint32_t is_dry_run;	 /* finds sites, loads nothing */
	uint32_t has_cache;	 /* the fourth descriptor is one (base/table_cache.h) */
	uint32_t has_filtered;	 /* a target lives behind a seccomp filter, and is to survive */
	uint32_t function_count; /* how many TRACER_FUNCTION follow at once */
	uint32_t has_candidates; /* the starter wants to know of processes that begin a program */
	uint32_t has_owner;	 /* what has other rights than those of owner_uid is no target */
	uint32_t owner_uid;
};

struct tracer_ready {
	char mode[32];	    /* how probes will be attached: "session", "multi", "perf", "none" */
	uint32_t cpu_count; /* of the kernel's counters */
};

struct tracer_target {
	uint32_t pid;
	uint32_t reserved;
	char comm[16];
	char exe[1024];
	char cgroup[CGROUP_PATH_MAX]; /* base/cgroup.h */
};

enum tracer_helper {
	HELPER_RESOLVER,
	HELPER_SYMBOLIZER,
};

struct tracer_spare_wanted {
	uint32_t helper; /* enum tracer_helper */
};

struct tracer_candidate {
	uint32_t pid;
	uint32_t reserved;
};

struct tracer_scanned {
	uint32_t pid;
	uint32_t module_count;
	uint32_t site_count;
	uint32_t skipped; /* modules that could not be inspected */
	uint32_t has_32bit;
	uint32_t user_functions; /* bit i: the TRACER_FUNCTION i was found */
};

struct tracer_site {
	struct probe_site site;
	char module[512];
};

struct tracer_attached {
	uint32_t site_count;
};

struct tracer_gone {
	uint32_t pid;
	uint32_t left; /* targets that still run */
};

#define RECORD_ARGUMENTS_MAX 4000

struct record_request {
	uint32_t pid;  /* of a command that stands still; 0: none */
	uint32_t size; /* of the arguments of heaptrail record, each with its zero */
	char arguments[RECORD_ARGUMENTS_MAX];
};

struct record_status {
	int32_t exit_status;
};

struct census_request {
	uint64_t patience_ns; /* what is not read in that time is not counted */
};

struct census_open {
	uint64_t patience_ns;
	uint32_t pid;
	uint32_t reserved;
};

struct census_taken {
	uint32_t pid;
	uint32_t moment; /* enum census_moment */
	struct census census;
};

struct tracer_stop {
	char reason[32]; /* goes into the capture */
};

struct tracer_done {
	uint64_t emitted;
	uint64_t lost;
	uint32_t noted;	     /* modules of which something is missing */
	uint32_t was_traced; /* a debugger or the like held a target */
	uint32_t missed;     /* candidates that the starter was not told of */
	uint32_t reserved;
};

#endif
