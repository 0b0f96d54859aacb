/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Linking on behalf of a kernel (modctl(2) from inside).  The linker is
 * Python's, and comes as a provider (rumpy/hypercall/modules.py); a kernel
 * whose owner has none can't load modules by itself.
 */

#include "internal.h"

#define	NB_ENOSYS	78

int
hypercall_module_link(struct hyp_kernel *k, const void *image, uint64_t size,
    const char *name, struct door_module *module)
{

	(void)k;
	(void)image;
	(void)size;
	(void)name;
	(void)module;
	return NB_ENOSYS;
}

int
hypercall_module_unlink(struct hyp_kernel *k, struct door_module *module)
{

	(void)k;
	(void)module;
	return NB_ENOSYS;
}
