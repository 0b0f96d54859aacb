/* SPDX-License-Identifier: BSD-2-Clause */
/* Transactions: what lets a mount be suspended while files are in use. */

#ifndef _SYS_FSTRANS_H_
#define _SYS_FSTRANS_H_

#include <sys/types.h>

#ifdef _KERNEL
struct buf;
struct lwp;
struct mount;

#define SUSPEND_SUSPEND	0x0001
#define SUSPEND_RESUME	0x0002

enum fstrans_state {
	FSTRANS_NORMAL,
	FSTRANS_SUSPENDING,
	FSTRANS_SUSPENDED
};

void fstrans_init(void);
void fstrans_start(struct mount *);
int fstrans_start_nowait(struct mount *);
void fstrans_start_lazy(struct mount *);
void fstrans_done(struct mount *);
int fstrans_is_owner(struct mount *);
int fstrans_held(struct mount *);
int fstrans_mount(struct mount *);
void fstrans_unmount(struct mount *);
void fstrans_lwp_dtor(struct lwp *);

int fstrans_setstate(struct mount *, enum fstrans_state);
enum fstrans_state fstrans_getstate(struct mount *);

int fscow_establish(struct mount *, int (*)(void *, struct buf *, bool),
    void *);
int fscow_disestablish(struct mount *, int (*)(void *, struct buf *, bool),
    void *);
int fscow_run(struct buf *, bool);

int vfs_suspend(struct mount *, int);
void vfs_resume(struct mount *);
#endif

#endif /* !_SYS_FSTRANS_H_ */
