// SPDX-License-Identifier: GPL-2.0-or-later
#include "tracing/modules.h"

#include "base/functions.h"
#include "base/io.h"
#include "tracing/cookie.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint64_t modules_key(uint64_t device, uint64_t inode)
{
	uint64_t key = hash_u64(hash_u64(device) ^ inode);

	return key ? key : 1;
}

static bool is_file(const struct module *module, uint64_t device, uint64_t inode)
{
	return module->device == device && module->inode == inode;
}

struct module *modules_find(const struct modules *modules, uint64_t device, uint64_t inode)
{
	const uint64_t *id = map_get(&modules->ids, modules_key(device, inode));

	if (!id || is_file(modules->items[*id - 1], device, inode))
		return id ? modules->items[*id - 1] : NULL;
	/* two files of one hash: nothing of the kind will be seen but where it is sought */
	for (size_t i = 0; i < modules->count; i++)
		if (is_file(modules->items[i], device, inode))
			return modules->items[i];
	return NULL;
}

static bool make_room(struct modules *modules)
{
	size_t count = modules->count;

	if (count == MODULES_MAX)
		return false;
	if ((count & (count - 1)) != 0)
		return true;
	struct module **grown = realloc(modules->items,
					(count ? count * 2 : 16) * sizeof(*modules->items));
	if (grown)
		modules->items = grown;
	return grown;
}

struct module *modules_add(struct modules *modules, uint64_t device, uint64_t inode,
			   const char *path)
{
	struct module *module = make_room(modules) ? calloc(1, sizeof(*module)) : NULL;

	if (!module)
		return NULL;
	module->path = strdup(path);
	if (!module->path) {
		free(module);
		return NULL;
	}
	if (map_put(&modules->ids, modules_key(device, inode), modules->count + 1)) {
		free(module->path);
		free(module);
		return NULL;
	}
	module->fd = -1;
	module->debug_fd = -1;
	module->device = device;
	module->inode = inode;
	modules->items[modules->count++] = module;
	module->id = (uint32_t)modules->count;
	return module;
}

static bool is_site_valid(const struct probe_site *site)
{
	if (site->function >= functions_count() || site->is_emulated > 1 || site->skips_null > 1)
		return false;
	for (size_t i = 0; i < 6; i++)
		if (site->argument[i] < -1 || site->argument[i] > 15)
			return false;
	for (size_t i = 0; cookie_is_point(site) && i < 3; i++)
		if (site->argument_bytes[i] & ~(4 | 8))
			return false;
	return site->offset >= site->entry_offset && site->offset - site->entry_offset < 4096;
}

bool debug_links_are_valid(const struct debug_links *links)
{
	return memchr(links->name, 0, sizeof(links->name)) &&
	       memchr(links->common, 0, sizeof(links->common)) &&
	       links->common_id_size <= BUILD_ID_MAX;
}

int module_inspected(struct module *module, const void *bytes, size_t size)
{
	struct module_inspection inspection;

	if (size < sizeof(inspection))
		return -EBADMSG;
	memcpy(&inspection, bytes, sizeof(inspection));
	size_t sites_size = inspection.site_count * sizeof(struct probe_site);
	if (inspection.site_count > MODULE_SITES_MAX || inspection.build_id_size > BUILD_ID_MAX ||
	    !debug_links_are_valid(&inspection.links) || size != sizeof(inspection) + sites_size)
		return -EBADMSG;
	struct probe_site *sites = malloc(sites_size + 1);
	if (!sites)
		return -ENOMEM;
	memcpy(sites, (const char *)bytes + sizeof(inspection), sites_size);
	for (uint32_t i = 0; i < inspection.site_count; i++) {
		if (!is_site_valid(&sites[i])) {
			free(sites);
			return -EBADMSG;
		}
		sites[i].symbol[SITE_SYMBOL_MAX - 1] = 0;
		sites[i].instruction[SITE_INSTRUCTION_MAX - 1] = 0;
	}
	free(module->sites);
	module->sites = sites;
	module->inspection = inspection;
	return 0;
}

static bool take_mark(struct module *module, uint32_t *marks_left)
{
	module->inspection.refused_marks += !*marks_left;
	if (!*marks_left)
		return false;
	--*marks_left;
	return true;
}

void module_choose_sites(struct module *module, bool has_mappings, bool has_points,
			 uint32_t *marks_left)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < module->inspection.site_count; i++) {
		const struct probe_site *site = &module->sites[i];
		if (cookie_is_mapping(site) ? has_mappings
		    : cookie_is_mark(site)  ? take_mark(module, marks_left)
					    : cookie_is_point(site) == has_points)
			module->sites[kept++] = *site;
	}
	module->inspection.site_count = kept;
}

static const char *reason(int err)
{
	switch (-err) {
	case ECHILD: return "what read it crashed";
	case ETIMEDOUT: return "reading it took too long";
	case ENOMEM: return "reading it took too much memory";
	case EHOSTDOWN: return "its file system does not answer";
	case ESTALE: return "it changed meanwhile";
	case EFBIG: return "too large";
	case EMEDIUMTYPE: return "no regular file";
	case EKEYREJECTED: return "it has killed what read it too often";
	case ENOEXEC: return "no sound ELF file";
	case ENODATA: return "it has none";
	case ENOTSUP: return "another machine's or a 32-bit file";
	}
	return strerror(-err);
}

void module_note(struct module *module, const char *what, int err)
{
	size_t used = strlen(module->note);

	if (!strstr(module->note, what))
		snprintf(module->note + used, sizeof(module->note) - used, "%s%s: %s",
			 used ? "; " : "", what, reason(err));
}

void modules_free(struct modules *modules)
{
	for (size_t i = 0; i < modules->count; i++) {
		struct module *module = modules->items[i];
		io_close(&module->fd);
		io_close(&module->debug_fd);
		free(module->path);
		free(module->sites);
		free(module);
	}
	free(modules->items);
	map_free(&modules->ids);
	*modules = (struct modules) { 0 };
}
