/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The kernel types that the BPF side reads, and only the fields that it reads.
 *
 * Every struct is relocated at load time by field name (CO-RE), so neither the order nor the offsets here
 * matter, and a field that a kernel lacks is asked for with bpf_core_field_exists(). `scripts/vmlinux`
 * checks this file against a kernel's BTF: every field must be there, with a type of the same size.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

typedef unsigned char __u8;
typedef short __s16;
typedef unsigned short __u16;
typedef int __s32;
typedef unsigned int __u32;
typedef long long __s64;
typedef unsigned long long __u64;
typedef __u8 u8;
typedef __s16 s16;
typedef __u16 u16;
typedef __s32 s32;
typedef __u32 u32;
typedef __s64 s64;
typedef __u64 u64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef _Bool bool;
enum { false = 0, true = 1 };

/* UAPI values that are not in BTF as types of their own. */
enum bpf_map_type {
	BPF_MAP_TYPE_HASH = 1,
	BPF_MAP_TYPE_ARRAY = 2,
	BPF_MAP_TYPE_LRU_HASH = 9,
	BPF_MAP_TYPE_RINGBUF = 27,
	BPF_MAP_TYPE_TASK_STORAGE = 29,
};
enum {
	BPF_ANY = 0,
	BPF_NOEXIST = 1,
	BPF_F_NO_PREALLOC = 1,
	BPF_F_MMAPABLE = 1024,
	BPF_F_USER_STACK = 256,
	BPF_LOCAL_STORAGE_GET_F_CREATE = 1,
	BPF_RB_NO_WAKEUP = 1,
	BPF_RB_FORCE_WAKEUP = 2,
	BPF_RB_AVAIL_DATA = 0,
};

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

#if defined(__TARGET_ARCH_x86)
struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di;
	unsigned long orig_ax, ip, cs, flags, sp, ss;
};
#elif defined(__TARGET_ARCH_arm64)
struct user_pt_regs {
	__u64 regs[31];
	__u64 sp;
	__u64 pc;
	__u64 pstate;
};
struct pt_regs {
	union {
		struct user_pt_regs user_regs;
	};
};
#else
#error "no register layout for this architecture"
#endif

struct super_block {
	u32 s_dev;
	unsigned long s_flags;
};

struct inode {
	unsigned long i_ino;
	long long i_size;
	u32 i_generation;
	struct super_block *i_sb;
};

struct dentry {
	struct inode *d_inode;
};

struct vfsmount {
	int mnt_flags;
};

struct mount {
	struct vfsmount mnt;
	struct mnt_namespace *mnt_ns;
};

struct path {
	struct vfsmount *mnt;
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	struct inode *f_inode;
};

/* It begins with the file that is mapped. */
struct backing_file {
	struct path user_path;
};

typedef struct {
	void *vdso;
} mm_context_t;

struct mm_struct {
	unsigned long exec_vm;
	unsigned long brk;
	mm_context_t context;
};

struct vm_area_struct {
	unsigned long vm_start;
	unsigned long vm_end;
	unsigned long vm_pgoff;
	unsigned long vm_flags;
	struct file *vm_file;
	struct mm_struct *vm_mm;
};

struct return_instance {
	unsigned long orig_ret_vaddr;
	unsigned long stack;
	struct return_instance *next;
};

struct uprobe_task {
	struct return_instance *return_instances;
};

typedef struct {
	u32 val;
} kuid_t;

typedef struct {
	u32 val;
} kgid_t;

typedef struct {
	u64 val; /* 6.1: two words of 32 bits by another name */
} kernel_cap_t;

struct cred {
	kuid_t uid;
	kgid_t gid;
	kuid_t suid;
	kgid_t sgid;
	kuid_t euid;
	kgid_t egid;
	kernel_cap_t cap_permitted;
};

struct ns_common {
	u32 inum;
};

struct pid_namespace {
	struct ns_common ns;
};

struct upid {
	s32 nr;
	struct pid_namespace *ns;
};

struct pid {
	u32 level;
	struct upid numbers[1]; /* one for each level */
};

struct task_struct {
	const struct cred *cred;
	struct mm_struct *mm;
	u32 pid;
	u32 tgid;
	struct pid *thread_pid;
	struct task_struct *real_parent;
	struct task_struct *parent; /* who traces it, where somebody does */
	struct task_struct *group_leader;
	u64 start_boottime;
	u64 self_exec_id;
	u32 parent_exec_id;
	u32 ptrace;
	struct uprobe_task *utask;
};

#pragma clang attribute pop

#endif
