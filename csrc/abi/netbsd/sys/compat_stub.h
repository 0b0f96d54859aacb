/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Hooks for programs of earlier releases.  Only the compat modules set them,
 * and there are no such programs here.
 */
#ifndef _SYS_COMPAT_STUB_H_
#define	_SYS_COMPAT_STUB_H_

#include <sys/module_hook.h>

struct lwp;
struct puffs_req;
struct vattr;
struct vnd_ioctl;

MODULE_HOOK(puffs_out_50_hook, int,
    (struct puffs_req *, struct puffs_req **, ssize_t *));
MODULE_HOOK(puffs_in_50_hook, void,
    (struct puffs_req *, struct puffs_req *));
MODULE_HOOK(compat_vndioctl_30_hook, int,
    (u_long, struct lwp *, void *, int, struct vattr *,
    int (*)(struct lwp *, void *, int, struct vattr *)));
MODULE_HOOK(compat_vndioctl_50_hook, int,
    (u_long, struct lwp *, void *, int, struct vattr *,
    int (*)(struct lwp *, void *, int, struct vattr *)));

#endif /* !_SYS_COMPAT_STUB_H_ */
