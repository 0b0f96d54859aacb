/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Copy-on-write hooks: a snapshot sees every block of its file system before
 * it is changed on the disk (fstrans(9)).
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/fstrans.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/queue.h>
#include <sys/vnode.h>

#include "vfs/bio.h"

typedef int (*fscow_func)(void *, struct buf *, bool);

struct fscow_handler {
	LIST_ENTRY(fscow_handler) fh_link;
	struct mount	*fh_mount;
	fscow_func	fh_func;
	void		*fh_cookie;
	u_int		fh_running;	/* calls that have not returned */
	bool		fh_dead;
};

static LIST_HEAD(, fscow_handler) fscow_handlers =
    LIST_HEAD_INITIALIZER(fscow_handlers);

int
fscow_establish(struct mount *mp, fscow_func func, void *cookie)
{
	struct fscow_handler *fh;

	fh = kmem_zalloc(sizeof(*fh), KM_SLEEP);
	fh->fh_mount = mp;
	fh->fh_func = func;
	fh->fh_cookie = cookie;
	LIST_INSERT_HEAD(&fscow_handlers, fh, fh_link);
	return 0;
}

static void
fscow_free(struct fscow_handler *fh)
{

	LIST_REMOVE(fh, fh_link);
	kmem_free(fh, sizeof(*fh));
}

/* The caller has suspended the file system: no call is under way for long. */
int
fscow_disestablish(struct mount *mp, fscow_func func, void *cookie)
{
	struct fscow_handler *fh;

	LIST_FOREACH(fh, &fscow_handlers, fh_link) {
		if (fh->fh_mount != mp || fh->fh_func != func ||
		    fh->fh_cookie != cookie || fh->fh_dead)
			continue;
		fh->fh_dead = true;
		if (fh->fh_running == 0)
			fscow_free(fh);
		return 0;
	}
	return EINVAL;
}

/* Does anybody want to see what is overwritten? */
bool
fscow_active(const struct mount *mp)
{
	const struct fscow_handler *fh;

	LIST_FOREACH(fh, &fscow_handlers, fh_link)
		if (fh->fh_mount == mp && !fh->fh_dead)
			return true;
	return false;
}

/* Call the live handlers of a mount; the first error ends it. */
static int
fscow_call(struct mount *mp, struct buf *bp, bool data_valid)
{
	struct fscow_handler *fh, *next;
	int error;

	error = 0;
	for (fh = LIST_FIRST(&fscow_handlers); fh != NULL; fh = next) {
		next = LIST_NEXT(fh, fh_link);
		if (fh->fh_mount != mp || fh->fh_dead)
			continue;
		fh->fh_running++;	/* keeps it on the list meanwhile */
		error = (*fh->fh_func)(fh->fh_cookie, bp, data_valid);
		next = LIST_NEXT(fh, fh_link);
		if (--fh->fh_running == 0 && fh->fh_dead)
			fscow_free(fh);
		if (error != 0)
			break;
	}
	return error;
}

/*
 * Before a buffer's block changes: data_valid says that the buffer still
 * holds the old contents.
 */
int
fscow_run(struct buf *bp, bool data_valid)
{
	struct mount *mp;
	int error;

	if (__predict_true(LIST_EMPTY(&fscow_handlers)))
		return 0;
	if ((bp->b_flags & B_COWDONE) != 0 || bp->b_vp == NULL)
		return 0;
	mp = bio_vnode_mount(bp->b_vp);
	error = mp == NULL ? 0 : fscow_call(mp, bp, data_valid);
	if (error == 0)
		bp->b_flags |= B_COWDONE;
	return error;
}
