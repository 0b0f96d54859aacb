/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Modules as the kernel sees them, after the host's linker has placed them.
 * There is no ELF in here: struct kobj says where the image lies and which
 * link sets it brings.
 */
#ifndef _KERNEL_MODULE_MODULE_H_
#define _KERNEL_MODULE_MODULE_H_

#include <sys/module.h>

#include <rumpy/doors.h>

/*
 * NetBSD's opaque handle of a loaded object.  The module_t comes first, so that
 * the handle given to the host, the module_t and this are one address.
 */
struct kobj {
	module_t	ko_module;
	struct module	*ko_required[MAXMODDEPS];
	struct door_module ko_door;	/* what the linker said */
	char		ko_name[MAXMODNAME];
};

void	module_init(void);
void	kernconfig_lock(void);
void	kernconfig_unlock(void);
bool	kernconfig_is_held(void);
int	module_attach(struct door_module *, modsrc_t, module_t **);
int	module_detach(module_t *);
int	module_link(const void *, size_t, const char *, int);

#endif /* _KERNEL_MODULE_MODULE_H_ */
