/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole stacks without frame pointers.
 *
 * The stack is copied a page at a time into the slot's window and walked from there by rules that
 * user space compiled from .eh_frame (bpf/unwind_rule.h). A rule is found by (address space, pc) in
 * a cache of this CPU, else by the mapping that holds pc, its file, and a binary search in the
 * file's table.
 *
 * All state of a walk lives in the slot, in map memory: Linux 6.1 verifies a bpf_loop() callback as
 * if it were called once, and takes what it sees on the BPF stack for constant. find_rule(),
 * window_fill() and original_return() are global functions, which cuts the verifier's work at their
 * boundary.
 */
#ifndef HEAPTRAIL_BPF_UNWIND_BPF_H
#define HEAPTRAIL_BPF_UNWIND_BPF_H

#include "bpf/maps.bpf.h"
#include "bpf/pids.bpf.h"
#include "bpf/tables.bpf.h"

#define VM_EXEC		   4
#define SB_KERNMOUNT	   (1 << 22) /* linux/fs.h: a file system that nobody mounted */
#define PAGE_BYTES	   4096
#define WINDOW_SHORT_BYTES 512	 /* a shorter rest of a page is read with the page after it */
#define CACHED_FRAMES	   8	 /* of one step, at most */
#define FRAME_POINTER_MAX  65536 /* a frame-pointer step goes no further up */
#define EBUSY		   16

static __always_inline struct slot *slot_at(u32 index)
{
	return bpf_map_lookup_elem(&slots, &index);
}

/*
 * Which address space this is, for the cache: another process, another program after exec, and
 * another generation of mappings differ. A module that is unmapped and replaced changes exec_vm in
 * between, as dlopen() allocates before it maps.
 */
static __always_inline u64 address_space(struct task_struct *task)
{
	u32 pid = pid_of(task);
	struct generation *generation = &generations[pid & (GENERATION_SLOTS - 1)];
	struct mm_struct *mm = task->mm;
	u64 exec_vm = mm ? mm->exec_vm : 0;
	u64 hash;

	if (generation->pid != pid || generation->exec_vm != exec_vm) {
		generation->pid = pid;
		generation->exec_vm = exec_vm;
		generation->number++;
	}
	hash = hash_step(pid, task->group_leader->start_boottime);
	hash = hash_step(hash, task->self_exec_id << 32 | generation->number);
	return hash_step(hash, exec_vm);
}

#define MNT_NS_INTERNAL \
	(-22L) /* of no namespace: the kernel's own mounts, and what overlayfs lies over */

/*
 * The inode whose numbers /proc/PID/maps has. Where a file system lies over others (overlayfs,
 * which most containers have their programs from) that is, since Linux 6.8, not the one that is
 * mapped.
 */
static __always_inline struct inode *inode_told(struct file *file)
{
	struct backing_file *backing = (void *)file;
	const void *mount = (const void *)file->f_path.mnt -
			    bpf_core_field_offset(struct mount, mnt);

	if (bpf_core_field_exists(backing->user_path) &&
	    !(file->f_inode->i_sb->s_flags & SB_KERNMOUNT) &&
	    (long)BPF_CORE_READ((const struct mount *)mount, mnt_ns) == MNT_NS_INTERNAL)
		return BPF_CORE_READ(backing, user_path.dentry, d_inode);
	return file->f_inode;
}

static long vma_found(struct task_struct *task, struct vm_area_struct *vma, void *data)
{
	struct slot *slot = slot_at(*(u32 *)data);
	struct file *file;
	struct inode *inode;

	if (!slot)
		return 0;
	slot->vma_start = vma->vm_start;
	slot->vma_end = vma->vm_end;
	slot->vma_offset = vma->vm_pgoff * PAGE_BYTES;
	slot->vma_is_code = (vma->vm_flags & VM_EXEC) != 0;
	slot->vma_key.inode = 0;
	slot->vma_key.device = 0;
	slot->vma_is_memory = 0;
	file = vma->vm_file;
	if (!file) {
		if (vma->vm_start == (u64)vma->vm_mm->context.vdso) {
			slot->vma_key.inode = VDSO_INODE;
			slot->vma_key.device = VDSO_DEVICE;
			slot->vma_offset = 0;
		}
		return 0;
	}
	inode = inode_told(file);
	slot->vma_key.inode = BPF_CORE_READ(inode, i_ino);
	slot->vma_key.device = BPF_CORE_READ(inode, i_sb, s_dev);
	slot->vma_is_memory = (file->f_inode->i_sb->s_flags & SB_KERNMOUNT) != 0;
	return 0;
}

/* Asks user space for the table of the mapping in the slot, once in a while. module: for the whole
 * table of this one; 0: for any. */
static __always_inline void table_request(struct slot *slot, u32 module)
{
	struct file_key key = slot->vma_key;
	struct event_module *event;
	u8 one = 1;

	key.reserved = module != 0;
	if (bpf_map_update_elem(&requested, &key, &one, BPF_NOEXIST))
		return;
	event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);
	if (!event) {
		bpf_map_delete_elem(&requested, &key);
		return;
	}
	event->kind = EVENT_MODULE;
	event->reserved[0] = event->reserved[1] = event->reserved[2] = 0;
	event->pid = pid_of(owner_of((void *)bpf_get_current_task_btf()));
	event->module = module;
	event->reserved2 = 0;
	bpf_ringbuf_submit(event, BPF_RB_FORCE_WAKEUP);
}

/*
 * The last row at or before the offset. rows of a page are those up to index[page + 1]; the row
 * before the page's first is where the search starts, since a function may begin on an earlier
 * page.
 */
__noinline u64 find_rule(u32 module, u64 offset)
{
	struct unwind_module *m = &unwind_modules[module & (UNWIND_MODULES_MAX * 2 - 1)];
	u64 page = (offset >> 12) - m->page0;
	u32 chunk_index = m->chunk, base, low, count, half;
	struct table_chunk *chunk;
	int i;

	if (page >= m->page_count)
		return 0;
	chunk = bpf_map_lookup_elem(&tables, &chunk_index);
	if (!chunk)
		return 0;
	low = chunk->words[(m->index + page) & TABLE_WORD_MASK];
	count = chunk->words[(m->index + page + 1) & TABLE_WORD_MASK] - low + 1;
	base = m->rows + low - 1;
	for (i = 0; i < 13 && count > 1; i++) {
		half = count >> 1;
		if ((chunk->words[(base + half) & TABLE_WORD_MASK] >> 20) <= (offset & 0xfff))
			base += half;
		count -= half;
	}
	return unwind_rules[chunk->words[base & TABLE_WORD_MASK] & (UNWIND_RULES_MAX - 1)];
}

/* Copies stack from address (a multiple of 8) to the end of its page, so that a live stack never
 * faults. */
__noinline int window_fill(u32 index, u64 address)
{
	struct slot *slot = slot_at(index);
	u64 size = PAGE_BYTES - (address & (PAGE_BYTES - 1));

	if (!slot)
		return -1;
	slot->window_start = address;
	slot->window_size = 0;
	if (size < WINDOW_SHORT_BYTES) {
		if (bpf_probe_read_user(slot->window, (size + PAGE_BYTES) & (WINDOW_BYTES - 1),
					(void *)address) == 0) {
			slot->window_size = size + PAGE_BYTES;
			return 0;
		}
	}
	if (bpf_probe_read_user(slot->window, size & (WINDOW_BYTES - 1), (void *)address))
		return -1;
	slot->window_size = size;
	return 0;
}

/*
 * What a return probe has replaced on the stack at this address by its trampoline; 0: nothing. The
 * kernel keeps the original in a list of the task.
 */
__noinline u64 original_return(u64 address)
{
	struct task_struct *task = (void *)bpf_get_current_task_btf();
	struct return_instance *instance;
	struct uprobe_task *utask = task->utask;
	int i;

	if (!utask)
		return 0;
	instance = utask->return_instances;
	for (i = 0; i < 16 && instance; i++) {
		if (instance->stack == address)
			return instance->orig_ret_vaddr;
		instance = instance->next;
	}
	return 0;
}

/* The word at a stack address (a multiple of 8): from the window, which is moved where it must be.
 */
static __always_inline int stack_word(struct slot *slot, u32 index, u64 address, u64 *word)
{
	u64 at = address - slot->window_start;

	if (at + 8 > slot->window_size || address < slot->window_start) {
		if (window_fill(index, address & ~7ULL))
			return -1;
		at = 0;
	}
	*word = slot->window[(at >> 3) & (WINDOW_WORDS - 1)];
	return 0;
}

/*
 * Which table of a module to look into. Where a signal interrupted it the address is not one in a
 * call, and only the whole table is right. Its page count is written last, and read first.
 */
static __always_inline u32 table_choose(struct slot *slot, u32 module)
{
	u32 whole = (module & (UNWIND_MODULES_MAX - 1)) | UNWIND_WHOLE;

	if (!slot->is_exact)
		return module;
	if (*(volatile u32 *)&unwind_modules[whole].page_count)
		return whole;
	slot->is_doubtful = 1;
	table_request(slot, module);
	return module;
}

/* Module and rule of the code at an address. 0, or the stack_status that says why there is none. */
static __always_inline u32 code_find(struct slot *slot, u32 index, u64 address, u64 *frame,
				     u64 *rule)
{
	u32 *module, table, argument = index;
	u64 offset;
	long err;

	*frame = address | FRAME_ABSOLUTE;
	*rule = 0;
	if (address < slot->vma_start || address >= slot->vma_end) {
		slot->vma_start = slot->vma_end = 0;
		err = bpf_find_vma((void *)bpf_get_current_task_btf(), address, vma_found,
				   &argument, 0);
		if (err == -EBUSY)
			return STACK_BUSY;
		if (err || address < slot->vma_start)
			return STACK_NOT_CODE;
	}
	if (!slot->vma_is_code)
		return STACK_NOT_CODE;
	if (!slot->vma_key.inode) {
		*frame |= FRAME_ANONYMOUS;
		return STACK_ANONYMOUS;
	}
	offset = address - slot->vma_start + slot->vma_offset;
	module = bpf_map_lookup_elem(&unwind_module_ids, &slot->vma_key);
	if (!module) {
		slot->unknown_offset = offset;
		table_request(slot, 0);
		if (!slot->vma_is_memory)
			return STACK_NO_TABLE;
		/* just-in-time compilers may write where they do not execute: code that is mapped
		 * twice, or an ELF file that is met for the first time */
		*frame |= FRAME_ANONYMOUS;
		return STACK_ANONYMOUS;
	}
	*frame = (u64)*module << FRAME_MODULE_SHIFT | (offset & FRAME_OFFSET_MASK);
	table = table_choose(slot, *module);
	*rule = find_rule(table, offset);
	/* return addresses that were made up (makecontext) point at a function's first byte */
	if (RULE_KIND(*rule) == UNWIND_INVALID && !slot->is_exact)
		*rule = find_rule(table, offset + 1);
	return RULE_KIND(*rule) == UNWIND_INVALID ? STACK_NO_ROW : 0;
}

static __always_inline long walk_end(struct slot *slot, u32 status)
{
	slot->status = status;
	return 1;
}

/* The registers that a signal handler's frame interrupted: ucontext at sp (asm/sigcontext.h). */
static __always_inline long step_signal(struct slot *slot)
{
	u64 context = slot->sp + 40;

	if (bpf_probe_read_user(&slot->bp, 8, (void *)(context + 8 * 10)) ||
	    bpf_probe_read_user(&slot->sp, 8, (void *)(context + 8 * 15)) ||
	    bpf_probe_read_user(&slot->pc, 8, (void *)(context + 8 * 16)))
		return walk_end(slot, STACK_UNREADABLE);
	slot->window_size = 0;
	slot->context = context;
	slot->is_exact = 1;
	return slot->pc ? 0 : walk_end(slot, STACK_COMPLETE);
}

/* The CFA by a rule; 0: the rule is not followed. */
static __always_inline u64 rule_cfa(struct slot *slot, u64 rule, u64 address)
{
	s32 offset = (s32)rule;
	u64 base = slot->sp, value = 0;

	switch (RULE_KIND(rule)) {
	case UNWIND_RSP: return slot->sp + offset;
	case UNWIND_RBP: return slot->bp + offset;
	case UNWIND_PLT: return slot->sp + 8 + ((address & 15) >= (u64)offset ? 8 : 0);
	case UNWIND_DEREF_RBP: base = slot->bp; break;
	case UNWIND_DEREF_RSP: break;
	case UNWIND_REGISTER: /* callers' values are not known, but for rbp */
		base = slot->context + 8 * (offset & ((1 << UNWIND_REGISTER_BITS) - 1));
		if (!slot->is_exact || bpf_probe_read_user(&value, 8, (void *)base))
			return 0;
		return value + (offset >> UNWIND_REGISTER_BITS);
	default: return 0;
	}
	if (bpf_probe_read_user(&value, 8, (void *)(base + (s16)offset)))
		return 0;
	return value + (s16)(offset >> 16);
}

/* Where no rule is to be had: a frame that follows the old convention looks like one. 0: it does
 * not. */
static __always_inline u64 frame_pointer_cfa(struct slot *slot)
{
	if (slot->bp < slot->sp || slot->bp - slot->sp >= FRAME_POINTER_MAX || (slot->bp & 7))
		return 0;
	return slot->bp + 16;
}

static __always_inline int restore_bp(struct slot *slot, u32 index, u64 rule, u64 cfa)
{
	s64 offset = (s16)(rule >> 32);

	switch (RULE_BKIND(rule)) {
	case RBP_AT_CFA: return stack_word(slot, index, cfa + offset, &slot->bp);
	case RBP_AT_RBP:
		/* GCC does not say that a frame's end has restored rbp: then it points elsewhere */
		if (slot->is_exact && (slot->bp < slot->sp || slot->bp >= cfa))
			return 0;
		return bpf_probe_read_user(&slot->bp, 8, (void *)(slot->bp + offset));
	case RBP_UNDEFINED: slot->bp = 0;
	}
	return 0;
}

/* code_find() behind the cache. Where a table of calls stands in for a whole one, that is not
 * remembered. */
static __always_inline u32 code_look_up(struct slot *slot, u32 index, u64 address, u64 *frame,
					u64 *rule)
{
	u64 key = address ^ slot->space ^ (u64)slot->is_exact << 63;
	struct code_cache *cache = code_cache_of(slot);
	volatile struct code_entry *entry = cache ? code_entry_of(cache, key) : 0;
	u32 status;

	if (entry) {
		*frame = entry->frame;
		*rule = entry->rule;
		if (entry->check == code_check(key, *frame, *rule))
			return RULE_KIND(*rule) == UNWIND_INVALID ? STACK_NO_ROW : 0;
	}
	status = code_find(slot, index, address, frame, rule);
	if (entry && (status == 0 || status == STACK_NO_ROW) &&
	    !(slot->is_exact && slot->is_doubtful)) {
		entry->check = code_check(key, *frame, *rule);
		entry->frame = *frame;
		entry->rule = *rule;
	}
	return status;
}

/* True where pc was a return probe's trampoline, and is now what it had replaced. */
static __always_inline bool undo_hijack(struct slot *slot)
{
	u64 original;

	if (slot->pc & (PAGE_BYTES - 1))
		return false;
	original = original_return(slot->sp - 8);
	if (!original || original == slot->pc)
		return false;
	slot->pc = original;
	return true;
}

static __always_inline void frame_add(struct slot *slot, u64 frame, u32 status)
{
	u32 count = slot->frame_count;

	slot->frames[count & (STACK_DEPTH_MAX - 1)] = frame;
	slot->frame_count = count + 1;
	/* an address means nothing in another process, or when another file is there */
	if (status == STACK_NO_TABLE)
		slot->hash = hash_step(hash_step(slot->hash, slot->vma_key.inode),
				       slot->unknown_offset);
	else
		slot->hash = hash_step(slot->hash, frame);
	if ((frame & FRAME_ABSOLUTE) && status != STACK_NO_TABLE)
		slot->hash ^= slot->space;
}

/* Up to the caller, whose frame begins at cfa. */
static __always_inline long step_up(struct slot *slot, u32 index, u64 cfa, u64 rule)
{
	if (cfa <= slot->sp || (cfa & 7))
		return walk_end(slot, STACK_BAD_FRAME);
	/* the saved rbp lies below the return address: read it first, upwards is how the window
	 * moves */
	if (restore_bp(slot, index, rule, cfa) || stack_word(slot, index, cfa - 8, &slot->pc))
		return walk_end(slot, STACK_UNREADABLE);
	slot->sp = cfa;
	slot->is_exact = 0;
	return slot->pc ? 0 : walk_end(slot, STACK_COMPLETE);
}

/*
 * Most frames, several at a time: their rule is in the cache, counts from the stack pointer, and
 * all that it needs of the stack is in the window. What a step works with stays in registers. It
 * stops before the first frame that is not so, and leaves that to walk_step().
 */
static __always_inline void walk_cached(struct slot *slot)
{
	struct code_cache *cache = code_cache_of(slot);
	u64 pc = slot->pc, sp = slot->sp, bp = slot->bp, hash = slot->hash;
	u64 start = slot->window_start, size = slot->window_size, space = slot->space;
	u32 count = slot->frame_count;
	int i;

	if (!cache || slot->is_exact || size < 8)
		return;
	size -= 8; /* the last place of a word */
#pragma unroll
	for (i = 0; i < CACHED_FRAMES; i++) {
		u64 key = (pc - 1) ^ space;
		volatile struct code_entry *entry = code_entry_of(cache, key);
		u64 rule = entry->rule, cfa = sp + (s32)rule, frame = entry->frame;
		u64 at = cfa - 8 - start, bp_at;

		if (entry->check != code_check(key, frame, rule) || RULE_KIND(rule) != UNWIND_RSP ||
		    cfa <= sp || (cfa & 7) || at > size || count >= STACK_DEPTH_MAX)
			break;
		if (RULE_BKIND(rule) != RBP_SAME) {
			bp_at = at + 8 + (s16)(rule >> 32);
			if (RULE_BKIND(rule) != RBP_AT_CFA || bp_at > size)
				break;
			bp = slot->window[(bp_at >> 3) & (WINDOW_WORDS - 1)];
		}
		pc = slot->window[(at >> 3) & (WINDOW_WORDS - 1)];
		slot->frames[count & (STACK_DEPTH_MAX - 1)] = frame;
		count++;
		hash = hash_step(hash, frame);
		sp = cfa;
		if (!pc)
			break;
	}
	slot->pc = pc;
	slot->sp = sp;
	slot->bp = bp;
	slot->hash = hash;
	slot->frame_count = count;
}

/* From one frame to its caller. data: the slot's number. */
static long walk_step(u64 step, void *data)
{
	u32 index = *(u32 *)data, status;
	struct slot *slot = slot_at(index);
	u64 address, frame, rule, cfa;

	if (!slot)
		return 1;
	walk_cached(slot);
	if (!slot->pc)
		return walk_end(slot, STACK_COMPLETE);
	if (slot->frame_count >= STACK_DEPTH_MAX)
		return walk_end(slot, STACK_DEPTH);
	address = slot->pc - !slot->is_exact;
	status = code_look_up(slot, index, address, &frame, &rule);
	if (status == STACK_NOT_CODE && undo_hijack(slot))
		return 0;
	if (status == STACK_NOT_CODE && slot->frame_count) /* whatever it is, it is no frame */
		return walk_end(slot, status);
	/* nothing has called a signal's frame: it returns to its function's first byte */
	if (RULE_KIND(rule) == UNWIND_SIGNAL && !slot->is_exact)
		frame++;
	frame_add(slot, frame, status);
	if (status == STACK_NO_ROW || status == STACK_ANONYMOUS) {
		cfa = frame_pointer_cfa(slot);
		slot->is_guessed = 1;
		return cfa ? step_up(slot, index, cfa, FRAME_POINTER_RULE) : walk_end(slot, status);
	}
	if (status)
		return walk_end(slot, status);
	if (RULE_KIND(rule) == UNWIND_END)
		return walk_end(slot, STACK_COMPLETE);
	if (RULE_KIND(rule) == UNWIND_SIGNAL)
		return step_signal(slot);
	cfa = rule_cfa(slot, rule, address);
	return cfa ? step_up(slot, index, cfa, rule) : walk_end(slot, STACK_RULE);
}

/*
 * Walks the stack of the probed thread into the slot, from the return address of the probed call;
 * sp: after that return. is_exact: from where it stands, and sp is as it is there. Leaves frames, hash
 * and status there.
 */
static __always_inline void stack_walk(struct slot *slot, u32 index, struct task_struct *task,
				       u64 pc, u64 sp, u64 bp, bool is_exact)
{
	slot->pc = pc;
	slot->sp = sp;
	slot->bp = bp;
	slot->frame_count = 0;
	slot->is_doubtful = slot->is_guessed = 0;
	slot->hash = 0;
	slot->is_exact = is_exact;
	slot->context = 0;
	slot->window_size = 0;
	slot->vma_start = slot->vma_end = 0;
	slot->space = address_space(task);
	slot->status = STACK_DEPTH;
	if (sp & 7) {
		slot->status = STACK_UNREADABLE;
		return;
	}
	/* a step may also only put a return address right: twice as many, to be sure */
	bpf_loop(STACK_DEPTH_MAX * 2, walk_step, &index, 0);
	if (slot->is_doubtful) {
		slot->status = STACK_SIGNAL;
		/* these frames may come again, without the doubt */
		slot->hash = hash_step(slot->hash, STACK_SIGNAL);
	} else if (slot->status == STACK_COMPLETE && slot->is_guessed) {
		slot->status = STACK_FRAME_POINTERS;
	}
}

#endif
