/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of the tracer worker share. */
#ifndef HEAPTRAIL_WORKERS_TRACER_H
#define HEAPTRAIL_WORKERS_TRACER_H

#include "base/map.h"
#include "base/message.h"
#include "base/table_cache.h"
#include "tracing/maps.h"
#include "tracing/modules.h"
#include "tracing/probes.h"
#include "tracing/sideband.h"
#include "workers/stream.h"

#define TARGETS_MAX	   (1u << 20) /* of one recording, gone ones included */
#define TARGET_MODULES_MAX 2048	      /* that one target brings: others need theirs */

struct target {
	uint32_t pid;
	int pidfd;
	bool is_gone;
	bool is_met;	       /* while recording: a child of a target, or any process */
	uint32_t module_count; /* files that nobody had mapped before it */
	struct maps maps;
	uint64_t maps_ns;	 /* when they were read */
	bool has_unknown_frames; /* a frame was in none of them: read them again */
	struct module *code;	 /* its code without a file; NULL: none was met */
	uint64_t code_ns;	 /* when its map was last looked for */
	bool hangs;		 /* below its root nothing is looked for: that took too long */
};

/* Files that hold a module's debug information; -1: there is none. */
struct debug_files {
	int debug;
	int common; /* what dwz moved out of it, or of the module */
};

struct tracer {
	struct tracer_start options;
	int resolver, symbolizer, stream; /* sockets, and the pipe to the writer */
	int spares;			  /* socket that others come from when two are gone */
	int self;			  /* pidfd */
	int null;			  /* stands for a file that is absent */
	int epoll;
	struct probes *probes;	   /* NULL in a dry run */
	struct sideband *sideband; /* NULL: mappings are found when their code is in a stack */
	bool has_lost_news;	   /* any target may have mapped something */
	uint32_t missed_candidates;
	bool has_news; /* a target mapped something since this was last cleared */
	bool is_attached;
	uint64_t counters_ns;	   /* when they were sent last; 0: probes never were live */
	uint32_t marks_left;	   /* that may yet be probed */
	struct table_cache *cache; /* NULL: there is none */
	int functions;		   /* memory with a row per struct user_function, for one module */
	struct modules modules;
	struct map ignored; /* files that are no modules */
	struct map silent;  /* devices whose file system did not answer; keys as of an inode 0 */
	size_t ignored_count, no_elf_count;
	size_t waiting_count; /* modules that wait to be inspected, or for whole tables */
	struct target **targets;
	size_t target_count;
	struct map children;	   /* pids of targets' children that have made no event yet */
	struct map target_indexes; /* pid -> index; the last that had it */
	struct map
		frames; /* every module-relative frame seen -> enum frame_state (tracer_names.c) */
	uint8_t *batch; /* a frame header and STREAM_BATCH_MAX bytes */
};

/* tracer_stream.c: sends one frame to the writer, and ends the tracer where the writer is gone. */
void tracer_send(struct tracer *tracer, enum stream_type type, const void *data, size_t size);

/*
 * Empties the ring into the stream, frames resolved to modules. Takes no more than the ring can
 * hold at once, so that targets that fill it as fast as it is read do not keep the tracer from
 * being told to stop.
 */
void tracer_drain(struct tracer *tracer);

/* The same up to so many bytes, after which others should be heard; true: there may be more. */
#define TRACER_DRAIN_BYTES (1u << 20)
bool tracer_drain_part(struct tracer *tracer, uint64_t bytes_max);

void tracer_send_counters(struct tracer *tracer);

/* The same, where the last are a second old: so the writer knows that the tracer lives. */
void tracer_beat(struct tracer *tracer);

/*
 * tracer_helpers.c: one request to a helper, and its answer. One that is gone, or does not answer,
 * is replaced, and the request made again; the tracer ends where none takes its place.
 */
struct call {
	enum tracer_helper helper;
	enum message_type type;
	const void *body;
	size_t size;
	const int *fds;
	size_t fd_count;
};
void tracer_call(struct tracer *tracer, const struct call *call, const struct message_rule *rules,
		 size_t rule_count, struct message *answer);

/* tracer_targets.c: reads the target's mappings, and meets their modules. */
int tracer_meet_maps(struct tracer *tracer, struct target *target);

/* The same, and loads modules that are new. */
int tracer_scan(struct tracer *tracer, struct target *target);

/* The module of a mapping; opened and named where it is new. NULL: it is not looked at. */
struct module *tracer_meet_module(struct tracer *tracer, struct target *target,
				  const struct mapping *mapping);

/* Meets the vdso: ours is every target's. */
void tracer_meet_vdso(struct tracer *tracer);

/*
 * Inspects modules that were met, publishes their tables, attaches where attached: those that wait
 * now, or the first of them, for about so long. A machine may map files faster than they are
 * loaded.
 */
void tracer_load_modules(struct tracer *tracer, uint64_t time_max_ns);

/* The module, or what has become known of it since, to the writer. */
void tracer_send_module(struct tracer *tracer, const struct module *module);

/* How many files were not looked at, as a module's note. */
void tracer_send_ignored(struct tracer *tracer);

/* That a target was traced, as such a note; count: records that came meanwhile, 0 if none did. */
void tracer_send_traced(struct tracer *tracer, uint64_t count);

/* tracer_mappings.c: takes in what targets have mapped since. */
void tracer_meet_mappings(struct tracer *tracer);

/* tracer_code.c: looks for the map of names of the target's code without a file. */
void tracer_seek_map(struct tracer *tracer, struct target *target);

/* Of all targets that have such code and no map yet. */
void tracer_seek_maps(struct tracer *tracer);

/* Compilers may write a map anew: the one that names are taken from is the newest. */
void tracer_renew_maps(struct tracer *tracer);

/* The frame with its module, for an address in such code. */
uint64_t tracer_code_frame(struct tracer *tracer, struct target *target, uint64_t frame);

/* Attaches to every site of one module, for every target. */
int tracer_attach_module(struct tracer *tracer, const struct module *module);

struct target *tracer_target(struct tracer *tracer, uint32_t pid);

/*
 * One more target, which the writer and the programs are told of. pidfd -1: it is gone. NULL: out
 * of memory, or TARGETS_MAX reached.
 */
struct target *tracer_add_target(struct tracer *tracer, const struct tracer_target *identity,
				 int pidfd);

/* tracer_processes.c: a process that is not known yet has made its first event. */
void tracer_name_program(struct tracer *tracer, struct tracer_target *target);
void tracer_meet_process(struct tracer *tracer, const struct event_thread *first);

/* The target that mapped something. NULL: it is none, or what it mapped is nothing new. */
struct target *tracer_heard_of(struct tracer *tracer, const struct sideband_news *news);

/* tracer_names.c: the frame is to be named. */
void tracer_note_frame(struct tracer *tracer, uint64_t frame);

/* Asks the symbolizer for the names of all frames that were not asked for yet, and sends them on.
 * Returns how many those were. */
size_t tracer_send_names(struct tracer *tracer);

/*
 * One request to the symbolizer; the ring is drained meanwhile. 0 and *out (a memfd), or -errno;
 * an errno: as 0, but names are from symbols alone, as reading the debug information ended so.
 */
int tracer_symbolize(struct tracer *tracer, const struct symbolizer_request *request, int module,
		     const struct debug_files *debug, int in, int *out, uint64_t *out_size);

/* tracer_debug.c: where a module names its debug file, takes hold of that while a target lives. */
void tracer_meet_debug(struct tracer *tracer, struct module *module);

/* The debug files of a module, to be closed by debug_files_close(). */
void tracer_find_debug(struct tracer *tracer, const struct module *module,
		       struct debug_files *files);
void debug_files_close(struct debug_files *files);

/*
 * tracer_answers.c: the answer to a request about a module, given to use(), which checks it:
 * -EBADMSG from it is an answer that is none. One that depends on `in` (-1: none) is not kept.
 */
typedef int tracer_use_fn(struct tracer *tracer, struct module *module, const void *bytes,
			  size_t size);
int tracer_ask(struct tracer *tracer, struct module *module,
	       const struct symbolizer_request *request, int in, tracer_use_fn *use);

#define NO_PIDFD (-2) /* the request is about no target */

/* One request to the resolver. A descriptor or -errno; -ESRCH where pidfd is -1, as of one gone. */
int tracer_resolve(struct tracer *tracer, enum message_type type, const void *body, size_t size,
		   int pidfd);

#endif
