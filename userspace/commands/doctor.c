// SPDX-License-Identifier: GPL-2.0-or-later
#include "base/io.h"
#include "commands/command.h"

#include <argp.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <linux/landlock.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

static const struct argp_option OPTIONS[] = {
	{ "json", 'j', NULL, 0, "print JSON", 0 },
	{ 0 },
};

static error_t parse(int key, char *value, struct argp_state *state)
{
	(void)value;
	if (key != 'j')
		return ARGP_ERR_UNKNOWN;
	*(bool *)state->input = true;
	return 0;
}

static const struct argp ARGP = {
	OPTIONS, parse, NULL, "What this machine can do, and what to do about what it cannot.",
	NULL,	 NULL,	NULL
};

/* One finding: is it all right, what was seen, what to do. */
struct finding {
	bool is_good;
	char seen[128];
};

static void check_kernel(struct finding *finding)
{
	struct utsname host;
	int major = 0, minor = 0;

	uname(&host);
	sscanf(host.release, "%d.%d", &major, &minor);
	finding->is_good = major > 5 || (major == 5 && minor >= 17);
	snprintf(finding->seen, sizeof(finding->seen), "Linux %.100s", host.release);
}

static void check_root(struct finding *finding)
{
	finding->is_good = geteuid() == 0;
	snprintf(finding->seen, sizeof(finding->seen), "uid %u", geteuid());
}

static void check_btf(struct finding *finding)
{
	finding->is_good = access("/sys/kernel/btf/vmlinux", R_OK) == 0;
	snprintf(finding->seen, sizeof(finding->seen), "/sys/kernel/btf/vmlinux %s",
		 finding->is_good ? "can be read" : strerror(errno));
}

static void check_uprobes(struct finding *finding)
{
	finding->is_good = access("/sys/bus/event_source/devices/uprobe/type", R_OK) == 0;
	snprintf(finding->seen, sizeof(finding->seen), "the kernel's uprobe device %s",
		 finding->is_good ? "is there" : "is missing");
}

/* The event that the tracer opens (tracing/sideband.c), without its ring. */
static void check_sideband(struct finding *finding)
{
	struct perf_event_attr attr = { .size = sizeof(attr),
					.type = PERF_TYPE_SOFTWARE,
					.config = PERF_COUNT_SW_DUMMY,
					.mmap = 1,
					.mmap2 = 1,
					.exclude_kernel = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, 0, -1, PERF_FLAG_FD_CLOEXEC);

	finding->is_good = fd >= 0;
	snprintf(finding->seen, sizeof(finding->seen), "the kernel's news of mappings %s",
		 fd >= 0 ? "can be had" : strerror(errno));
	io_close(&fd);
}

static void check_landlock(struct finding *finding)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	finding->is_good = abi >= 1;
	snprintf(finding->seen, sizeof(finding->seen),
		 abi >= 1 ? "Landlock ABI %ld" : "no Landlock (%ld)", abi);
}

static void check_state(struct finding *finding)
{
	const char *directory = command_state_directory(NULL);

	finding->is_good = access(directory, W_OK) == 0 || (errno == ENOENT && geteuid() == 0);
	snprintf(finding->seen, sizeof(finding->seen), "%.100s %s", directory,
		 access(directory, F_OK) ? "will be made on first use"
		 : finding->is_good	 ? "can be written"
					 : "cannot be written");
}

static const struct check {
	const char *name;
	void (*run)(struct finding *finding);
	const char *remedy;
} CHECKS[] = {
	{ "kernel", check_kernel,
	  "Linux 5.17 or newer is needed; 6.6 or newer needs fewer rights" },
	{ "rights", check_root, "recording needs root: run with sudo" },
	{ "btf", check_btf, "a kernel with CONFIG_DEBUG_INFO_BTF=y is needed" },
	{ "uprobes", check_uprobes, "a kernel with CONFIG_UPROBE_EVENTS=y is needed" },
	{ "mappings", check_sideband,
	  "libraries that targets load later are then read when their code is first met" },
	{ "landlock", check_landlock,
	  "workers then keep the file system out by uid and seccomp only" },
	{ "state", check_state, "choose a directory with HEAPTRAIL_STATE_DIR, or run as root" },
};

int doctor_main(int argc, char **argv)
{
	bool is_json = false;
	int status = EXIT_DONE;
	json_t *list = json_array();

	argp_err_exit_status = EXIT_MISUSED;
	argp_parse(&ARGP, argc, argv, 0, NULL, &is_json);
	for (size_t i = 0; i < sizeof(CHECKS) / sizeof(CHECKS[0]); i++) {
		const struct check *check = &CHECKS[i];
		struct finding finding = { 0 };
		check->run(&finding);
		if (!finding.is_good)
			status = EXIT_PERMISSION;
		if (!is_json)
			printf("%-5s %-9s %s%s%s\n", finding.is_good ? "ok" : "FAIL", check->name,
			       finding.seen, finding.is_good ? "" : ": ",
			       finding.is_good ? "" : check->remedy);
		json_array_append_new(list,
				      json_pack("{s:s, s:b, s:s, s:s}", "check", check->name, "ok",
						finding.is_good, "seen", finding.seen, "remedy",
						finding.is_good ? "" : check->remedy));
	}
	if (is_json)
		json_dumpf(list, stdout, JSON_INDENT(2)), putchar('\n');
	json_decref(list);
	return status;
}
