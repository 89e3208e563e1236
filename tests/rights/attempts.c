// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The table. Where the filter is all that forbids a call, its arguments are such that it does no
 * harm if the filter lets it pass; where a worker may make the call, they ask for what it must not get.
 */
#include "attempts.h"

#include "workers/opens.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/keyctl.h>
#include <linux/openat2.h>
#include <linux/perf_event.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

pid_t stranger;

static _Alignas(4096) char page[4096];
static struct sockaddr_un listener = { AF_UNIX, "socket" }, datagrams = { AF_UNIX, "datagrams" };
static struct sockaddr_un free_address = { AF_UNIX, "mine" };
static struct open_how to_read = { .flags = O_RDONLY };
static struct open_how to_create = { .flags = O_WRONLY | O_CREAT, .mode = 0600 };
static struct sock_filter permit = BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
static struct sock_fprog permit_all = { 1, &permit };
static struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };

static long attach(void)
{
	return syscall(SYS_ptrace, PTRACE_ATTACH, stranger, 0, 0);
}

static long read_memory(void)
{
	struct iovec here = { page, 1 }, there = { page, 1 };

	return syscall(SYS_process_vm_readv, stranger, &here, 1, &there, 1, 0);
}

static long write_memory(void)
{
	struct iovec here = { page, 1 }, there = { page, 1 };

	return syscall(SYS_process_vm_writev, stranger, &here, 1, &there, 1, 0);
}

static long see_executable(void)
{
	char path[64], target[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", stranger);
	return syscall(SYS_readlink, path, target, sizeof(target));
}

static long send_signal(void)
{
	return syscall(SYS_kill, stranger, SIGURG);
}

static long send_signal_to_thread(void)
{
	return syscall(SYS_tgkill, stranger, stranger, SIGURG);
}

static long take_hold(void)
{
	return syscall(SYS_pidfd_open, stranger, 0);
}

static long limit_stranger(void)
{
	struct rlimit old;

	return syscall(SYS_prlimit64, stranger, RLIMIT_NOFILE, NULL, &old);
}

static long own_signals(void)
{
	return syscall(SYS_fcntl, STREAM_FD, F_SETOWN, stranger);
}

static long schedule(void)
{
	return syscall(SYS_setpriority, PRIO_PROCESS, stranger, 0);
}

/* A process that is really there: it ends at once, and is waited for. */
static long begin(unsigned long flags)
{
	long pid = syscall(SYS_clone, flags | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		syscall(SYS_exit_group, 0);
	return pid;
}

static long begin_process(void)
{
	return begin(CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID);
}

static long begin_namespace(void)
{
	return begin(CLONE_NEWUSER);
}

static long run_program(void)
{
	char *const argv[] = { "rights", "--nothing", NULL }, *const envp[] = { NULL };

	return syscall(SYS_execve, "/proc/self/exe", argv, envp);
}

static long raise_capabilities(void)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2] = { { ~0u, ~0u, 0 }, { 0x1ff, 0x1ff, 0 } };

	return syscall(SYS_capset, &header, data);
}

static long open_perf_event(void)
{
	struct perf_event_attr attr = { .type = PERF_TYPE_SOFTWARE,
					.size = sizeof(attr),
					.config = PERF_COUNT_SW_PAGE_FAULTS };

	return syscall(SYS_perf_event_open, &attr, stranger, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

static long load_program(void)
{
	const struct bpf_insn code[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K },
					 { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_KPROBE,
				.insns = (uintptr_t)code,
				.insn_cnt = 2,
				.license = (uintptr_t) "GPL" };

	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));
}

static long make_map(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY, .key_size = 4, .value_size = 8, .max_entries = 1
	};

	return syscall(SYS_bpf, BPF_MAP_CREATE, &attr, sizeof(attr));
}

/* What others have loaded: the kernel's own types are always among it. */
static long list_types(void)
{
	union bpf_attr attr = { .start_id = 0 };

	return syscall(SYS_bpf, BPF_BTF_GET_NEXT_ID, &attr, sizeof(attr));
}

static long attach_program(void)
{
	union bpf_attr attr = { .target_fd = FOLDER_FD, .attach_bpf_fd = FOLDER_FD };

	return syscall(SYS_bpf, BPF_PROG_ATTACH, &attr, sizeof(attr));
}

static long open_pinned(void)
{
	union bpf_attr attr = { .pathname = (uintptr_t) "file" };

	return syscall(SYS_bpf, BPF_OBJ_GET, &attr, sizeof(attr));
}

/* The other tables of calls: the filter knows only this one. */
static long call_as_32_bit(void)
{
#ifdef __x86_64__
	long result;

	__asm__ volatile("int $0x80" : "=a"(result) : "a"(20L) : "memory", "r8", "r9", "r10", "r11");
	return result;
#else
	raise(SIGSYS);
	return 0;
#endif
}

static long call_as_x32(void)
{
#ifdef __x86_64__
	return syscall(0x40000000 | SYS_getpid);
#else
	raise(SIGSYS);
	return 0;
#endif
}

/* What the filter permits by its address must stay as it is. Without this address, it changes nothing. */
static long open_constants(void)
{
	return syscall(SYS_mprotect, (uintptr_t)&OPEN_FROM & ~4095UL, 1ul << 40,
		       PROT_READ | PROT_WRITE);
}

#define TEXT(literal) (long)(literal)
#define OPENS	      "resolver watcher vault"

const struct attempt ATTEMPTS[] = {
	/* files */
	{ "open /etc/passwd", SYS_openat, { AT_FDCWD, TEXT("/etc/passwd"), O_RDONLY },
	  .refused = "symbolizer", .works = OPENS },
	{ "open a key", SYS_openat, { AT_FDCWD, TEXT("keys/secret"), O_RDONLY },
	  .refused = "symbolizer vault", .works = "resolver watcher" },
	{ "open by a folder", SYS_openat, { FOLDER_FD, TEXT("file"), O_RDONLY },
	  .refused = "symbolizer", .works = OPENS },
	{ "create a file", SYS_openat, { AT_FDCWD, TEXT("new"), O_WRONLY | O_CREAT, 0600 },
	  .refused = "vault" },
	{ "create a file among its own", SYS_openat,
	  { AT_FDCWD, TEXT("own/new"), O_WRONLY | O_CREAT, 0600 }, .works = "vault" },
	{ "open to write", SYS_openat, { AT_FDCWD, TEXT("file"), O_WRONLY }, .refused = "vault" },
	{ "truncate by opening", SYS_openat, { AT_FDCWD, TEXT("file"), O_RDONLY | O_TRUNC },
	  .refused = "vault" },
	/* a struct in memory, of which the filter sees only where it is */
	{ "openat2", SYS_openat2, { AT_FDCWD, TEXT("file"), TEXT(&to_read), sizeof(to_read) } },
	{ "openat2, to create", SYS_openat2,
	  { AT_FDCWD, TEXT("new"), TEXT(&to_create), sizeof(to_create) } },
	{ "openat2, to take hold of", SYS_openat2,
	  { AT_FDCWD, TEXT("keys/secret"), TEXT(&OPEN_FROM), sizeof(OPEN_FROM) },
	  .works = "resolver" },
	{ "mprotect of a constant, to write", SYS_mprotect, .make = open_constants,
	  .refused = "census reader symbolizer symbolizer-child tracer tracer-perf vault watcher writer" },
	{ "stat of a key", SYS_newfstatat, { AT_FDCWD, TEXT("keys/secret"), TEXT(page), 0 },
	  .refused = "census reader symbolizer symbolizer-child tracer tracer-perf vault writer",
	  .works = "resolver watcher" },
	{ "access", SYS_faccessat, { AT_FDCWD, TEXT("keys/secret"), R_OK } },
	{ "statfs", SYS_statfs, { TEXT("file"), TEXT(page) } },
	{ "rename", SYS_renameat, { AT_FDCWD, TEXT("file"), AT_FDCWD, TEXT("other") },
	  .refused = "vault" },
	{ "rename, with flags", SYS_renameat2, { AT_FDCWD, TEXT("file"), AT_FDCWD, TEXT("other"), 0 },
	  .refused = "vault" },
	{ "unlink", SYS_unlinkat, { AT_FDCWD, TEXT("file"), 0 }, .refused = "vault" },
	{ "linkat", SYS_linkat, { AT_FDCWD, TEXT("file"), AT_FDCWD, TEXT("link"), 0 } },
	{ "symlinkat", SYS_symlinkat, { TEXT("file"), AT_FDCWD, TEXT("link") } },
	{ "mkdirat", SYS_mkdirat, { AT_FDCWD, TEXT("folder"), 0700 } },
	{ "mknodat", SYS_mknodat, { AT_FDCWD, TEXT("device"), S_IFCHR | 0600, 0x103 } },
	{ "fchmodat", SYS_fchmodat, { AT_FDCWD, TEXT("file"), 0666 } },
	{ "fchownat", SYS_fchownat, { AT_FDCWD, TEXT("file"), 0, 0, 0 } },
	{ "fchmod", SYS_fchmod, { FOLDER_FD, 0777 } },
	{ "fchown", SYS_fchown, { FOLDER_FD, 0, 0 } },
	{ "truncate", SYS_truncate, { TEXT("file"), 0 } },
	{ "utimensat", SYS_utimensat, { AT_FDCWD, TEXT("file"), 0, 0 } },
	{ "setxattr", SYS_setxattr, { TEXT("file"), TEXT("user.x"), TEXT(page), 1, 0 } },
	{ "chdir", SYS_chdir, { TEXT("keys") } },
	{ "fchdir", SYS_fchdir, { FOLDER_FD } },
	{ "chroot", SYS_chroot, { TEXT("keys") } },
	{ "name_to_handle_at", SYS_name_to_handle_at,
	  { AT_FDCWD, TEXT("file"), TEXT(page), TEXT(page) } },
	{ "open_by_handle_at", SYS_open_by_handle_at, { FOLDER_FD, TEXT(page), O_RDONLY } },
	{ "inotify_init1", SYS_inotify_init1, { 0 } },
	{ "fanotify_init", SYS_fanotify_init, { 0, 0 } },
	{ "memfd_create", SYS_memfd_create, { TEXT("mine"), 0 },
	  .works = "symbolizer symbolizer-child tracer tracer-perf" },
	{ "memfd_secret", SYS_memfd_secret, { 0 } },
#ifdef __x86_64__
	{ "open(2)", SYS_open, { TEXT("/etc/passwd"), O_RDONLY } },
	{ "creat", SYS_creat, { TEXT("new"), 0600 } },
	{ "unlink(2)", SYS_unlink, { TEXT("file") }, .refused = "vault" },
	{ "rename(2)", SYS_rename, { TEXT("file"), TEXT("other") } },
	{ "link", SYS_link, { TEXT("file"), TEXT("link") } },
	{ "symlink", SYS_symlink, { TEXT("file"), TEXT("link") } },
	{ "mkdir", SYS_mkdir, { TEXT("folder"), 0700 } },
	{ "rmdir", SYS_rmdir, { TEXT("keys") } },
	{ "mknod", SYS_mknod, { TEXT("device"), S_IFCHR | 0600, 0x103 } },
	{ "chmod", SYS_chmod, { TEXT("file"), 0666 } },
	{ "chown", SYS_chown, { TEXT("file"), 0, 0 } },
	{ "access(2)", SYS_access, { TEXT("keys/secret"), R_OK } },
	{ "inotify_init", SYS_inotify_init },
#endif

	/* the network, and whoever else listens */
	{ "socket, inet", SYS_socket, { AF_INET, SOCK_STREAM, 0 } },
	{ "socket, inet6", SYS_socket, { AF_INET6, SOCK_DGRAM, 0 } },
	{ "socket, unix", SYS_socket, { AF_UNIX, SOCK_STREAM, 0 } },
	{ "socket, netlink", SYS_socket, { AF_NETLINK, SOCK_RAW, 0 } },
	{ "socket, packet", SYS_socket, { AF_PACKET, SOCK_RAW, 0 } },
	{ "socketpair", SYS_socketpair, { AF_UNIX, SOCK_SEQPACKET, 0, TEXT(page) },
	  .works = "resolver vault" },
	{ "socketpair, inet", SYS_socketpair, { AF_INET, SOCK_STREAM, 0, TEXT(page) } },
	{ "connect", SYS_connect, { STREAM_FD, TEXT(&listener), sizeof(listener) } },
	{ "bind", SYS_bind, { STREAM_FD, TEXT(&free_address), sizeof(free_address) } },
	{ "listen", SYS_listen, { STREAM_FD, 1 } },
	{ "accept4", SYS_accept4, { STREAM_FD, 0, 0, 0 } },
	{ "sendto an address", SYS_sendto,
	  { DATAGRAM_FD, TEXT(page), 1, 0, TEXT(&datagrams), sizeof(datagrams) } },
	{ "recvfrom", SYS_recvfrom, { DATAGRAM_FD, TEXT(page), 1, MSG_DONTWAIT, 0, 0 } },
	{ "setsockopt", SYS_setsockopt, { DATAGRAM_FD, SOL_SOCKET, SO_RCVBUF, TEXT(page), 4 } },
	{ "shmget", SYS_shmget, { 0, 4096, 0 } },
	{ "shmat", SYS_shmat, { -1, 0, SHM_EXEC } },
	{ "semget", SYS_semget, { 0, 1, 0 } },
	{ "msgget", SYS_msgget, { 0, 0 } },
	{ "mq_open", SYS_mq_open, { TEXT("mine"), O_RDONLY, 0, 0 } },

	/* other processes */
	{ "ptrace", SYS_ptrace, .make = attach },
	{ "process_vm_readv", SYS_process_vm_readv, .make = read_memory },
	{ "process_vm_writev", SYS_process_vm_writev, .make = write_memory },
	{ "process_madvise", SYS_process_madvise, { STRANGER_FD, 0, 0, MADV_COLD, 0 } },
	{ "process_mrelease", SYS_process_mrelease, { STRANGER_FD, 0 } },
	{ "move_pages", SYS_move_pages, { 0, 0, 0, 0, 0, 0 } },
	{ "migrate_pages", SYS_migrate_pages, { 0, 0, 0, 0 } },
	{ "kcmp", SYS_kcmp, { 1, 1, 0, 0, 0 } },
	{ "what a stranger runs", SYS_readlink, .make = see_executable,
	  .refused = "symbolizer symbolizer-child vault", .works = "resolver watcher" },
	{ "kill", SYS_kill, .make = send_signal },
	{ "tgkill", SYS_tgkill, .make = send_signal_to_thread },
	{ "rt_sigqueueinfo", SYS_rt_sigqueueinfo, { -1, 0, 0 } },
	{ "pidfd_open", SYS_pidfd_open, .make = take_hold, .works = "resolver symbolizer vault" },
	{ "pidfd_send_signal", SYS_pidfd_send_signal, { STRANGER_FD, SIGURG, 0, 0 } },
	{ "pidfd_getfd", SYS_pidfd_getfd, { STRANGER_FD, 0, 0 } },
	{ "prlimit64 of a stranger", SYS_prlimit64, .make = limit_stranger },
	{ "setpriority", SYS_setpriority, .make = schedule },
	{ "sched_setscheduler", SYS_sched_setscheduler, { 0, SCHED_FIFO, TEXT(page) } },
	{ "sched_setaffinity", SYS_sched_setaffinity, { 1, 0, 0 } },
	{ "fcntl, F_SETOWN", SYS_fcntl, .make = own_signals },
	{ "fcntl, F_NOTIFY", SYS_fcntl, { FOLDER_FD, F_NOTIFY, DN_MODIFY } },

	/* new processes and programs */
	{ "clone", SYS_clone, .make = begin_process, .works = "resolver symbolizer" },
	{ "clone, in new namespaces", SYS_clone, .make = begin_namespace },
	{ "clone3", SYS_clone3, { 0, 0 } },
	{ "execve", SYS_execve, .make = run_program },
	{ "execveat", SYS_execveat, { AT_FDCWD, TEXT("/bin/true"), 0, 0, 0 } },
#ifdef __x86_64__
	{ "fork", SYS_fork },
	{ "call of the 32-bit table", SYS_getpid, .make = call_as_32_bit },
	{ "call of the x32 table", SYS_getpid, .make = call_as_x32 },
#endif

	/* code */
	{ "mmap, to execute", SYS_mmap,
	  { 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "mmap, to write and execute", SYS_mmap,
	  { 0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0 } },
	{ "mprotect, to execute", SYS_mprotect, { TEXT(page), 4096, PROT_READ | PROT_EXEC } },
	{ "pkey_mprotect", SYS_pkey_mprotect, { TEXT(page), 4096, PROT_READ | PROT_EXEC, -1 } },
	{ "remap_file_pages", SYS_remap_file_pages, { TEXT(page), 4096, 0, 0, 0 } },
	{ "personality", SYS_personality, { 0x0400000 /* READ_IMPLIES_EXEC */ } },
	{ "userfaultfd", SYS_userfaultfd, { 0 } },
	{ "io_uring_setup", SYS_io_uring_setup, { 1, TEXT(page) } },
	{ "io_uring_enter", SYS_io_uring_enter, { -1, 0, 0, 0, 0, 0 } },
	{ "io_uring_register", SYS_io_uring_register, { -1, 0, 0, 0 } },
	{ "io_setup", SYS_io_setup, { 1, TEXT(page) } },

	/* rights */
	{ "setuid", SYS_setuid, { 0 } },
	{ "setgid", SYS_setgid, { 0 } },
	{ "setreuid", SYS_setreuid, { 0, 0 } },
	{ "setresuid", SYS_setresuid, { 1, 1, 1 } },
	{ "setresgid", SYS_setresgid, { 1, 1, 1 } },
	{ "setfsuid", SYS_setfsuid, { 0 } },
	{ "setgroups", SYS_setgroups, { 0, 0 } },
	{ "capset", SYS_capset, .make = raise_capabilities, .refused = "symbolizer" },
	{ "prlimit64, to raise", SYS_prlimit64, { 0, RLIMIT_NOFILE, TEXT(&all), 0 },
	  .refused = "symbolizer" },
	{ "setrlimit, to raise", SYS_setrlimit, { RLIMIT_CORE, TEXT(&all) } },
	{ "prctl, new privileges", SYS_prctl, { PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0 },
	  .refused = "symbolizer" },
	{ "prctl, ambient capabilities", SYS_prctl,
	  { PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_PTRACE, 0, 0 } },
	{ "prctl, secure bits", SYS_prctl, { PR_SET_SECUREBITS, 0, 0, 0, 0 } },
	{ "prctl, core dumps", SYS_prctl, { PR_SET_DUMPABLE, 1, 0, 0, 0 },
	  .works = "symbolizer" },
	{ "prctl, another filter", SYS_prctl, { PR_SET_SECCOMP, SECCOMP_MODE_FILTER, 0, 0, 0 } },
	{ "prctl, its memory's limits", SYS_prctl, { PR_SET_MM, PR_SET_MM_BRK, TEXT(page), 0, 0 } },
	{ "seccomp, a listener", SYS_seccomp,
	  { SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, TEXT(&permit_all) } },
	{ "unshare", SYS_unshare, { CLONE_NEWUSER } },
	{ "setns", SYS_setns, { STRANGER_FD, CLONE_NEWNS } },

	/* the kernel */
	{ "bpf, PROG_LOAD", SYS_bpf, .make = load_program },
	{ "bpf, MAP_CREATE", SYS_bpf, .make = make_map },
	{ "bpf, BTF_GET_NEXT_ID", SYS_bpf, .make = list_types },
	{ "bpf, PROG_ATTACH", SYS_bpf, .make = attach_program },
	{ "bpf, OBJ_GET", SYS_bpf, .make = open_pinned },
	{ "perf_event_open", SYS_perf_event_open, .make = open_perf_event,
	  .works = "tracer-perf" },
	{ "ioctl, TIOCSTI", SYS_ioctl, { TERMINAL_FD, TIOCSTI, TEXT("x") } },
	{ "ioctl, FIONREAD", SYS_ioctl, { DATAGRAM_FD, FIONREAD, TEXT(page) } },
	{ "mount", SYS_mount, { TEXT("none"), TEXT("keys"), TEXT("tmpfs"), -1, 0 } },
	{ "umount2", SYS_umount2, { TEXT("keys"), 0 } },
	{ "pivot_root", SYS_pivot_root, { TEXT("keys"), TEXT("keys") } },
	{ "open_tree", SYS_open_tree, { AT_FDCWD, TEXT("keys"), 0 } },
	{ "move_mount", SYS_move_mount, { -1, TEXT(""), -1, TEXT(""), 0 } },
	{ "fsopen", SYS_fsopen, { TEXT("tmpfs"), 0 } },
	{ "mount_setattr", SYS_mount_setattr, { -1, TEXT(""), 0, 0, 0 } },
	{ "quotactl", SYS_quotactl, { -1, 0, 0, 0 } },
	{ "swapon", SYS_swapon, { TEXT("missing"), 0 } },
	{ "swapoff", SYS_swapoff, { TEXT("missing") } },
	{ "acct", SYS_acct, { TEXT("missing") } },
	{ "init_module", SYS_init_module, { 0, 0, TEXT("") } },
	{ "finit_module", SYS_finit_module, { -1, TEXT(""), 0 } },
	{ "delete_module", SYS_delete_module, { TEXT("missing"), 0 } },
	{ "kexec_load", SYS_kexec_load, { 0, -1, 0, -1 } },
	{ "reboot", SYS_reboot, { 0, 0, 0, 0 } },
	{ "sethostname", SYS_sethostname, { 0, -1 } },
	{ "setdomainname", SYS_setdomainname, { 0, -1 } },
	{ "settimeofday", SYS_settimeofday, { 0, 0 } },
	{ "clock_settime", SYS_clock_settime, { -1, TEXT(page) } },
	{ "adjtimex", SYS_adjtimex, { 0 } },
	{ "syslog", SYS_syslog, { 10, 0, 0 } },
	{ "keyctl", SYS_keyctl, { KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0 } },
	{ "add_key", SYS_add_key, { TEXT("user"), TEXT("x"), TEXT("x"), 1, KEY_SPEC_PROCESS_KEYRING } },
	{ "request_key", SYS_request_key, { TEXT("user"), TEXT("x"), 0, 0 } },
	{ "lookup_dcookie", SYS_lookup_dcookie, { 0, TEXT(page), 1 } },
	{ "vhangup", SYS_vhangup },
#ifdef __x86_64__
	{ "iopl", SYS_iopl, { 0 } },
	{ "ioperm", SYS_ioperm, { 0, 1, 0 } },
	{ "modify_ldt", SYS_modify_ldt, { 0, TEXT(page), 1 } },
	{ "uselib", SYS_uselib, { TEXT("missing") } },
	{ "ustat", SYS_ustat, { 0, TEXT(page) } },
#endif
};

const size_t ATTEMPT_COUNT = sizeof(ATTEMPTS) / sizeof(ATTEMPTS[0]);

const int HARMLESS[] = {
	/* descriptors that it was given */
	SYS_read, SYS_write, SYS_readv, SYS_writev, SYS_pread64, SYS_pwrite64, SYS_lseek, SYS_fstat,
	SYS_ftruncate, SYS_fallocate, SYS_fsync, SYS_fdatasync, SYS_flock, SYS_close,
	SYS_close_range, SYS_dup, SYS_getdents64, SYS_recvmsg, SYS_sendmsg, SYS_getsockopt,
	/* waiting */
	SYS_ppoll, SYS_epoll_create1, SYS_epoll_ctl, SYS_futex, SYS_clock_nanosleep, SYS_sched_yield,
	SYS_restart_syscall, SYS_wait4,
	/* its own memory */
	SYS_munmap, SYS_mremap, SYS_madvise, SYS_brk, SYS_mlock, SYS_munlock,
	/* itself */
	SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_getpid, SYS_gettid, SYS_getuid,
	SYS_geteuid, SYS_getgid, SYS_getegid, SYS_capget, SYS_getrlimit, SYS_set_robust_list,
	SYS_set_tid_address, SYS_rseq, SYS_exit, SYS_exit_group, SYS_landlock_create_ruleset,
	SYS_landlock_restrict_self,
	/* what everybody may know */
	SYS_clock_gettime, SYS_getrandom, SYS_sysinfo, SYS_uname,
	/* waiting, until each CPU has passed where it may sleep */
	SYS_membarrier,
	/* names, of which those that open, change or tell have rows */
	SYS_readlinkat, SYS_faccessat2,
#ifdef __x86_64__
	SYS_poll, SYS_epoll_wait, SYS_dup2, SYS_arch_prctl, SYS_vfork,
#endif
};

const size_t HARMLESS_COUNT = sizeof(HARMLESS) / sizeof(HARMLESS[0]);
