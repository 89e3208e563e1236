// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/cfi.h"

#include "base/bytes.h"

#include <dwarf.h>
#include <errno.h>
#include <string.h>

#define DW_REG_RBP	     6
#define DW_REG_RSP	     7
#define DW_REG_RA	     16
#define REGISTERS	     16 /* general ones */
#define STATES_MAX	     16 /* depth of remember_state; compilers use one */
#define RA_SLOT		     (-8)
#define DW_CFA_GNU_NEGATE_RA 0x2d
#define LEB_BITS_MAX	     84	  /* 12 bytes: some assemblers pad */
#define CIE_BYTES_MAX	     1024 /* it is read again for each function; they have some 30 */

static uint64_t get_uleb(struct bytes_reader *in)
{
	uint64_t value = 0;

	if (!in->failed && in->at < in->end && *in->at < 0x80) /* nearly all */
		return *in->at++;
	for (unsigned int shift = 0; shift < LEB_BITS_MAX; shift += 7) {
		uint8_t byte = bytes_get_u8(in);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
	in->failed = true;
	return 0;
}

static int64_t get_sleb(struct bytes_reader *in)
{
	uint64_t value = 0;

	for (unsigned int shift = 0; shift < LEB_BITS_MAX; shift += 7) {
		uint8_t byte = bytes_get_u8(in);
		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			if (shift + 7 < 64 && (byte & 0x40))
				value |= ~0ULL << (shift + 7);
			return (int64_t)value;
		}
	}
	in->failed = true;
	return 0;
}

/* A pointer as its encoding says. Only what compilers put into code pointers is known. */
static uint64_t get_encoded(const struct cfi_section *section, struct bytes_reader *in,
			    uint8_t encoding)
{
	uint64_t place = section->address + (uint64_t)(in->at - section->data), value;

	switch (encoding & 0x0f) {
	case DW_EH_PE_absptr:
	case DW_EH_PE_udata8:
	case DW_EH_PE_sdata8: value = bytes_get_u64(in); break;
	case DW_EH_PE_udata4: value = bytes_get_u32(in); break;
	case DW_EH_PE_sdata4: value = (uint64_t)(int64_t)(int32_t)bytes_get_u32(in); break;
	case DW_EH_PE_udata2: value = bytes_get_u16(in); break;
	case DW_EH_PE_sdata2: value = (uint64_t)(int64_t)(int16_t)bytes_get_u16(in); break;
	case DW_EH_PE_uleb128: value = get_uleb(in); break;
	case DW_EH_PE_sleb128: value = (uint64_t)get_sleb(in); break;
	default: in->failed = true; return 0;
	}
	switch (encoding & 0x70) {
	case DW_EH_PE_absptr: return value;
	case DW_EH_PE_pcrel: return value + place;
	}
	in->failed = true;
	return 0;
}

/* The letters of an augmentation string, with the data that each brings. */
static void read_augmentation(const struct cfi_section *section, struct bytes_reader *in,
			      const char *letters, struct cfi_cie *cie)
{
	if (*letters != 'z') { /* in .debug_frame: no data, so no letter that has some */
		cie->is_signal = strcmp(letters, "S") == 0;
		in->failed |= *letters && !cie->is_signal;
		return;
	}
	cie->has_augmentation_data = true;
	uint64_t size = get_uleb(in);
	const uint8_t *start = in->at;
	if (!bytes_get(in, size > bytes_left(in) ? SIZE_MAX : (size_t)size))
		return;
	struct bytes_reader data = { .at = start, .end = in->at };
	for (letters++; *letters && !in->failed; letters++) {
		switch (*letters) {
		case 'R': cie->pointer_encoding = bytes_get_u8(&data); break;
		case 'L': bytes_get_u8(&data); break;
		case 'P': {
			uint8_t encoding = bytes_get_u8(&data);
			if (encoding != DW_EH_PE_omit)
				(void)get_encoded(section, &data, encoding & ~DW_EH_PE_indirect);
			break;
		}
		case 'S': cie->is_signal = true; break;
		case 'B': break; /* arm64: pointer authentication key */
		default: return; /* what follows is skipped by its size */
		}
	}
	in->failed |= data.failed;
}

/* 0xffffffff introduces 64-bit DWARF, which no compiler makes for these sections. */
static bool get_length(struct bytes_reader *in)
{
	uint32_t length = bytes_get_u32(in);

	if (in->failed || length > bytes_left(in))
		return false;
	in->end = in->at + length;
	return true;
}

static bool is_cie(const struct cfi_section *section, uint32_t id)
{
	return id == (section->is_debug_frame ? UINT32_MAX : 0);
}

enum where {
	WHERE_SAME = 0,
	WHERE_CFA, /* at CFA + offset */
	WHERE_RBP, /* at rbp + offset */
	WHERE_REGISTER,
	WHERE_EXPRESSION,
	WHERE_UNDEFINED,
};

struct machine {
	struct cfi_state now, stack[STATES_MAX];
	unsigned int depth;
	uint64_t address;
	const struct cfi_cie *cie;
};

static bool is_expression(uint8_t kind)
{
	return kind == UNWIND_PLT || kind == UNWIND_DEREF_RSP || kind == UNWIND_DEREF_RBP ||
	       kind == UNWIND_EXPRESSION;
}

/* With the register's place in a signal's context (asm/sigcontext.h). What is out of range stays
 * so. */
static int64_t cfa_by_register(const struct cfi_state *s)
{
	static const uint8_t PLACES[REGISTERS] = { 13, 12, 14, 11, 9, 8, 10, 15,
						   0,  1,  2,  3,  4, 5, 6,  7 };

	if (s->cfa_offset > INT32_MAX || s->cfa_offset < INT32_MIN)
		return s->cfa_offset;
	return s->cfa_offset * (1 << UNWIND_REGISTER_BITS) + PLACES[s->cfa_register];
}

static struct unwind_rule rule_of(const struct machine *machine)
{
	const struct cfi_state *s = &machine->now;
	int64_t cfa = is_expression(s->cfa_kind)       ? s->cfa_packed
		      : s->cfa_kind == UNWIND_REGISTER ? cfa_by_register(s)
						       : s->cfa_offset;
	struct unwind_rule rule = { .kind = s->cfa_kind, .cfa = (s32)cfa };

	if (machine->cie->is_signal)
		return (struct unwind_rule) { .kind = UNWIND_SIGNAL };
	if (s->ra.where == WHERE_UNDEFINED)
		return (struct unwind_rule) { .kind = UNWIND_END };
	if (s->ra.where == WHERE_REGISTER)
		return (struct unwind_rule) { .kind = UNWIND_RA_REGISTER };
	if (s->ra.where != WHERE_CFA || s->ra.offset != RA_SLOT || cfa != rule.cfa)
		return (struct unwind_rule) { .kind = UNWIND_OTHER };
	switch (s->rbp.where) {
	case WHERE_SAME: break;
	case WHERE_CFA: rule.bkind = RBP_AT_CFA; break;
	case WHERE_RBP: rule.bkind = RBP_AT_RBP; break;
	default: rule.bkind = RBP_UNDEFINED;
	}
	if (rule.bkind == RBP_AT_CFA || rule.bkind == RBP_AT_RBP) {
		rule.rbp = (s16)s->rbp.offset;
		if (rule.rbp != s->rbp.offset) {
			rule.bkind = RBP_UNDEFINED;
			rule.rbp = 0;
		}
	}
	return rule;
}

static struct cfi_location *location_of(struct cfi_state *state, uint64_t number)
{
	return number == DW_REG_RBP ? &state->rbp : number == DW_REG_RA ? &state->ra : NULL;
}

/* An offset in units of the data alignment. What overflows is nobody's offset. */
static int64_t aligned(const struct machine *machine, uint64_t units)
{
	return (int64_t)(units * (uint64_t)machine->cie->data_align);
}

static void set(struct cfi_state *state, uint64_t number, uint8_t where, int64_t offset)
{
	struct cfi_location *location = location_of(state, number);

	if (location)
		*location = (struct cfi_location) { where, offset };
}

static void set_cfa(struct cfi_state *state, uint64_t number, int64_t offset)
{
	state->cfa_kind = number == DW_REG_RSP	 ? UNWIND_RSP
			  : number == DW_REG_RBP ? UNWIND_RBP
			  : number < REGISTERS	 ? UNWIND_REGISTER
						 : UNWIND_OTHER;
	state->cfa_register = number % REGISTERS;
	state->cfa_offset = offset;
}

/* The expression of a PLT with (16-byte entries whose push makes the frame 8 larger at byte 10 or
 * 11). */
static bool is_plt(const uint8_t *code, size_t size, int64_t *threshold)
{
	static const uint8_t PLT[] = { DW_OP_breg7,
				       8,
				       DW_OP_breg0 + DW_REG_RA,
				       0,
				       DW_OP_lit15,
				       DW_OP_and,
				       0 /* threshold */,
				       DW_OP_ge,
				       DW_OP_lit3,
				       DW_OP_shl,
				       DW_OP_plus };

	if (size != sizeof(PLT) || (code[6] != DW_OP_lit10 && code[6] != DW_OP_lit11) ||
	    memcmp(code, PLT, 6) != 0 || memcmp(code + 7, PLT + 7, 4) != 0)
		return false;
	*threshold = code[6] - DW_OP_lit0;
	return true;
}

/* breg a; deref; plus_uconst b: the frames of functions that realign their stack. */
static bool is_deref(const uint8_t *code, size_t size, uint8_t *kind, int64_t *packed)
{
	struct bytes_reader in = bytes_reader_on(code, size);
	uint8_t op = bytes_get_u8(&in);
	int64_t a = get_sleb(&in);
	uint64_t b = 0;

	if (op != DW_OP_breg6 && op != DW_OP_breg7)
		return false;
	if (bytes_get_u8(&in) != DW_OP_deref)
		return false;
	while (!in.failed && bytes_left(&in)) {
		if (bytes_get_u8(&in) != DW_OP_plus_uconst)
			return false;
		b += get_uleb(&in);
	}
	if (in.failed || a != (int16_t)a || b > INT16_MAX)
		return false;
	*kind = op == DW_OP_breg6 ? UNWIND_DEREF_RBP : UNWIND_DEREF_RSP;
	*packed = (int32_t)((uint32_t)b << 16 | (uint16_t)a);
	return true;
}

static void set_cfa_expression(struct cfi_state *state, struct bytes_reader *in)
{
	uint64_t size = get_uleb(in);
	const uint8_t *code = size <= bytes_left(in) ? bytes_get(in, (size_t)size) : NULL;

	in->failed |= !code;
	if (!code)
		return;
	state->cfa_kind = UNWIND_EXPRESSION;
	state->cfa_packed = 0;
	if (is_plt(code, (size_t)size, &state->cfa_packed))
		state->cfa_kind = UNWIND_PLT;
	else
		(void)is_deref(code, (size_t)size, &state->cfa_kind, &state->cfa_packed);
}

static void set_expression(struct cfi_state *state, struct bytes_reader *in, bool is_value)
{
	uint64_t number = get_uleb(in), size = get_uleb(in);
	const uint8_t *code = size <= bytes_left(in) ? bytes_get(in, (size_t)size) : NULL;

	in->failed |= !code;
	if (!code)
		return;
	struct bytes_reader expression = bytes_reader_on(code, (size_t)size);
	if (!is_value && bytes_get_u8(&expression) == DW_OP_breg6) {
		int64_t offset = get_sleb(&expression);
		if (!expression.failed && !bytes_left(&expression)) {
			set(state, number, WHERE_RBP, offset);
			return;
		}
	}
	set(state, number, WHERE_EXPRESSION, 0);
}

static void restore(struct machine *machine, uint64_t number)
{
	struct cfi_state initial = machine->cie->initial;
	const struct cfi_location *location = location_of(&initial, number);

	if (location)
		*location_of(&machine->now, number) = *location;
}

static void remember(struct machine *machine, struct bytes_reader *in)
{
	if (machine->depth == STATES_MAX)
		in->failed = true;
	else
		machine->stack[machine->depth++] = machine->now;
}

static void recall(struct machine *machine, struct bytes_reader *in)
{
	if (machine->depth == 0)
		in->failed = true;
	else
		machine->now = machine->stack[--machine->depth];
}

/* Instructions that only have operands: from 0x01 on. */
static void run_extended(struct machine *machine, struct bytes_reader *in, uint8_t op)
{
	struct cfi_state *now = &machine->now;
	uint64_t number;

	switch (op) {
	case DW_CFA_nop:
	case DW_CFA_GNU_NEGATE_RA: break;
	case DW_CFA_GNU_args_size: get_uleb(in); break;
	case DW_CFA_offset_extended:
		number = get_uleb(in);
		set(now, number, WHERE_CFA, aligned(machine, get_uleb(in)));
		break;
	case DW_CFA_offset_extended_sf:
		number = get_uleb(in);
		set(now, number, WHERE_CFA, aligned(machine, (uint64_t)get_sleb(in)));
		break;
	case DW_CFA_GNU_negative_offset_extended:
		number = get_uleb(in);
		set(now, number, WHERE_CFA, (int64_t)(0 - get_uleb(in)));
		break;
	case DW_CFA_val_offset:
	case DW_CFA_val_offset_sf:
		number = get_uleb(in);
		get_uleb(in);
		set(now, number, WHERE_EXPRESSION, 0);
		break;
	case DW_CFA_restore_extended: restore(machine, get_uleb(in)); break;
	case DW_CFA_undefined: set(now, get_uleb(in), WHERE_UNDEFINED, 0); break;
	case DW_CFA_same_value: set(now, get_uleb(in), WHERE_SAME, 0); break;
	case DW_CFA_register:
		number = get_uleb(in);
		get_uleb(in);
		set(now, number, WHERE_REGISTER, 0);
		break;
	case DW_CFA_remember_state: remember(machine, in); break;
	case DW_CFA_restore_state: recall(machine, in); break;
	case DW_CFA_def_cfa:
		number = get_uleb(in);
		set_cfa(now, number, (int64_t)get_uleb(in));
		break;
	case DW_CFA_def_cfa_sf:
		number = get_uleb(in);
		set_cfa(now, number, aligned(machine, (uint64_t)get_sleb(in)));
		break;
	case DW_CFA_def_cfa_register: set_cfa(now, get_uleb(in), now->cfa_offset); break;
	case DW_CFA_def_cfa_offset: now->cfa_offset = (int64_t)get_uleb(in); break;
	case DW_CFA_def_cfa_offset_sf:
		now->cfa_offset = aligned(machine, (uint64_t)get_sleb(in));
		break;
	case DW_CFA_def_cfa_expression: set_cfa_expression(now, in); break;
	case DW_CFA_expression: set_expression(now, in, false); break;
	case DW_CFA_val_expression: set_expression(now, in, true); break;
	default: in->failed = true;
	}
}

/* Bytes by which the address advances; 0: this is no such instruction, and was run. */
static uint64_t run_one(struct machine *machine, const struct cfi_section *section,
			struct bytes_reader *in, bool *has_advanced)
{
	uint8_t op = bytes_get_u8(in);
	uint64_t align = machine->cie->code_align;

	*has_advanced = true;
	switch (op & 0xc0) {
	case DW_CFA_advance_loc: return (op & 0x3f) * align;
	case DW_CFA_offset:
		*has_advanced = false;
		set(&machine->now, op & 0x3f, WHERE_CFA, aligned(machine, get_uleb(in)));
		return 0;
	case DW_CFA_restore:
		*has_advanced = false;
		restore(machine, op & 0x3f);
		return 0;
	}
	switch (op) {
	case DW_CFA_advance_loc1: return bytes_get_u8(in) * align;
	case DW_CFA_advance_loc2: return bytes_get_u16(in) * align;
	case DW_CFA_advance_loc4: return bytes_get_u32(in) * align;
	case DW_CFA_MIPS_advance_loc8: return bytes_get_u64(in) * align;
	case DW_CFA_set_loc:
		return get_encoded(section, in, machine->cie->pointer_encoding) - machine->address;
	}
	*has_advanced = false;
	run_extended(machine, in, op);
	return 0;
}

/* not all of it is cleared: a large file has a hundred thousand functions */
static void machine_start(struct machine *machine, const struct cfi_cie *cie, uint64_t address)
{
	machine->now = cie->initial;
	machine->depth = 0;
	machine->address = address;
	machine->cie = cie;
}

static void run_initial(const struct cfi_section *section, struct bytes_reader *in,
			struct cfi_cie *cie)
{
	struct machine machine;
	bool has_advanced;

	machine_start(&machine, cie, 0);
	while (!in->failed && bytes_left(in))
		run_one(&machine, section, in, &has_advanced);
	cie->initial = machine.now;
	cie->has_failed = in->failed;
}

static int read_cie(const struct cfi_section *section, size_t offset, struct cfi_cie *cie)
{
	struct bytes_reader in = bytes_reader_on(section->data + offset, section->size - offset);

	if (!get_length(&in) || bytes_left(&in) > CIE_BYTES_MAX ||
	    !is_cie(section, bytes_get_u32(&in)) || in.failed)
		return -EBADMSG;
	*cie = (struct cfi_cie) { .offset = offset, .pointer_encoding = DW_EH_PE_absptr };
	uint8_t version = bytes_get_u8(&in);
	if (version != 1 && version != 3 && version != 4)
		return -EBADMSG;
	const char *letters = (const char *)in.at;
	const uint8_t *end = memchr(in.at, 0, bytes_left(&in));
	if (!end)
		return -EBADMSG;
	in.at = end + 1;
	/* sizes of addresses and of segment selectors */
	if (version == 4 && (bytes_get_u8(&in) != 8 || bytes_get_u8(&in) != 0))
		return -EBADMSG;
	cie->code_align = get_uleb(&in);
	cie->data_align = get_sleb(&in);
	uint64_t ra = version == 1 ? bytes_get_u8(&in) : get_uleb(&in);
	read_augmentation(section, &in, letters, cie);
	if (in.failed || ra != DW_REG_RA)
		return -EBADMSG;
	run_initial(section, &in, cie);
	cie->section = section;
	return 0;
}

/* What an FDE's second word refers to: .eh_frame counts back from the word itself. */
static bool find_cie(const struct cfi_section *section, size_t place, uint32_t pointer,
		     size_t *offset)
{
	if (section->is_debug_frame)
		*offset = pointer;
	else if (pointer > place)
		return false;
	else
		*offset = place - pointer;
	return *offset < section->size;
}

static int read_fde(const struct cfi_section *section, struct bytes_reader *in, struct cfi_fde *fde)
{
	struct cfi_cie *cie = &fde->cie;
	size_t cie_offset, place = (size_t)(in->at - section->data);
	uint32_t pointer = bytes_get_u32(in);

	if (!in->failed && is_cie(section, pointer))
		return 1;
	if (in->failed || !find_cie(section, place, pointer, &cie_offset))
		return -EBADMSG;
	if ((cie->section != section || cie->offset != cie_offset) &&
	    read_cie(section, cie_offset, cie))
		return -EBADMSG;
	fde->start = get_encoded(section, in, cie->pointer_encoding);
	fde->end = fde->start + get_encoded(section, in, cie->pointer_encoding & 0x0f);
	if (cie->has_augmentation_data) {
		uint64_t size = get_uleb(in);
		bytes_get(in, size > bytes_left(in) ? SIZE_MAX : (size_t)size);
	}
	fde->instructions = in->at;
	fde->instructions_end = in->end;
	return in->failed || fde->end < fde->start ? -EBADMSG : 0;
}

int cfi_fde_read(const struct cfi_section *section, size_t offset, struct cfi_fde *fde,
		 size_t *next)
{
	struct bytes_reader in;

	*next = section->size;
	if (offset > section->size)
		return -EBADMSG;
	in = bytes_reader_on(section->data + offset, section->size - offset);
	if (!get_length(&in))
		return -EBADMSG;
	if (!bytes_left(&in) && !section->is_debug_frame)
		return 1; /* ends .eh_frame */
	*next = (size_t)(in.end - section->data);
	return bytes_left(&in) ? read_fde(section, &in, fde) : 1;
}

int cfi_run(const struct cfi_section *section, const struct cfi_fde *fde, cfi_row *row,
	    void *context)
{
	static const struct unwind_rule NO_RULE = { .kind = UNWIND_INVALID };
	struct bytes_reader in = { .at = fde->instructions, .end = fde->instructions_end };
	struct machine machine;
	bool has_advanced;

	machine_start(&machine, &fde->cie, fde->start);
	in.failed = fde->cie.has_failed;
	while (!in.failed && bytes_left(&in)) {
		uint64_t advance = run_one(&machine, section, &in, &has_advanced);
		in.failed |= has_advanced && advance > fde->end - machine.address;
		if (in.failed || !has_advanced || !advance)
			continue;
		row(context, machine.address, rule_of(&machine));
		machine.address += advance;
	}
	if (machine.address < fde->end)
		row(context, machine.address, in.failed ? NO_RULE : rule_of(&machine));
	return in.failed ? -EBADMSG : 0;
}
