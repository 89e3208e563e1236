// SPDX-License-Identifier: GPL-2.0-or-later
#include "symbols/unwind_table.h"

#include "base/map.h"
#include "base/unwind_blob.h"
#include "symbols/cfi_list.h"

#include <elf.h>
#include <errno.h>

#define PAGE_SHIFT 12
#define SCANNED_BYTES                                                                            \
	64		 /* rows that are longer are kept unread: they hold a call nearly always \
			  */
#define PADDING_BYTES 15 /* a shorter gap between functions is padding, not a gap */

struct row {
	uint64_t offset; /* in the file */
	uint32_t rule;	 /* number */
};

struct compiler {
	const struct elf *elf;
	bool is_whole;
	struct bytes_buffer rows;  /* struct row */
	struct bytes_buffer rules; /* uint64_t */
	struct map numbers;	   /* rule -> number; rule 0 is number 0 */
	uint32_t raw_count;
	/* the row that waits for its end */
	bool has_pending;
	uint64_t pending_address;
	struct unwind_rule pending;
	uint64_t covered_to;	     /* address up to which functions reach */
	uint64_t program_bytes_left; /* entries that share bytes would take more than there are */
	int64_t to_offset;   /* file offset - address, of the segment that holds the function */
	const uint8_t *code; /* of the segment, from code_start on */
	uint64_t code_start;
};

static uint64_t rule_bits(struct unwind_rule rule)
{
	uint64_t bits;

	memcpy(&bits, &rule, sizeof(bits));
	return bits;
}

static uint32_t rule_number(struct compiler *c, struct unwind_rule rule)
{
	uint64_t bits = rule_bits(rule);
	uint64_t *known = bits ? map_get(&c->numbers, bits) : NULL;

	if (!bits)
		return 0;
	if (known)
		return (uint32_t)*known;
	uint32_t number = (uint32_t)(c->rules.size / sizeof(bits));
	if (number == UNWIND_BLOB_RULES)
		return 0;
	bytes_put(&c->rules, &bits, sizeof(bits));
	if (map_put(&c->numbers, bits, number))
		c->rules.failed = true;
	return number;
}

/* Could one of these bytes begin a call or a system call? Any position counts, aligned or not. */
static bool can_call(const uint8_t *code, size_t size)
{
	for (size_t i = 0; i + 1 < size; i++) {
		if (code[i] == 0xe8 && size - i > 4)
			return true;
		if (code[i] == 0xff && ((code[i + 1] >> 3 & 7) == 2 || (code[i + 1] >> 3 & 7) == 3))
			return true;
		if (code[i] == 0x0f && code[i + 1] == 0x05)
			return true;
	}
	return false;
}

static bool is_droppable(const struct compiler *c, uint64_t size)
{
	if (c->is_whole || size >= SCANNED_BYTES)
		return false;
	switch (c->pending.kind) {
	case UNWIND_INVALID:
	case UNWIND_END:
	case UNWIND_SIGNAL:
	case UNWIND_PLT: return false;
	}
	/* from one function to the next all is in the file */
	return !can_call(c->code + (c->pending_address - c->code_start), (size_t)size);
}

static void keep(struct compiler *c)
{
	struct row *last = c->rows.size ? (void *)(c->rows.data + c->rows.size - sizeof(*last))
					: NULL;
	struct row row = { .offset = c->pending_address + (uint64_t)c->to_offset,
			   .rule = rule_number(c, c->pending) };

	/* a segment that lies before another in memory and after it in the file: its rows are left
	 * out */
	if (last && (row.offset < last->offset || row.rule == last->rule))
		return;
	/* where segments touch in the file, one ends at the byte at which another begins */
	if (last && row.offset == last->offset)
		*last = row;
	else
		bytes_put(&c->rows, &row, sizeof(row));
}

/* The pending row ends where the next begins. */
static void add_row(void *context, uint64_t address, struct unwind_rule rule)
{
	struct compiler *c = context;

	c->raw_count++;
	if (c->has_pending) {
		if (rule_bits(rule) == rule_bits(c->pending))
			return;
		if (!is_droppable(c, address - c->pending_address))
			keep(c);
	}
	c->has_pending = true;
	c->pending_address = address;
	c->pending = rule;
}

/* Between functions there is nothing, but for the entry point: nothing calls that. */
static void add_gap(struct compiler *c, uint64_t start, uint64_t end)
{
	uint64_t entry = elf_entry(c->elf);

	if (entry != start)
		add_row(c, start, (struct unwind_rule) { .kind = UNWIND_INVALID });
	if (entry && entry >= start && entry < end)
		add_row(c, entry, (struct unwind_rule) { .kind = UNWIND_END });
}

static void end_segment(struct compiler *c)
{
	size_t room = 0;

	if (c->has_pending) {
		(void)elf_code(c->elf, c->covered_to - 1, &room);
		add_gap(c, c->covered_to, c->covered_to - 1 + room);
		keep(c);
	}
	c->has_pending = false;
}

/* The entry point may come before a segment's first function. */
static void begin_segment(struct compiler *c, uint64_t start, int64_t to_offset)
{
	uint64_t entry = elf_entry(c->elf), entry_offset;
	size_t room;

	c->to_offset = to_offset;
	c->code = elf_code(c->elf, start, &room);
	c->code_start = start;
	if (entry && entry < start && elf_code(c->elf, entry, &room) &&
	    elf_offset_of(c->elf, entry, &entry_offset) &&
	    (int64_t)(entry_offset - entry) == to_offset)
		add_row(c, entry, (struct unwind_rule) { .kind = UNWIND_END });
}

/* Functions that are not wholly in code have no rows: what is there is a gap. */
static bool is_code(const struct compiler *c, const struct cfi_fde *fde)
{
	size_t room;

	return fde->start != fde->end && elf_code(c->elf, fde->start, &room) &&
	       fde->end - fde->start <= room;
}

/* -EBADMSG: so many bytes of program are not in the file, entries share them. */
static int run_function(struct compiler *c, const struct cfi_section *section,
			const struct cfi_fde *fde)
{
	uint64_t program_bytes = (uint64_t)(fde->instructions_end - fde->instructions);

	if (program_bytes > c->program_bytes_left)
		return -EBADMSG;
	c->program_bytes_left -= program_bytes;
	(void)cfi_run(section, fde, add_row, c); /* what is malformed has no rule */
	c->covered_to = fde->end;
	return 0;
}

/*
 * A function that begins with `mov %reg, %rsp` has no caller on the stack: makecontext() has put
 * its address where return addresses are, and one is looked up a byte before, in the padding.
 */
static bool is_root(const struct compiler *c, const struct cfi_fde *fde)
{
	size_t room;
	const uint8_t *code = elf_code(c->elf, fde->start, &room);

	return code && room >= 3 && (code[0] & ~4) == 0x48 && code[1] == 0x89 &&
	       (code[2] & 0xc7) == 0xc4;
}

static int add_function(struct compiler *c, const struct cfi_section *section,
			const struct cfi_fde *fde)
{
	uint64_t file_offset;

	/* a function inside another one: the first one's rows stand */
	if (fde->start < c->covered_to || !is_code(c, fde) ||
	    !elf_offset_of(c->elf, fde->start, &file_offset))
		return 0;
	int64_t to_offset = (int64_t)(file_offset - fde->start);
	if (c->has_pending && to_offset != c->to_offset)
		end_segment(c);
	if (!c->has_pending)
		begin_segment(c, fde->start, to_offset);
	else if (fde->start - c->covered_to > PADDING_BYTES)
		add_gap(c, c->covered_to, fde->start);
	if (fde->start > c->covered_to && is_root(c, fde))
		add_row(c, fde->start - 1, (struct unwind_rule) { .kind = UNWIND_END });
	return run_function(c, section, fde);
}

/* An entry that is malformed is left out: other functions are none the worse for it. */
static int add_functions(struct compiler *c, const struct cfi_list *list)
{
	struct cfi_fde fde = { 0 };
	int err = 0;

	c->program_bytes_left = list->sections[0].size + list->sections[1].size;
	for (size_t i = 0; !err && i < list->count; i++) {
		const struct cfi_entry *entry = &list->entries[i];
		const struct cfi_section *section = &list->sections[entry->section];
		size_t next;
		if (cfi_fde_read(section, (size_t)entry->offset, &fde, &next) == 0 &&
		    fde.start == entry->start)
			err = add_function(c, section, &fde);
	}
	if (!err)
		end_segment(c);
	return err;
}

static void count_kinds(const struct compiler *c, struct unwind_blob_header *header)
{
	const struct row *rows = (const void *)c->rows.data;
	const struct unwind_rule *rules = (const void *)c->rules.data;

	for (size_t i = 0; i < c->rows.size / sizeof(*rows); i++)
		header->kind_counts[rules[rows[i].rule].kind & 15]++;
}

static int write_blob(struct compiler *c, struct bytes_buffer *out)
{
	const struct row *rows = (const void *)c->rows.data;
	size_t count = c->rows.size / sizeof(*rows);
	uint64_t page0 = rows[0].offset >> PAGE_SHIFT;
	uint64_t pages = (rows[count - 1].offset >> PAGE_SHIFT) - page0 + 1;
	/* the search starts from a row at the first page's first byte */
	bool needs_first = rows[0].offset & ((1 << PAGE_SHIFT) - 1);
	struct unwind_blob_header header = { .magic = UNWIND_BLOB_MAGIC,
					     .page0 = (uint32_t)page0,
					     .page_count = (uint32_t)pages,
					     .row_count = (uint32_t)count + needs_first,
					     .rule_count = (uint32_t)(c->rules.size / 8),
					     .raw_row_count = c->raw_count };
	uint32_t word = 0;
	size_t next = 0;

	count_kinds(c, &header);
	bytes_put(out, &header, sizeof(header));
	for (uint64_t page = 0; page <= pages; page++) {
		while (next < count && rows[next].offset >> PAGE_SHIFT < page0 + page)
			next++;
		word = (uint32_t)next + (page && needs_first);
		bytes_put(out, &word, sizeof(word));
	}
	word = 0;
	if (needs_first)
		bytes_put(out, &word, sizeof(word));
	for (size_t i = 0; i < count; i++) {
		word = (uint32_t)(rows[i].offset & 0xfff) << 20 | rows[i].rule;
		bytes_put(out, &word, sizeof(word));
	}
	word = 0;
	if ((pages + 1 + header.row_count) & 1)
		bytes_put(out, &word, sizeof(word));
	bytes_put(out, c->rules.data, c->rules.size);
	return out->failed ? -ENOMEM : 0;
}

int unwind_table_compile(const struct elf *elf, bool is_whole, struct bytes_buffer *out)
{
	struct compiler c = { .elf = elf, .is_whole = is_whole };
	struct cfi_list list = { 0 };
	uint64_t no_rule = 0;
	int err = elf_machine(elf) == EM_X86_64 ? cfi_list_read(elf, &list) : -ENOTSUP;

	bytes_put(&c.rules, &no_rule, sizeof(no_rule));
	if (!err)
		err = add_functions(&c, &list);
	if (!err && (c.rows.failed || c.rules.failed))
		err = -ENOMEM;
	if (!err)
		err = c.rows.size ? write_blob(&c, out) : -ENODATA;
	bytes_free(&c.rows);
	bytes_free(&c.rules);
	map_free(&c.numbers);
	cfi_list_free(&list);
	return err;
}
