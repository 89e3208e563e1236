// SPDX-License-Identifier: GPL-2.0-or-later
#include "commands/inventory.h"

#include "audit/read.h"
#include "base/text.h"
#include "capture/read.h"
#include "commands/command.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* What the log says of one capture. Hashes are hex, as the log has them. */
struct known {
	char id[33], header[65], chain[65];	 /* chain "": its end is not on record */
	bool is_found, is_deleted, is_recovered; /* is_recovered: the chain is that of a part */
};

struct inventory {
	struct known *items;
	size_t count;
	json_t *indexes; /* object: id -> index */
	inventory_fn *fn;
	inventory_seal_fn *seal;
	void *context;
	bool has_failed;
};

static struct known *find(const struct inventory *inventory, const char *id)
{
	const json_t *index = json_object_get(inventory->indexes, id);

	return index ? &inventory->items[json_integer_value(index)] : NULL;
}

static struct known *find_or_add(struct inventory *inventory, const char *id)
{
	struct known *known = find(inventory, id);
	size_t count = inventory->count;

	if (known)
		return known;
	if ((count & (count - 1)) == 0) {
		struct known *more = realloc(inventory->items,
					     (count ? 2 * count : 1) * sizeof(*more));
		if (!more)
			return NULL;
		inventory->items = more;
	}
	if (json_object_set_new(inventory->indexes, id, json_integer((json_int_t)count)))
		return NULL;
	inventory->items[count] = (struct known) { 0 };
	text_copy(inventory->items[count].id, sizeof(inventory->items[count].id), id);
	return &inventory->items[inventory->count++];
}

/* The anchors: the header's hash when a capture began, its chain's when it ended. */
static void take_record(void *context, const struct audit_line *line)
{
	struct inventory *inventory = context;
	bool is_start = line->is_record &&
			audit_record_has_operation(line->text, line->kept, "capture.start");
	bool is_end = line->is_record &&
		      audit_record_has_operation(line->text, line->kept, "capture.end");
	bool is_deletion = line->is_record &&
			   audit_record_has_operation(line->text, line->kept, "capture.delete");
	bool is_recovery = line->is_record &&
			   audit_record_has_operation(line->text, line->kept, "capture.recovered");
	const char *id, *hash;

	if (!is_start && !is_end && !is_deletion && !is_recovery)
		return;
	/* inode numbers may use all 64 bits, which is more than the library's integers have */
	json_t *record = json_loadb(line->text, line->kept, JSON_DECODE_INT_AS_REAL, NULL);
	if (record && json_unpack(record, "{s:{s:s, s:s}}", "obj", "cap", &id, "hdr", &hash) == 0) {
		struct known *known = find_or_add(inventory, id);
		inventory->has_failed |= !known;
		if (known && is_start)
			text_copy(known->header, sizeof(known->header), hash);
		else if (known && is_deletion)
			known->is_deleted = true;
		/* what is on record of a capture's end is not taken back by whoever finds less */
		else if (known && (is_end || !*known->chain)) {
			text_copy(known->chain, sizeof(known->chain), hash);
			known->is_recovered = is_recovery;
		}
	}
	json_decref(record);
}

static void tell(const struct inventory *inventory, const char *name, enum inventory_state state,
		 const char *reason)
{
	inventory->fn(inventory->context, name, state, reason);
}

/* A file whose header is sound. */
static void compare(struct inventory *inventory, const char *path, int fd,
		    const struct capture_header *header)
{
	struct capture_verdict verdict = { 0 };
	uint8_t hash[crypto_hash_sha256_BYTES];
	char id[33], header_hash[65], chain[65];
	int err = capture_verify(fd, &verdict);

	text_hex(id, header->capture_id, sizeof(header->capture_id));
	crypto_hash_sha256(hash, header->bytes, sizeof(header->bytes));
	text_hex(header_hash, hash, sizeof(hash));
	text_hex(chain, verdict.chain, sizeof(verdict.chain));
	struct known *known = find(inventory, id);
	if (known)
		known->is_found = true;
	if (err || verdict.state == CAPTURE_TAMPERED)
		tell(inventory, path, INVENTORY_TAMPERED, err ? strerror(-err) : verdict.reason);
	else if (!known)
		tell(inventory, path, INVENTORY_UNKNOWN, "the audit log does not know it");
	else if (strcmp(header_hash, known->header) != 0)
		tell(inventory, path, INVENTORY_TAMPERED, "another capture has taken its identity");
	else if (!*known->chain)
		tell(inventory, path, INVENTORY_INCOMPLETE,
		     inventory->seal && inventory->seal(inventory->context, fd, header, &verdict)
			     ? "its recorder died; from now on it is on record how far it goes"
			     : "its end is not on record: it is being recorded, or its recorder died");
	else if (strcmp(chain, known->chain) != 0)
		tell(inventory, path, INVENTORY_TAMPERED,
		     verdict.state == CAPTURE_COMPLETE ? "it ends otherwise than the audit log says"
						       : "it is shorter than the audit log says");
	else if (known->is_recovered)
		tell(inventory, path, INVENTORY_INCOMPLETE,
		     "its recorder died; it goes as far as the audit log says");
	else
		tell(inventory, path, INVENTORY_COMPLETE, "as the audit log says");
}

/* Files that are no captures are none of ours. */
static void look_at(struct inventory *inventory, int directory, const char *folder,
		    const char *name)
{
	struct capture_header header;
	char path[4096];
	struct stat st;
	int fd = openat(directory, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return;
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	int err = fstat(fd, &st) || !S_ISREG(st.st_mode) ? -EINVAL
							 : capture_header_read(fd, &header);
	if (!err)
		compare(inventory, path, fd, &header);
	else if (err == -EKEYREJECTED)
		tell(inventory, path, INVENTORY_TAMPERED, "the signature of its header is wrong");
	close(fd);
}

static int look_into(struct inventory *inventory, const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;

	if (!dir)
		return command_fail(errno == EACCES ? EXIT_PERMISSION : EXIT_FAILED, "%s: %s",
				    folder, strerror(errno));
	while ((entry = readdir(dir)))
		look_at(inventory, dirfd(dir), folder, entry->d_name);
	closedir(dir);
	return EXIT_DONE;
}

static int read_log(struct inventory *inventory, const char *directory)
{
	struct audit_verdict verdict;
	int err = audit_log_read(
		directory, &(struct audit_reading) { .visit = take_record, .context = inventory },
		&verdict);

	if (err)
		return command_fail(err == -EACCES ? EXIT_PERMISSION : EXIT_FAILED,
				    "%s: the audit log cannot be read: %s%s", directory,
				    strerror(-err), err == -EACCES ? "; run as root" : "");
	if (inventory->has_failed)
		return command_fail(EXIT_FAILED, "out of memory");
	return verdict.is_intact
		       ? EXIT_DONE
		       : command_fail(EXIT_INTEGRITY,
				      "%s: the audit log is not intact, and proves nothing: %s",
				      directory, verdict.reason);
}

int inventory_take(const char *log_directory, char *const *directories, inventory_fn *fn,
		   inventory_seal_fn *seal, void *context)
{
	struct inventory inventory = {
		.indexes = json_object(), .fn = fn, .seal = seal, .context = context
	};
	int status = sodium_init() < 0 ? command_fail(EXIT_FAILED, "libsodium does not start")
				       : read_log(&inventory, log_directory);

	for (; !status && *directories; directories++)
		status = look_into(&inventory, *directories);
	for (size_t i = 0; !status && i < inventory.count; i++)
		if (!inventory.items[i].is_found && !inventory.items[i].is_deleted)
			tell(&inventory, inventory.items[i].id, INVENTORY_MISSING,
			     *inventory.items[i].chain
				     ? "no file has this capture"
				     : "no file has this capture, which never was ended");
	free(inventory.items);
	json_decref(inventory.indexes);
	return status;
}
