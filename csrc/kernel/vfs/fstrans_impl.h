/* SPDX-License-Identifier: BSD-2-Clause */
/* The inner side of fstrans: its records, and the way in that never waits. */
#ifndef _KERNEL_VFS_FSTRANS_IMPL_H_
#define _KERNEL_VFS_FSTRANS_IMPL_H_

#include <sys/param.h>
#include <sys/lwp.h>
#include <sys/mount.h>
#include <sys/fstrans.h>

/* How often one lwp is inside the transactions of one mount. */
struct fstrans_lwp_info {
	struct mount *fli_mount;
	u_int fli_count;
	u_int fli_lazy;			/* of these, begun by start_lazy */
	bool fli_ref;			/* keeps the mount until it is done */
	struct fstrans_mount_info *fli_info;
	struct fstrans_lwp_info *fli_next;
	LIST_ENTRY(fstrans_lwp_info) fli_list;	/* all of the mount */
};

/* mnt_transinfo */
struct fstrans_mount_info {
	enum fstrans_state fmi_state;
	struct lwp *fmi_owner;		/* who suspends */
	LIST_HEAD(, fstrans_lwp_info) fmi_lwps;
};

static __inline bool
fstrans_enter_fast(struct mount *mp)
{
	struct fstrans_lwp_info *fli = curlwp->l_fstrans;

	if (__predict_true(fli != NULL && fli->fli_mount == mp &&
	    (fli->fli_count > 0 ||
	    fli->fli_info->fmi_state == FSTRANS_NORMAL))) {
		fli->fli_count++;
		return true;
	}
	return false;
}

static __inline bool
fstrans_leave_fast(struct mount *mp)
{
	struct fstrans_lwp_info *fli = curlwp->l_fstrans;

	if (__predict_true(fli != NULL && fli->fli_mount == mp &&
	    (fli->fli_count > 1 || (fli->fli_count == 1 && !fli->fli_ref &&
	    fli->fli_info->fmi_state == FSTRANS_NORMAL)))) {
		fli->fli_count--;
		return true;
	}
	return false;
}

/* For sleeps without end, in FIFOs and devices; see fstrans.c. */
struct fstrans_pause {
	struct mount *fp_mount;
	u_int fp_count;
	u_int fp_lazy;
};
void fstrans_pause(struct mount *, struct fstrans_pause *);
void fstrans_unpause(struct fstrans_pause *);

#endif /* !_KERNEL_VFS_FSTRANS_IMPL_H_ */
