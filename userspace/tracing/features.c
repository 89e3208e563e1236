// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/features.h"

#include "base/io.h"
#include "tracing/filtered.h"
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

/* A probe on the trial function, for nobody to see. */
struct trial {
	int file; /* this executable */
	uint64_t offset;
	int fds[2];
	size_t fd_count;
};

static int trial_open(struct trial *trial)
{
	*trial = (struct trial) { .file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC) };
	if (trial->file < 0)
		return -errno;
	if (dl_iterate_phdr(find_offset, &trial->offset))
		return 0;
	io_close(&trial->file);
	return -ENOENT;
}

/* pid 0: every process that runs this executable. is_return: as for a block that is returned. */
static int trial_attach(struct trial *trial, enum attach_mode mode, pid_t pid, bool is_return)
{
	static const uint32_t TYPES[] = { ATTACH_TYPE_UPROBE_SESSION, ATTACH_TYPE_UPROBE_MULTI, 0 };
	uint64_t cookie = 1;
	int program = load_empty(TYPES[mode]);

	if (program < 0)
		return program;
	struct link_request request = {
		.program_fd = program,
		.file_fd = trial->file,
		.offsets = &trial->offset,
		.cookies = &cookie,
		.count = 1,
		.pid = pid,
		.is_return = is_return && mode != ATTACH_SESSION,
		.is_session = mode == ATTACH_SESSION,
	};
	int err = links_attach(mode, &request, trial->fds, &trial->fd_count);
	close(program);
	return err;
}

static void trial_close(struct trial *trial)
{
	while (trial->fd_count)
		io_close(&trial->fds[--trial->fd_count]);
	io_close(&trial->file);
}

enum attach_mode features_attach_mode(int *error)
{
	struct trial trial;
	int err = trial_open(&trial), mode = ATTACH_NONE;

	*error = -err;
	if (err)
		return ATTACH_NONE;
	for (mode = ATTACH_SESSION; mode < ATTACH_NONE; mode++) {
		err = trial_attach(&trial, mode, getpid(), false);
		if (!err)
			break;
	}
	trial_close(&trial);
	*error = -err;
	return mode;
}

bool features_spares_filtered(enum attach_mode mode)
{
	struct trial trial;
	bool is_spared = false;

	if (trial_open(&trial))
		return false;
	if (trial_attach(&trial, mode, 0, true) == 0)
		is_spared = filtered_survives(trial_function);
	trial_close(&trial);
	return is_spared;
}
