/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Transactions of a mount and their suspension.
 *
 * Every operation on a file runs between fstrans_start() and fstrans_done()
 * of its mount.  Who wants the file system to stand still (a snapshot, an
 * unmount) sets the state SUSPENDING, which keeps new transactions out and
 * waits for the running ones, then SUSPENDED, which also waits for the lazy
 * ones (those that write back what was dirtied before).  A lwp that is inside
 * already may enter again at any time, and so may the one that suspends.
 *
 * Each lwp keeps a short list of records, the one used last in front; they
 * outlive their last transaction, so that entering allocates only once for
 * each pair of lwp and mount.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/condvar.h>
#include <sys/mutex.h>
#include <sys/mount.h>
#include <sys/vnode.h>

#include "fstrans_impl.h"
#include "vnode_impl.h"

static kmutex_t fstrans_lock;
static kcondvar_t fstrans_cv;		/* a state or a count has changed */
static kmutex_t vfs_suspend_lock;	/* one suspension at a time */

void
fstrans_init(void)
{
	mutex_init(&fstrans_lock, MUTEX_DEFAULT, IPL_NONE);
	mutex_init(&vfs_suspend_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&fstrans_cv, "fstrans");
}

/* Layers share the transactions of the file system at the bottom. */
static struct mount *
fstrans_base(struct mount *mp)
{
	while (mp->mnt_lower != NULL)
		mp = mp->mnt_lower;
	return mp;
}

int
fstrans_mount(struct mount *mp)
{
	struct fstrans_mount_info *fmi;

	fmi = kmem_zalloc(sizeof(*fmi), KM_SLEEP);
	fmi->fmi_state = FSTRANS_NORMAL;
	LIST_INIT(&fmi->fmi_lwps);
	mp->mnt_transinfo = fmi;
	return 0;
}

/* Detach the records that lwps still keep; they are reused for others. */
void
fstrans_unmount(struct mount *mp)
{
	struct fstrans_mount_info *fmi = mp->mnt_transinfo;
	struct fstrans_lwp_info *fli;

	if (fmi == NULL)
		return;
	while ((fli = LIST_FIRST(&fmi->fmi_lwps)) != NULL) {
		KASSERT(fli->fli_count == 0);
		LIST_REMOVE(fli, fli_list);
		fli->fli_mount = NULL;
		fli->fli_info = NULL;
	}
	mp->mnt_transinfo = NULL;
	kmem_free(fmi, sizeof(*fmi));
}

void
fstrans_lwp_dtor(struct lwp *l)
{
	struct fstrans_lwp_info *fli;

	while ((fli = l->l_fstrans) != NULL) {
		KASSERT(fli->fli_count == 0);
		l->l_fstrans = fli->fli_next;
		if (fli->fli_mount != NULL)
			LIST_REMOVE(fli, fli_list);
		kmem_free(fli, sizeof(*fli));
	}
}

static struct fstrans_lwp_info *
fstrans_find(struct lwp *l, const struct mount *mp)
{
	struct fstrans_lwp_info **prev, *fli;

	for (prev = &l->l_fstrans; (fli = *prev) != NULL;
	    prev = &fli->fli_next) {
		if (fli->fli_mount == mp) {
			*prev = fli->fli_next;
			fli->fli_next = l->l_fstrans;
			l->l_fstrans = fli;
			return fli;
		}
	}
	return NULL;
}

/* The record of this lwp for a mount, in front of its list. */
static struct fstrans_lwp_info *
fstrans_get(struct mount *mp)
{
	struct lwp *l = curlwp;
	struct fstrans_mount_info *fmi = mp->mnt_transinfo;
	struct fstrans_lwp_info *fli;

	if ((fli = fstrans_find(l, mp)) != NULL)
		return fli;
	KASSERT(fmi != NULL);
	if ((fli = fstrans_find(l, NULL)) == NULL) {
		fli = kmem_zalloc(sizeof(*fli), KM_SLEEP);
		fli->fli_next = l->l_fstrans;
		l->l_fstrans = fli;
	}
	fli->fli_mount = mp;
	fli->fli_info = fmi;
	LIST_INSERT_HEAD(&fmi->fmi_lwps, fli, fli_list);
	return fli;
}

static bool
fstrans_may_enter(const struct fstrans_lwp_info *fli, bool lazy)
{
	const struct fstrans_mount_info *fmi = fli->fli_info;

	if (fmi->fmi_state == FSTRANS_NORMAL || fli->fli_count > 0 ||
	    fmi->fmi_owner == curlwp)
		return true;
	return lazy && fmi->fmi_state == FSTRANS_SUSPENDING;
}

static int
fstrans_enter(struct mount *mp, bool lazy, bool wait)
{
	struct fstrans_lwp_info *fli;

	mp = fstrans_base(mp);
	fli = fstrans_get(mp);
	if (!fstrans_may_enter(fli, lazy)) {
		if (!wait)
			return EBUSY;
		/* While we sleep the mount may lose all other references. */
		KASSERT(!fli->fli_ref);
		fli->fli_ref = true;
		vfs_ref(mp);
		mutex_enter(&fstrans_lock);
		while (!fstrans_may_enter(fli, lazy))
			cv_wait(&fstrans_cv, &fstrans_lock);
		mutex_exit(&fstrans_lock);
	}
	fli->fli_count++;
	if (lazy)
		fli->fli_lazy++;
	return 0;
}

void
fstrans_start(struct mount *mp)
{
	(void)fstrans_enter(mp, false, true);
}

int
fstrans_start_nowait(struct mount *mp)
{
	return fstrans_enter(mp, false, false);
}

void
fstrans_start_lazy(struct mount *mp)
{
	(void)fstrans_enter(mp, true, true);
}

void
fstrans_done(struct mount *mp)
{
	struct fstrans_lwp_info *fli;

	mp = fstrans_base(mp);
	fli = fstrans_find(curlwp, mp);
	KASSERTMSG(fli != NULL && fli->fli_count > 0,
	    "fstrans_done(%s) without a transaction",
	    mp->mnt_stat.f_mntonname);
	if (--fli->fli_count < fli->fli_lazy)
		fli->fli_lazy = fli->fli_count;
	if (fli->fli_count > 0)
		return;
	if (fli->fli_info->fmi_state != FSTRANS_NORMAL) {
		mutex_enter(&fstrans_lock);
		cv_broadcast(&fstrans_cv);
		mutex_exit(&fstrans_lock);
	}
	if (fli->fli_ref) {
		fli->fli_ref = false;
		vfs_rele(mp);
	}
}

/*
 * A lwp that will sleep for as long as it pleases others (a FIFO without a
 * writer) must not keep a suspension waiting: it leaves the mount for that
 * time, with nothing locked, and comes back to where it was.  The mount may be
 * unmounted meanwhile but is not freed.
 */
void
fstrans_pause(struct mount *mp, struct fstrans_pause *fp)
{
	struct fstrans_lwp_info *fli;

	mp = fstrans_base(mp);
	fli = fstrans_find(curlwp, mp);
	fp->fp_mount = mp;
	fp->fp_count = fli != NULL ? fli->fli_count : 0;
	fp->fp_lazy = fli != NULL ? fli->fli_lazy : 0;
	vfs_ref(mp);
	if (fp->fp_count > 0) {
		fli->fli_count = 1;
		fstrans_done(mp);
	}
}

void
fstrans_unpause(struct fstrans_pause *fp)
{
	struct fstrans_lwp_info *fli;

	if (fp->fp_count == 0) {
		vfs_rele(fp->fp_mount);
		return;
	}
	(void)fstrans_enter(fp->fp_mount, false, true);
	fli = fstrans_find(curlwp, fp->fp_mount);
	fli->fli_count = fp->fp_count;
	fli->fli_lazy = fp->fp_lazy;
	/* Our reference stays until the last of them is done. */
	if (fli->fli_ref)
		vfs_rele(fp->fp_mount);
	else
		fli->fli_ref = true;
}

int
fstrans_is_owner(struct mount *mp)
{
	struct fstrans_mount_info *fmi = fstrans_base(mp)->mnt_transinfo;

	return fmi != NULL && fmi->fmi_owner == curlwp;
}

/* Inside, or the one who keeps all others out. */
int
fstrans_held(struct mount *mp)
{
	struct fstrans_lwp_info *fli;

	mp = fstrans_base(mp);
	fli = fstrans_find(curlwp, mp);
	return (fli != NULL && fli->fli_count > 0) || fstrans_is_owner(mp);
}

/* Is another lwp inside in a way that the new state does not allow? */
static bool
fstrans_others(struct fstrans_mount_info *fmi, enum fstrans_state state)
{
	struct fstrans_lwp_info *fli, *own = curlwp->l_fstrans;
	struct fstrans_lwp_info *mine;

	LIST_FOREACH(fli, &fmi->fmi_lwps, fli_list) {
		for (mine = own; mine != NULL; mine = mine->fli_next)
			if (mine == fli)
				break;
		if (mine != NULL || fli->fli_count == 0)
			continue;
		if (state == FSTRANS_SUSPENDED ||
		    fli->fli_count > fli->fli_lazy)
			return true;
	}
	return false;
}

int
fstrans_setstate(struct mount *mp, enum fstrans_state new)
{
	struct fstrans_mount_info *fmi;
	enum fstrans_state old;
	int error = 0;

	mp = fstrans_base(mp);
	fmi = mp->mnt_transinfo;
	mutex_enter(&fstrans_lock);
	old = fmi->fmi_state;
	KASSERT(old == FSTRANS_NORMAL || fmi->fmi_owner == curlwp);
	fmi->fmi_state = new;
	fmi->fmi_owner = new == FSTRANS_NORMAL ? NULL : curlwp;
	while (new != FSTRANS_NORMAL && fstrans_others(fmi, new)) {
		error = cv_wait_sig(&fstrans_cv, &fstrans_lock);
		if (error != 0) {
			fmi->fmi_state = old;
			if (old == FSTRANS_NORMAL)
				fmi->fmi_owner = NULL;
			break;
		}
	}
	cv_broadcast(&fstrans_cv);
	mutex_exit(&fstrans_lock);
	return error;
}

enum fstrans_state
fstrans_getstate(struct mount *mp)
{
	struct fstrans_mount_info *fmi = fstrans_base(mp)->mnt_transinfo;

	return fmi->fmi_state;
}

/*
 * Stop a file system.  While this returns 0 no other lwp is inside it, until
 * vfs_resume().
 */
int
vfs_suspend(struct mount *mp, int nowait)
{
	struct fstrans_mount_info *fmi;
	int error;

	mp = fstrans_base(mp);
	fmi = mp->mnt_transinfo;
	if (fmi != NULL && fmi->fmi_owner == curlwp)
		return EWOULDBLOCK;
	if (nowait) {
		if (!mutex_tryenter(&vfs_suspend_lock))
			return EWOULDBLOCK;
	} else {
		mutex_enter(&vfs_suspend_lock);
	}
	error = VFS_SUSPENDCTL(mp, SUSPEND_SUSPEND);
	if (error != 0)
		mutex_exit(&vfs_suspend_lock);
	return error;
}

void
vfs_resume(struct mount *mp)
{
	mp = fstrans_base(mp);
	(void)VFS_SUSPENDCTL(mp, SUSPEND_RESUME);
	mutex_exit(&vfs_suspend_lock);
	vnode_drain_kick();		/* what it could not do meanwhile */
}
