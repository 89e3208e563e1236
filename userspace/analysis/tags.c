// SPDX-License-Identifier: GPL-2.0-or-later
#include "analysis/tags.h"

#include "bpf/event.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRIES_MAX 8 /* of names with one hash: a target may choose them so */

struct scopes {
	uint32_t depth;	   /* may be more than there are tags */
	uint32_t capacity; /* of tags */
	uint32_t tags[];   /* TAG_NONE where it is not known */
};

static uint32_t kept(const struct scopes *scopes)
{
	return scopes->depth < TAG_DEPTH_MAX ? scopes->depth : TAG_DEPTH_MAX;
}

static uint64_t hash_name(const char *name)
{
	uint64_t hash = 1;

	for (; *name; name++)
		hash = hash_u64(hash ^ (unsigned char)*name);
	return hash;
}

static int add_name(struct tags *tags, const char *name)
{
	if ((tags->count & (tags->count - 1)) == 0) {
		char **grown = realloc(tags->names,
				       (tags->count ? 2 * tags->count : 1) * sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		tags->names = grown;
	}
	tags->names[tags->count] = strdup(name);
	if (!tags->names[tags->count])
		return -ENOMEM;
	tags->count++;
	return 0;
}

/* TAG_NONE and TAG_OTHERS have no hash: nobody looks for them. */
static int begin_names(struct tags *tags)
{
	int err = tags->count ? 0 : add_name(tags, "");

	return err || tags->count > TAG_OTHERS ? err : add_name(tags, "(other tags)");
}

int tags_number(struct tags *tags, const char *name, uint32_t *number)
{
	int err = begin_names(tags);

	*number = *name ? TAG_OTHERS : TAG_NONE;
	if (err || !*name)
		return err;
	uint64_t key = hash_name(name);
	for (unsigned tries = 0; tries < TRIES_MAX; tries++, key++) {
		key += !key;
		const uint64_t *known = map_get(&tags->numbers, key);
		if (!known)
			break;
		if (strcmp(tags->names[*known], name) == 0) {
			*number = (uint32_t)*known;
			return 0;
		}
		if (tries == TRIES_MAX - 1)
			return 0;
	}
	if (tags->count >= TAGS_MAX)
		return 0;
	err = map_put(&tags->numbers, key, tags->count);
	if (!err)
		err = add_name(tags, name);
	if (!err)
		*number = tags->count - 1;
	return err;
}

const char *tags_name(const struct tags *tags, uint32_t number)
{
	return number < tags->count ? tags->names[number] : "";
}

static struct scopes *scopes_of(const struct tags *tags, uint32_t thread)
{
	const uint64_t *scopes =
		tags->scopes.count ? map_get(&tags->scopes, (uint64_t)thread + 1) : NULL;

	return scopes ? (struct scopes *)(uintptr_t)*scopes : NULL;
}

void tags_forget(struct tags *tags, uint32_t thread)
{
	uint64_t scopes;

	if (map_remove(&tags->scopes, (uint64_t)thread + 1, &scopes))
		free((struct scopes *)(uintptr_t)scopes);
}

/* The thread is so deep now; of scopes that are new, nothing is known. */
static int set_depth(struct tags *tags, uint32_t thread, uint32_t depth)
{
	struct scopes *scopes = scopes_of(tags, thread);
	uint32_t before = scopes ? kept(scopes) : 0;

	if (!depth) {
		tags_forget(tags, thread);
		return 0;
	}
	uint32_t needed = depth < TAG_DEPTH_MAX ? depth : TAG_DEPTH_MAX;
	if (!scopes || scopes->capacity < needed) {
		uint32_t capacity = needed < 4 ? 4 : TAG_DEPTH_MAX;
		struct scopes *grown = realloc(scopes,
					       sizeof(*grown) + capacity * sizeof(grown->tags[0]));
		uint64_t *place = map_get(&tags->scopes, (uint64_t)thread + 1);
		if (!grown)
			return -ENOMEM;
		if (place) {
			*place = (uintptr_t)grown;
		} else if (map_put(&tags->scopes, (uint64_t)thread + 1, (uintptr_t)grown)) {
			free(grown);
			return -ENOMEM;
		}
		grown->capacity = capacity;
		scopes = grown;
	}
	for (uint32_t i = before; i < needed; i++)
		scopes->tags[i] = TAG_NONE;
	scopes->depth = depth;
	return 0;
}

/* Before this mark the thread was so deep. */
static int meet_depth(struct tags *tags, uint32_t thread, uint32_t depth)
{
	uint32_t known = tags_depth(tags, thread);

	if (known == depth)
		return 0;
	tags->missing += known > depth ? known - depth : depth - known;
	return set_depth(tags, thread, depth);
}

static int begin(struct tags *tags, uint32_t thread, uint32_t depth, uint32_t tag)
{
	int err = depth ? meet_depth(tags, thread, depth - 1) : 0;

	if (!err)
		err = set_depth(tags, thread, depth);
	if (err || !depth)
		return err;
	if (depth <= TAG_DEPTH_MAX)
		scopes_of(tags, thread)->tags[depth - 1] = tag;
	return 0;
}

int tags_apply(struct tags *tags, uint32_t thread, uint8_t what, uint32_t depth, uint32_t tag)
{
	int err = begin_names(tags);

	switch (what) {
	case MARK_BEGIN:
		tags->begun++;
		tags->too_deep += depth > TAG_DEPTH_MAX;
		return err ? err : begin(tags, thread, depth, tag);
	case MARK_SCOPE: return err ? err : begin(tags, thread, depth, tag);
	case MARK_RESTART: return err ? err : set_depth(tags, thread, depth);
	case MARK_END:
		if (!err && depth < UINT32_MAX)
			err = meet_depth(tags, thread, depth + 1);
		return err ? err : set_depth(tags, thread, depth);
	case MARK_UNMATCHED: tags->unmatched++; return err ? err : meet_depth(tags, thread, 0);
	}
	return err;
}

uint32_t tags_top(const struct tags *tags, uint32_t thread)
{
	const struct scopes *scopes = scopes_of(tags, thread);

	return scopes ? scopes->tags[kept(scopes) - 1] : TAG_NONE;
}

uint32_t tags_depth(const struct tags *tags, uint32_t thread)
{
	const struct scopes *scopes = scopes_of(tags, thread);

	return scopes ? scopes->depth : 0;
}

void tags_visit(const struct tags *tags, tags_visit_fn *visit, void *context)
{
	for (size_t i = 0; i < tags->scopes.capacity; i++) {
		const struct map_slot *slot = &tags->scopes.slots[i];
		const struct scopes *scopes = (const struct scopes *)(uintptr_t)slot->value;
		for (uint32_t k = 0; slot->key && k < kept(scopes); k++)
			visit(context, (uint32_t)(slot->key - 1), k + 1, scopes->tags[k]);
	}
}

void tags_free(struct tags *tags)
{
	for (size_t i = 0; i < tags->scopes.capacity; i++)
		if (tags->scopes.slots[i].key)
			free((struct scopes *)(uintptr_t)tags->scopes.slots[i].value);
	for (uint32_t i = 0; i < tags->count; i++)
		free(tags->names[i]);
	free(tags->names);
	map_free(&tags->numbers);
	map_free(&tags->scopes);
	*tags = (struct tags) { 0 };
}
