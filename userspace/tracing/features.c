// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/features.h"

#include "base/io.h"
#include "tracing/links.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/bpf.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *attach_mode_name(enum attach_mode mode)
{
	static const char *const NAMES[] = { "session", "multi", "perf", "none" };

	return NAMES[mode];
}

/* The function that trial probes are put on; nothing calls it. */
__attribute__((noinline, used)) static void trial_function(void)
{
	__asm__ volatile("");
}

static int find_offset(struct dl_phdr_info *info, size_t size, void *data)
{
	uint64_t *offset = data;
	uintptr_t address = (uintptr_t)trial_function - info->dlpi_addr;

	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];
		if (header->p_type == PT_LOAD && address - header->p_vaddr < header->p_filesz) {
			*offset = address - header->p_vaddr + header->p_offset;
			return 1;
		}
	}
	return 0;
}

/* `return 0` as a program that may be attached in the given way. */
static int load_empty(uint32_t attach_type)
{
	static const char LICENSE_TEXT[] = "GPL";
	struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0 },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.insn_cnt = sizeof(code) / sizeof(code[0]),
		.insns = (uintptr_t)code,
		.license = (uintptr_t)LICENSE_TEXT,
		.expected_attach_type = attach_type,
	};
	int fd = (int)syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
	return fd < 0 ? -errno : fd;
}

static int try_mode(enum attach_mode mode, int file_fd, uint64_t offset)
{
	static const uint32_t TYPES[] = { ATTACH_TYPE_UPROBE_SESSION, ATTACH_TYPE_UPROBE_MULTI, 0 };
	uint64_t cookie = 1;
	int fds[2] = { -1, -1 };
	size_t count = 0;
	int program = load_empty(TYPES[mode]);

	if (program < 0)
		return program;
	struct link_request request = {
		.program_fd = program,
		.file_fd = file_fd,
		.offsets = &offset,
		.cookies = &cookie,
		.count = 1,
		.pid = getpid(),
		.is_session = mode == ATTACH_SESSION,
	};
	int err = links_attach(mode, &request, fds, &count);
	while (count)
		io_close(&fds[--count]);
	close(program);
	return err;
}

enum attach_mode features_attach_mode(int *error)
{
	uint64_t offset = 0;
	int mode = ATTACH_NONE, err = -ENOENT;
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

	if (self >= 0 && dl_iterate_phdr(find_offset, &offset))
		for (mode = ATTACH_SESSION; mode < ATTACH_NONE; mode++) {
			err = try_mode(mode, self, offset);
			if (!err)
				break;
		}
	io_close(&self);
	*error = -err;
	return mode;
}
