// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Probes that do nothing: what the kernel charges for a recording before the recorder does
 * anything.
 *
 * empty [--entry] PID < SITES, where SITES is what `heaptrail record --dry-run` prints. An empty
 * program runs at the same sites, for calls that allocate at their returns, too; --entry: at the
 * functions' entries, as other tools probe. Prints "attached" and stays so until its end.
 */
#include "tracing/links.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

struct site {
	char function[64], path[512];
	unsigned long offset, after_entry;
};

static int load_empty(uint32_t attach_type)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.expected_attach_type = attach_type,
		.insns = (uintptr_t)program,
		.insn_cnt = sizeof(program) / sizeof(program[0]),
		.license = (uintptr_t) "GPL",
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

static bool has_return(const char *function)
{
	static const char *const without[] = { "free", "cfree", "dallocx", "sdallocx" };

	for (size_t i = 0; i < sizeof(without) / sizeof(without[0]); i++)
		if (strcmp(function, without[i]) == 0)
			return false;
	return true;
}

static int attach(const struct site *site, int session, int single, pid_t pid, bool is_at_entry)
{
	uint64_t offset = site->offset - (is_at_entry ? site->after_entry : 0), cookie = 0;
	bool is_session = has_return(site->function);
	struct link_request request = {
		.program_fd = is_session ? session : single,
		.file_fd = open(site->path, O_RDONLY | O_CLOEXEC),
		.offsets = &offset,
		.cookies = &cookie,
		.count = 1,
		.pid = pid,
		.is_session = is_session,
	};
	int link[2];
	size_t count;
	int err = request.file_fd < 0 ? -errno
				      : links_attach(ATTACH_SESSION, &request, link, &count);

	close(request.file_fd);
	return err;
}

int main(int argc, char **argv)
{
	bool is_at_entry = argc == 3 && strcmp(argv[1], "--entry") == 0;
	int session = load_empty(ATTACH_TYPE_UPROBE_SESSION);
	int single = load_empty(ATTACH_TYPE_UPROBE_MULTI);
	pid_t pid = argc > 1 ? atoi(argv[argc - 1]) : 0;
	unsigned count = 0;
	struct site site;
	int err = 0;

	if (pid <= 0 || session < 0 || single < 0) {
		fprintf(stderr, "empty: usage: empty [--entry] PID < SITES, on a kernel >= 6.13\n");
		return 2;
	}
	while (!err && scanf("%63s %511[^+]+%lx entry+%lu %*[^\n]", site.function, site.path,
			     &site.offset, &site.after_entry) == 4) {
		err = attach(&site, session, single, pid, is_at_entry);
		count++;
	}
	if (err || !count) {
		fprintf(stderr, "empty: site %u: %s\n", count, strerror(-err));
		return 1;
	}
	puts("attached");
	fflush(stdout);
	pause();
	return 0;
}
