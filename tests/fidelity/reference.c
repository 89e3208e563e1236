// SPDX-License-Identifier: GPL-2.0-or-later
#include "tests/fidelity/reference.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>
#include <string.h>

struct reference {
	pid_t pid;
	Dwfl *dwfl;
	bool is_attached;
	const struct stop *stop; /* that is being walked */
	struct reference_stack *stack;
};

/* Debug information in files of its own is of no use for walking, and takes seconds to find. */
static int find_no_debuginfo(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
			     const char *file, const char *link, GElf_Word crc, char **found)
{
	(void)module, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc,
		(void)found;
	return -1;
}

static const Dwfl_Callbacks CALLBACKS = {
	.find_elf = dwfl_linux_proc_find_elf,
	.find_debuginfo = find_no_debuginfo,
};

static pid_t next_thread(Dwfl *dwfl, void *dwfl_arg, void **thread_arg)
{
	struct reference *reference = dwfl_arg;

	(void)dwfl;
	if (*thread_arg)
		return 0;
	*thread_arg = reference;
	return (pid_t)reference->stop->tid;
}

static bool get_thread(Dwfl *dwfl, pid_t tid, void *dwfl_arg, void **thread_arg)
{
	(void)dwfl, (void)tid;
	*thread_arg = dwfl_arg;
	return true;
}

static bool read_memory(Dwfl *dwfl, Dwarf_Addr address, Dwarf_Word *result, void *dwfl_arg)
{
	struct reference *reference = dwfl_arg;
	const struct stop *stop = reference->stop;
	uint64_t at = address - stop->copy_start;

	(void)dwfl;
	if (address < stop->copy_start || at + sizeof(*result) > stop->copy_size) {
		reference->stack->has_left_copy = true;
		return false;
	}
	memcpy(result, stop->copy + at, sizeof(*result));
	for (size_t i = 0; i < STOP_RETURNS; i++)
		if (stop->returns[i].at == address)
			*result = stop->returns[i].was;
	return true;
}

static bool set_registers(Dwfl_Thread *thread, void *thread_arg)
{
	const struct reference *reference = thread_arg;

	return dwfl_thread_state_registers(thread, 0, STOP_REGISTERS,
					   (const Dwarf_Word *)reference->stop->registers);
}

static const Dwfl_Thread_Callbacks THREAD_CALLBACKS = {
	.next_thread = next_thread,
	.get_thread = get_thread,
	.memory_read = read_memory,
	.set_initial_registers = set_registers,
};

struct reference *reference_open(pid_t pid)
{
	struct reference *reference = calloc(1, sizeof(*reference));

	if (!reference)
		return NULL;
	reference->pid = pid;
	reference->dwfl = dwfl_begin(&CALLBACKS);
	if (!reference->dwfl || !reference_update(reference)) {
		reference_close(reference);
		return NULL;
	}
	return reference;
}

bool reference_update(struct reference *reference)
{
	dwfl_report_begin(reference->dwfl);
	if (dwfl_linux_proc_report(reference->dwfl, reference->pid) ||
	    dwfl_report_end(reference->dwfl, NULL, NULL))
		return false;
	if (!reference->is_attached)
		reference->is_attached = dwfl_attach_state(reference->dwfl, NULL, reference->pid,
							   &THREAD_CALLBACKS, reference);
	return reference->is_attached;
}

static int add_frame(Dwfl_Frame *frame, void *arg)
{
	struct reference_stack *stack = arg;
	Dwarf_Addr pc;
	bool is_exact;

	if (stack->count == REFERENCE_FRAMES_MAX || !dwfl_frame_pc(frame, &pc, &is_exact))
		return DWARF_CB_ABORT;
	stack->is_exact[stack->count] = is_exact;
	stack->addresses[stack->count++] = pc - !is_exact;
	return DWARF_CB_OK;
}

void reference_walk(struct reference *reference, const struct stop *stop,
		    struct reference_stack *stack)
{
	reference->stop = stop;
	reference->stack = stack;
	stack->count = 0;
	stack->has_left_copy = false;
	(void)dwfl_errno();
	stack->is_whole = dwfl_getthread_frames(reference->dwfl, (pid_t)stop->tid, add_frame,
						stack) == 0;
	stack->error = stack->is_whole ? "" : dwfl_errmsg(-1);
}

void reference_close(struct reference *reference)
{
	if (!reference)
		return;
	dwfl_end(reference->dwfl);
	free(reference);
}
