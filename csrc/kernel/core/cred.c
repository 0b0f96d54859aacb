/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Credentials: real, effective and saved ids and up to NGROUPS supplementary
 * groups, with a reference count.  A credential that more than one holder
 * refers to is never changed: kauth_cred_copy() gives one that may be.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/systm.h>
#include <sys/uio.h>

#include <lib/libkern/libkern.h>

struct kauth_cred {
	u_int	cr_refcnt;
	uid_t	cr_uid, cr_euid, cr_svuid;
	gid_t	cr_gid, cr_egid, cr_svgid;
	u_int	cr_ngroups;
	gid_t	cr_groups[NGROUPS];
};

static bool
special(kauth_cred_t cred)
{

	return cred == NOCRED || cred == FSCRED;
}

kauth_cred_t
kauth_cred_alloc(void)
{
	kauth_cred_t cred = kmem_zalloc(sizeof(*cred), KM_SLEEP);

	cred->cr_refcnt = 1;
	return cred;
}

/* Since NetBSD 11 it returns what it was given. */
NETBSD_KAUTH_CRED_HOLD_TYPE
kauth_cred_hold(kauth_cred_t cred)
{

	if (!special(cred)) {
		KASSERT(cred->cr_refcnt > 0);
		cred->cr_refcnt++;
	}
	return NETBSD_KAUTH_CRED_HOLD_RESULT(cred);
}

void
kauth_cred_free(kauth_cred_t cred)
{

	if (special(cred))
		return;
	KASSERT(cred->cr_refcnt > 0);
	if (--cred->cr_refcnt == 0)
		kmem_free(cred, sizeof(*cred));
}

void
kauth_cred_clone(kauth_cred_t from, kauth_cred_t to)
{
	const u_int refcnt = to->cr_refcnt;

	*to = *from;
	to->cr_refcnt = refcnt;
}

kauth_cred_t
kauth_cred_dup(kauth_cred_t cred)
{
	kauth_cred_t new = kauth_cred_alloc();

	kauth_cred_clone(cred, new);
	return new;
}

/* One that only the caller has, in exchange for the caller's reference. */
kauth_cred_t
kauth_cred_copy(kauth_cred_t cred)
{
	kauth_cred_t new;

	if (cred->cr_refcnt == 1)
		return cred;
	new = kauth_cred_dup(cred);
	kauth_cred_free(cred);
	return new;
}

kauth_cred_t
kauth_cred_get(void)
{

	return curlwp->l_cred;
}

u_int
kauth_cred_getrefcnt(kauth_cred_t cred)
{

	return cred->cr_refcnt;
}

#define	ACCESSORS(type, name)						\
type									\
kauth_cred_get##name(kauth_cred_t cred)					\
{									\
									\
	return cred->cr_##name;						\
}									\
									\
void									\
kauth_cred_set##name(kauth_cred_t cred, type id)			\
{									\
									\
	KASSERT(cred->cr_refcnt == 1);					\
	cred->cr_##name = id;						\
}

ACCESSORS(uid_t, uid)
ACCESSORS(uid_t, euid)
ACCESSORS(uid_t, svuid)
ACCESSORS(gid_t, gid)
ACCESSORS(gid_t, egid)
ACCESSORS(gid_t, svgid)

static bool
has_group(kauth_cred_t cred, gid_t gid)
{

	for (u_int i = 0; i < cred->cr_ngroups; i++)
		if (cred->cr_groups[i] == gid)
			return true;
	return false;
}

int
kauth_cred_ismember_gid(kauth_cred_t cred, gid_t gid, int *resultp)
{

	*resultp = has_group(cred, gid);
	return 0;
}

/* 0 if a member by effective or supplementary group, -1 if not. */
int
kauth_cred_groupmember(kauth_cred_t cred, gid_t gid)
{

	return cred->cr_egid == gid || has_group(cred, gid) ? 0 : -1;
}

u_int
kauth_cred_ngroups(kauth_cred_t cred)
{

	return cred->cr_ngroups;
}

gid_t
kauth_cred_group(kauth_cred_t cred, u_int i)
{

	KASSERT(i < cred->cr_ngroups);
	return cred->cr_groups[i];
}

/* The third argument's uid is of interest to remote authorities only. */
int
kauth_cred_setgroups(kauth_cred_t cred, const gid_t *groups, size_t n,
    uid_t gmuid, enum uio_seg seg)
{
	int error = 0;

	KASSERT(cred->cr_refcnt == 1);
	if (n > __arraycount(cred->cr_groups))
		return EINVAL;
	if (seg == UIO_USERSPACE)
		error = copyin(groups, cred->cr_groups, n * sizeof(*groups));
	else
		memcpy(cred->cr_groups, groups, n * sizeof(*groups));
	if (error != 0)
		return error;
	cred->cr_ngroups = n;
	return 0;
}

int
kauth_cred_getgroups(kauth_cred_t cred, gid_t *groups, size_t n,
    enum uio_seg seg)
{

	n = MIN(n, cred->cr_ngroups);
	if (seg == UIO_USERSPACE)
		return copyout(cred->cr_groups, groups, n * sizeof(*groups));
	memcpy(groups, cred->cr_groups, n * sizeof(*groups));
	return 0;
}

/* Does A's real or effective user match B's real or effective one? */
int
kauth_cred_uidmatch(kauth_cred_t a, kauth_cred_t b)
{

	return a->cr_uid == b->cr_uid || a->cr_euid == b->cr_uid ||
	    a->cr_uid == b->cr_euid || a->cr_euid == b->cr_euid;
}

void
kauth_cred_to_uucred(struct uucred *uuc, const kauth_cred_t cred)
{
	const u_int n = MIN(cred->cr_ngroups, __arraycount(uuc->cr_groups));

	memset(uuc, 0, sizeof(*uuc));
	uuc->cr_uid = cred->cr_euid;
	uuc->cr_gid = cred->cr_egid;
	uuc->cr_ngroups = n;
	memcpy(uuc->cr_groups, cred->cr_groups, n * sizeof(gid_t));
}

void
kauth_uucred_to_cred(kauth_cred_t cred, const struct uucred *uuc)
{

	KASSERT(cred->cr_refcnt == 1);
	cred->cr_uid = cred->cr_euid = cred->cr_svuid = uuc->cr_uid;
	cred->cr_gid = cred->cr_egid = cred->cr_svgid = uuc->cr_gid;
	cred->cr_ngroups = MIN((u_int)MAX(uuc->cr_ngroups, 0), NGROUPS);
	memcpy(cred->cr_groups, uuc->cr_groups,
	    cred->cr_ngroups * sizeof(gid_t));
}

static bool
gids_have(const gid_t *gids, int n, gid_t gid)
{

	while (n > 0)
		if (gids[--n] == gid)
			return true;
	return false;
}

/* 0 if they are the same as far as a uucred tells; the groups are sets. */
int
kauth_cred_uucmp(kauth_cred_t cred, const struct uucred *uuc)
{
	struct uucred own;
	int i, n;

	kauth_cred_to_uucred(&own, cred);
	n = own.cr_ngroups;
	if (own.cr_uid != uuc->cr_uid || own.cr_gid != uuc->cr_gid ||
	    n != uuc->cr_ngroups)
		return 1;
	for (i = 0; i < n; i++)
		if (!gids_have(uuc->cr_groups, n, own.cr_groups[i]) ||
		    !gids_have(own.cr_groups, n, uuc->cr_groups[i]))
			return 1;
	return 0;
}

void
kauth_proc_fork(struct proc *parent, struct proc *child)
{

	kauth_cred_hold(parent->p_cred);
	child->p_cred = parent->p_cred;
}
