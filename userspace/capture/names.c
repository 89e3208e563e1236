// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A names payload: the strings (count, then each), then the entries by ascending offset: difference
 * to the offset before, number of names, and for each name the numbers of its function and file
 * strings and its line. String 0 is the empty one.
 */
#include "capture/names.h"

#include "base/map.h"

#include <errno.h>

#define STRING_MAX (64u << 10)

struct names_writer {
	struct bytes_buffer strings, entries;
	char **unique;	    /* by number */
	struct map numbers; /* hash of a string -> its number; collisions only cost room */
	uint64_t string_count, entry_count, last_offset;
};

struct names_writer *names_writer_new(void)
{
	return calloc(1, sizeof(struct names_writer));
}

static uint64_t hash_string(const char *string)
{
	uint64_t hash = 1;

	for (; *string; string++)
		hash = hash_u64(hash ^ (unsigned char)*string);
	return hash ? hash : 1;
}

static uint64_t string_number(struct names_writer *writer, const char *string)
{
	if (!string || !*string)
		return 0;
	uint64_t hash = hash_string(string);
	uint64_t *known = map_get(&writer->numbers, hash);
	if (known && strcmp(writer->unique[*known - 1], string) == 0)
		return *known;
	if ((writer->string_count & (writer->string_count - 1)) == 0) {
		size_t capacity = writer->string_count ? writer->string_count * 2 : 16;
		char **grown = realloc(writer->unique, capacity * sizeof(*grown));
		if (!grown)
			goto failed;
		writer->unique = grown;
	}
	char *copy = strndup(string, STRING_MAX);
	if (!copy)
		goto failed;
	writer->unique[writer->string_count++] = copy;
	bytes_put_string(&writer->strings, copy);
	if (map_put(&writer->numbers, hash, writer->string_count))
		goto failed;
	return writer->string_count;
failed:
	writer->strings.failed = true;
	return 0;
}

bool names_writer_add(struct names_writer *writer, uint64_t offset, const struct name *names,
		      size_t count)
{
	bytes_put_varint(&writer->entries, offset - writer->last_offset);
	bytes_put_varint(&writer->entries, count);
	for (size_t i = 0; i < count; i++) {
		bytes_put_varint(&writer->entries, string_number(writer, names[i].function));
		bytes_put_varint(&writer->entries, string_number(writer, names[i].file));
		bytes_put_varint(&writer->entries, names[i].line);
	}
	writer->last_offset = offset;
	writer->entry_count++;
	return !writer->strings.failed && !writer->entries.failed;
}

bool names_writer_finish(struct names_writer *writer, struct bytes_buffer *out)
{
	out->failed |= writer->strings.failed || writer->entries.failed;
	bytes_put_varint(out, writer->string_count);
	bytes_put(out, writer->strings.data, writer->strings.size);
	bytes_put_varint(out, writer->entry_count);
	bytes_put(out, writer->entries.data, writer->entries.size);
	return !out->failed;
}

void names_writer_free(struct names_writer *writer)
{
	if (!writer)
		return;
	for (uint64_t i = 0; i < writer->string_count; i++)
		free(writer->unique[i]);
	free(writer->unique);
	bytes_free(&writer->strings);
	bytes_free(&writer->entries);
	map_free(&writer->numbers);
	free(writer);
}

struct entry {
	uint64_t offset;
	size_t first, count; /* in the list of all names */
};

struct names {
	char **strings;
	size_t string_count;
	struct entry *entries;
	size_t entry_count;
	struct name *list;
	size_t list_count;
};

static int load_strings(struct names *names, struct bytes_reader *in)
{
	uint64_t count = bytes_get_varint(in);

	/* every string takes a byte at least, so memory stays in proportion to the payload */
	if (in->failed || count > bytes_left(in))
		return -EBADMSG;
	names->strings = calloc((size_t)count + 1, sizeof(*names->strings));
	if (!names->strings)
		return -ENOMEM;
	names->strings[0] = strdup("");
	if (!names->strings[0])
		return -ENOMEM;
	names->string_count = 1;
	for (uint64_t i = 0; i < count; i++) {
		char *string = bytes_get_string(in, STRING_MAX);
		if (!string)
			return -EBADMSG;
		names->strings[names->string_count++] = string;
	}
	return 0;
}

static bool load_name(struct names *names, struct bytes_reader *in)
{
	uint64_t function = bytes_get_varint(in), file = bytes_get_varint(in);
	uint64_t line = bytes_get_varint(in);

	if (in->failed || function >= names->string_count || file >= names->string_count ||
	    line > UINT32_MAX)
		return false;
	names->list[names->list_count++] = (struct name) { .function = names->strings[function],
							   .file = names->strings[file],
							   .line = (uint32_t)line };
	return true;
}

static int load_entries(struct names *names, struct bytes_reader *in)
{
	uint64_t count = bytes_get_varint(in), offset = 0;

	/* an entry takes two bytes, a name three */
	if (in->failed || count > bytes_left(in) / 2)
		return -EBADMSG;
	names->entries = calloc((size_t)count + 1, sizeof(*names->entries));
	names->list = calloc(bytes_left(in) / 3 + 1, sizeof(*names->list));
	if (!names->entries || !names->list)
		return -ENOMEM;
	for (uint64_t i = 0; i < count; i++) {
		uint64_t step = bytes_get_varint(in), name_count = bytes_get_varint(in);
		if (in->failed || name_count > NAMES_INLINE_MAX || offset + step < offset ||
		    (i && step == 0))
			return -EBADMSG;
		offset += step;
		names->entries[names->entry_count++] = (struct entry) {
			.offset = offset, .first = names->list_count, .count = (size_t)name_count
		};
		for (uint64_t k = 0; k < name_count; k++)
			if (!load_name(names, in))
				return -EBADMSG;
	}
	return bytes_left(in) ? -EBADMSG : 0;
}

int names_load(const void *payload, size_t size, struct names **out)
{
	struct bytes_reader in = bytes_reader_on(payload, size);
	struct names *names = calloc(1, sizeof(*names));
	int err = names ? load_strings(names, &in) : -ENOMEM;

	if (!err)
		err = load_entries(names, &in);
	if (err)
		names_free(names);
	else
		*out = names;
	return err;
}

size_t names_find(const struct names *names, uint64_t offset,
		  struct name found[static NAMES_INLINE_MAX])
{
	size_t low = 0, high = names->entry_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (names->entries[middle].offset < offset)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == names->entry_count || names->entries[low].offset != offset)
		return 0;
	const struct entry *entry = &names->entries[low];
	memcpy(found, names->list + entry->first, entry->count * sizeof(*found));
	return entry->count;
}

void names_free(struct names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->string_count; i++)
		free(names->strings[i]);
	free(names->strings);
	free(names->entries);
	free(names->list);
	free(names);
}
