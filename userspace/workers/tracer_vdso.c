// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The vdso: code that the kernel maps into every process, and that has no file. All processes of 64
 * bits have the same image, this one, too; a copy of it becomes a module as any other.
 */
#include "base/io.h"
#include "bpf/settings.h"
#include "workers/tracer.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* The image ends with its section headers, as the kernel builds it. */
static size_t image_size(const Elf64_Ehdr *image)
{
	return image->e_shoff + (size_t)image->e_shnum * image->e_shentsize;
}

/* A descriptor of a file that nobody can change, or -errno. */
static int copy_image(const Elf64_Ehdr *image)
{
	int fd = memfd_create("vdso", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int err = fd < 0 ? -errno : io_write(fd, image, image_size(image));

	if (!err &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL))
		err = -errno;
	if (!err)
		return fd;
	io_close(&fd);
	return err;
}

void tracer_meet_vdso(struct tracer *tracer)
{
	const Elf64_Ehdr *image = (const void *)getauxval(AT_SYSINFO_EHDR);
	struct module *module;

	/* a kernel can be told to have none */
	if (!image || memcmp(image->e_ident, ELFMAG, SELFMAG) != 0)
		return;
	module = modules_add(&tracer->modules, VDSO_DEVICE, VDSO_INODE, "[vdso]");
	if (!module)
		return;
	module->is_vdso = true;
	module->size_bytes = image_size(image);
	module->fd = copy_image(image);
	if (module->fd < 0) {
		snprintf(module->note, sizeof(module->note), "not inspected: %s",
			 strerror(-module->fd));
		module->fd = -1;
	}
	module->is_waiting = true;
	tracer->waiting_count++;
}
