// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/doctor.h"

#include "audit/kernel.h"
#include "base/io.h"
#include "base/message.h"
#include "base/text.h"
#include "base/units.h"
#include "commands/command.h"
#include "workers/protocol.h"
#include "workers/start.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#define TRIAL_RING_BYTES 65536
#define FREE_BYTES_MIN	 (256ull << 20)

static void found(struct finding *finding, enum doctor_state state, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

static void found(struct finding *finding, enum doctor_state state, const char *format, ...)
{
	va_list args;

	finding->state = state;
	va_start(args, format);
	vsnprintf(finding->seen, sizeof(finding->seen), format, args);
	va_end(args);
}

static void check_kernel(struct finding *finding)
{
	struct utsname host;

	uname(&host);
	found(finding, DOCTOR_OK, "Linux %.100s, %.60s", host.release, host.machine);
}

/* What the workers are given before they give it up. */
static void check_rights(struct finding *finding)
{
	static const struct {
		const char *name;
		int number;
	} NEEDED[] = {
		{ "CAP_BPF", CAP_BPF },
		{ "CAP_PERFMON", CAP_PERFMON },
		{ "CAP_SYS_PTRACE", CAP_SYS_PTRACE },
		{ "CAP_DAC_READ_SEARCH", CAP_DAC_READ_SEARCH },
		{ "CAP_CHECKPOINT_RESTORE", CAP_CHECKPOINT_RESTORE },
	};
	char text[4096] = "", missing[256] = "";
	int fd = open("/proc/self/status", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof(text) - 1);
	const char *field = n > 0 ? strstr(text, "\nCapEff:") : NULL;
	uint64_t effective = field ? strtoull(field + 8, NULL, 16) : 0;

	io_close(&fd);
	/* which is all that there was before these two were taken out of it */
	if (effective >> CAP_SYS_ADMIN & 1)
		effective |= 1ull << CAP_BPF | 1ull << CAP_PERFMON;
	for (size_t i = 0; i < sizeof(NEEDED) / sizeof(NEEDED[0]); i++)
		if (!(effective >> NEEDED[i].number & 1))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 " %s", NEEDED[i].name);
	if (geteuid() || *missing)
		found(finding, DOCTOR_MISSING, "uid %u%s%s", geteuid(), *missing ? ", without" : "",
		      missing);
	else
		found(finding, DOCTOR_OK, "uid 0, with every capability that a worker starts with");
}

static void check_types(struct finding *finding)
{
	bool is_there = access("/sys/kernel/btf/vmlinux", R_OK) == 0;

	found(finding, is_there ? DOCTOR_OK : DOCTOR_MISSING, "/sys/kernel/btf/vmlinux: %s",
	      is_there ? "the kernel describes its types" : strerror(errno));
}

/*
 * The tracer as a recording has it: it loads its programs, attaches a probe to itself, gives up its
 * rights, and says how it went. Nobody is its target. has_filtered: it also probes a child of its
 * own behind a seccomp filter.
 */
static int try_tracer(bool has_filtered, struct message *message)
{
	static const struct message_rule RULES[] = {
		{ TRACER_READY, sizeof(struct tracer_ready), 2 },
		{ MESSAGE_FAILURE, sizeof(struct failure), 0 },
	};
	struct worker_process tracer = WORKER_PROCESS_NONE;
	struct tracer_start options = { .ring_bytes = TRIAL_RING_BYTES,
					.target_pid = (uint32_t)getpid(),
					.has_filtered = has_filtered };
	int null = open("/dev/null", O_RDWR | O_CLOEXEC), stream[2] = { -1, -1 };
	int err = null < 0 || pipe2(stream, O_CLOEXEC) ? -errno : worker_start("tracer", &tracer);

	if (!err) {
		int fds[5] = { null, null, stream[1], null, null };
		err = message_send(tracer.socket, TRACER_START, &options, sizeof(options), fds, 5);
	}
	/* one that gave up has said why */
	if (!err || err == -EPIPE)
		err = message_recv(tracer.socket, RULES, 2, message);
	message_close_fds(message);
	/* it has no recording to end */
	if (tracer.pid > 0)
		kill(tracer.pid, SIGKILL);
	worker_finish(&tracer);
	io_close(&stream[0]);
	io_close(&stream[1]);
	io_close(&null);
	return err;
}

static void check_programs(struct finding *finding)
{
	static const struct {
		const char *mode, *meaning;
	} MODES[] = {
		{ "session", "one program for a call and its return" },
		{ "multi", "a program for the call, one for its return" },
		{ "perf", "a descriptor for each probe; the tracer keeps CAP_SYS_ADMIN" },
	};
	static struct message message;
	int err = try_tracer(false, &message);
	const char *mode = ((const struct tracer_ready *)message.body)->mode;

	if (err) {
		found(finding, DOCTOR_MISSING, "the tracer ended: %s", strerror(-err));
		return;
	}
	if (message.type == MESSAGE_FAILURE) {
		found(finding, DOCTOR_MISSING, "%.400s",
		      ((const struct failure *)message.body)->what);
		return;
	}
	for (size_t i = 0; i < sizeof(MODES) / sizeof(MODES[0]); i++)
		if (strncmp(mode, MODES[i].mode, sizeof(((struct tracer_ready *)0)->mode)) == 0)
			found(finding, DOCTOR_OK, "programs load, a probe was attached (%s: %s)",
			      MODES[i].mode, MODES[i].meaning);
}

/* The event that the tracer opens (tracing/sideband.c), without its ring. */
static void check_mappings(struct finding *finding)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_DUMMY,
					.mmap = 1,
					.mmap2 = 1,
					.exclude_kernel = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	if (fd < 0)
		found(finding, DOCTOR_LIMITED, "the kernel's news of mappings: %s",
		      strerror(errno));
	else
		found(finding, DOCTOR_OK, "the kernel tells of what targets map");
	io_close(&fd);
}

static void check_seccomp(struct finding *finding)
{
	uint32_t action = SECCOMP_RET_KILL_PROCESS;

	if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action))
		found(finding, DOCTOR_MISSING, "system calls cannot be filtered: %s",
		      strerror(errno));
	else
		found(finding, DOCTOR_OK, "workers' system calls can be filtered");
}

static void check_landlock(struct finding *finding)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	if (abi < 1)
		found(finding, DOCTOR_LIMITED, "Landlock: %s", strerror(errno));
	else
		found(finding, DOCTOR_OK, "Landlock ABI %ld", abi);
}

static void check_filtered(struct finding *finding)
{
	static struct message message;
	int err = try_tracer(true, &message);

	if (err)
		found(finding, DOCTOR_LIMITED, "the tracer ended: %s", strerror(-err));
	else if (message.type == MESSAGE_FAILURE)
		found(finding, DOCTOR_LIMITED, "%.400s",
		      ((const struct failure *)message.body)->what);
	else
		found(finding, DOCTOR_OK, "a probe does not end a program with a seccomp filter");
}

/* Recording makes the directory where it is missing; what is there must not be open to others. */
static void check_state(struct finding *finding)
{
	const char *directory = finding->state_directory;
	char free_text[UNITS_TEXT_MAX];
	struct statvfs system;
	struct stat st;

	if (stat(directory, &st)) {
		bool will_be_made = errno == ENOENT && geteuid() == 0;
		found(finding, will_be_made ? DOCTOR_OK : DOCTOR_MISSING, "%.200s: %s", directory,
		      will_be_made ? "will be made on first use" : strerror(errno));
	} else if (st.st_uid != geteuid()) {
		found(finding, DOCTOR_MISSING, "%.200s: belongs to uid %u, and this is uid %u",
		      directory, st.st_uid, geteuid());
	} else if (st.st_mode & 022) {
		found(finding, DOCTOR_MISSING, "%.200s: mode %04o, others can write there",
		      directory, st.st_mode & 07777);
	} else if (access(directory, W_OK) || statvfs(directory, &system)) {
		found(finding, DOCTOR_MISSING, "%.200s: %s", directory, strerror(errno));
	} else {
		uint64_t free_bytes = (uint64_t)system.f_bavail * system.f_frsize;
		found(finding, free_bytes < FREE_BYTES_MIN ? DOCTOR_LIMITED : DOCTOR_OK,
		      "%.200s: %s free", directory, units_format_size(free_bytes, free_text));
	}
}

static void check_keys(struct finding *finding)
{
	static const char *const SECRETS[] = { "vault.key", "host.key" };
	struct stat directory;
	size_t count = 0;

	/* they are the vault's user's, whose the folder is then */
	char folder[1024];
	snprintf(folder, sizeof(folder), "%s/keys", finding->state_directory);
	uid_t owner = stat(folder, &directory) ? geteuid() : directory.st_uid;
	for (size_t i = 0; i < sizeof(SECRETS) / sizeof(SECRETS[0]); i++) {
		char path[1024];
		struct stat st;
		snprintf(path, sizeof(path), "%s/keys/%s", finding->state_directory, SECRETS[i]);
		if (lstat(path, &st)) {
			if (errno == ENOENT)
				continue;
			found(finding, DOCTOR_LIMITED, "%.200s: %s", path, strerror(errno));
			return;
		}
		if (!S_ISREG(st.st_mode) || (st.st_uid != geteuid() && st.st_uid != owner) ||
		    (st.st_mode & 077)) {
			found(finding, DOCTOR_MISSING,
			      "%.200s: belongs to uid %u, mode %04o; it must be this user's, or the vault's, 0600",
			      path, st.st_uid, st.st_mode & 07777);
			return;
		}
		count++;
	}
	if (count == 0)
		found(finding, DOCTOR_OK, "no keys yet: the first recording makes them");
	else if (count == 1)
		found(finding, DOCTOR_MISSING, "one of the keys is missing from %.200s/keys",
		      finding->state_directory);
	else
		found(finding, DOCTOR_OK,
		      "the vault's and the host's key are there, for nobody else");
}

static void check_audit(struct finding *finding)
{
	int audit = kernel_audit_open();
	int is_on = audit < 0 ? audit : kernel_audit_is_on(audit);

	io_close(&audit);
	if (is_on > 0)
		found(finding, DOCTOR_OK,
		      "the kernel's audit is on: it gets copies of audit records");
	else if (is_on == 0)
		found(finding, DOCTOR_LIMITED, "the kernel's audit is off");
	else
		found(finding, DOCTOR_LIMITED, "the kernel's audit: %s", strerror(-is_on));
}

static void check_cache(struct finding *finding)
{
	const char *directory = command_cache_directory(finding->state_directory);
	struct stat st;

	if (stat(directory, &st) == 0 && (st.st_uid != geteuid() || (st.st_mode & 022)))
		found(finding, DOCTOR_LIMITED,
		      "%.200s: belongs to uid %u, mode %04o: it is not used", directory, st.st_uid,
		      st.st_mode & 07777);
	else
		found(finding, DOCTOR_OK, "unwind tables are kept in %.200s", directory);
}

static void check_names(struct finding *finding)
{
	if (access("/usr/lib/debug/.build-id", R_OK | X_OK))
		found(finding, DOCTOR_LIMITED, "/usr/lib/debug/.build-id: %s", strerror(errno));
	else
		found(finding, DOCTOR_OK, "there are split debug files");
}

static void check_servers(struct finding *finding)
{
	const char *urls = getenv("DEBUGINFOD_URLS");

	if (!urls || !*urls)
		found(finding, DOCTOR_LIMITED, "DEBUGINFOD_URLS is not set");
	else
		found(finding, DOCTOR_OK, "DEBUGINFOD_URLS=%.300s", urls);
}

const struct doctor_check DOCTOR_CHECKS[] = {
	{ "kernel", check_kernel, "" },
	{ "rights", check_rights, "recording needs root: run with sudo" },
	{ "types", check_types, "a kernel with CONFIG_DEBUG_INFO_BTF=y is needed" },
	{ "programs", check_programs,
	  "Linux 5.17 or newer with CONFIG_BPF_SYSCALL, CONFIG_UPROBES and CONFIG_BPF_EVENTS is needed, no lockdown "
	  "for confidentiality, and the rights above" },
	{ "mappings", check_mappings,
	  "libraries that targets load later are then read when their code is first met: stacks before end in them" },
	{ "filtered", check_filtered,
	  "such a target is recorded with --force only where a trial shows that it survives" },
	{ "seccomp", check_seccomp, "a kernel with CONFIG_SECCOMP_FILTER=y is needed" },
	{ "landlock", check_landlock,
	  "workers then are kept from files by their uid and system-call filter only: add landlock to the kernel's lsm= list" },
	{ "state", check_state,
	  "root's own directory with some room is needed: chown root, chmod 0700, or choose another with --state-dir" },
	{ "keys", check_keys,
	  "captures are opened with these keys only: restore them from a backup, chown and chmod 0600; keys that others "
	  "could read are known" },
	{ "audit", check_audit,
	  "audit records are in heaptrail's own log, and copied to the journal, but not to the kernel's audit: start auditd, or "
	  "auditctl -e 1" },
	{ "cache", check_cache,
	  "tables are then compiled for each recording, in some 10 ms a library: chown root, chmod 0755" },
	{ "names", check_names,
	  "functions that a library does not export have no names, and none has lines: install its -dbgsym package" },
	{ "servers", check_servers,
	  "`report --debuginfod` then has nobody to ask: set it, for Debian to https://debuginfod.debian.net" },
};

const size_t DOCTOR_CHECK_COUNT = sizeof(DOCTOR_CHECKS) / sizeof(DOCTOR_CHECKS[0]);
