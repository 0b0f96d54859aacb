/* SPDX-License-Identifier: BSD-2-Clause */

/* Hooks through which optional code is called if it is there. */
#ifndef _SYS_MODULE_HOOK_H_
#define	_SYS_MODULE_HOOK_H_

#include <sys/types.h>
#include <sys/localcount.h>

/* A hook: the function of whoever has set it, and who is in there. */
#define	MODULE_HOOK(hook, type, args)					\
extern struct hook ## _t {						\
	struct localcount lc;						\
	type	(*f)args;						\
	bool	hooked;							\
} hook

bool	module_hook_tryenter(bool *, struct localcount *);
void	module_hook_exit(struct localcount *);

#endif /* !_SYS_MODULE_HOOK_H_ */
