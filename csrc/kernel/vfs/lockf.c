/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Advisory byte-range locks: fcntl(2)'s, whose owner is a process, and
 * flock(2)'s, whose owner is an open file.
 *
 * A file system keeps one pointer for each inode; behind it is the list of the
 * file's locks, sorted by start, which exists while it has locks or waiters.
 * An owner's own locks never overlap each other: setting one cuts or joins
 * those that were there.  Whoever must wait sleeps on the list and looks again
 * whenever a lock goes.
 */
#include <sys/param.h>
#include <sys/condvar.h>
#include <sys/errno.h>
#include <sys/fcntl.h>
#include <sys/kmem.h>
#include <sys/lockf.h>
#include <sys/mutex.h>
#include <sys/proc.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <sys/unistd.h>
#include <sys/vnode.h>

#define	LOCK_EOF	INT64_MAX	/* last byte of a lock without end */

struct lock {
	TAILQ_ENTRY(lock) lk_entry;
	off_t		lk_start;
	off_t		lk_last;	/* inclusive */
	void		*lk_owner;
	pid_t		lk_pid;
	short		lk_type;	/* F_RDLCK or F_WRLCK */
	int		lk_flags;	/* F_POSIX or F_FLOCK */
};

/* A sleeper, for the search of deadlocks among processes. */
struct waiter {
	LIST_ENTRY(waiter) wt_entry;
	void		*wt_owner;
	void		*wt_blocker;	/* owner of the lock in the way */
};

struct lockf {
	TAILQ_HEAD(, lock) lf_locks;
	kcondvar_t	lf_cv;
	u_int		lf_waiters;
};

static kmutex_t lf_mutex;
static LIST_HEAD(, waiter) lf_sleepers = LIST_HEAD_INITIALIZER(lf_sleepers);

void
lf_init(void)
{

	mutex_init(&lf_mutex, MUTEX_DEFAULT, IPL_NONE);
}

static struct lockf *
list_get(struct lockf **head)
{
	struct lockf *lf = *head;

	if (lf == NULL) {
		lf = kmem_alloc(sizeof(*lf), KM_SLEEP);
		TAILQ_INIT(&lf->lf_locks);
		cv_init(&lf->lf_cv, "lockf");
		lf->lf_waiters = 0;
		*head = lf;
	}
	return lf;
}

static void
list_put(struct lockf **head)
{
	struct lockf *lf = *head;

	if (lf == NULL || lf->lf_waiters > 0 || !TAILQ_EMPTY(&lf->lf_locks))
		return;
	*head = NULL;
	cv_destroy(&lf->lf_cv);
	kmem_free(lf, sizeof(*lf));
}

static bool
overlap(const struct lock *a, const struct lock *b)
{

	return a->lk_start <= b->lk_last && b->lk_start <= a->lk_last;
}

static bool
same_owner(const struct lock *a, const struct lock *b)
{

	return a->lk_owner == b->lk_owner &&
	    ((a->lk_flags ^ b->lk_flags) & (F_POSIX | F_FLOCK)) == 0;
}

/* The first lock that forbids WANTED, or NULL. */
static struct lock *
find_conflict(struct lockf *lf, const struct lock *wanted)
{
	struct lock *lk;

	TAILQ_FOREACH(lk, &lf->lf_locks, lk_entry)
		if (!same_owner(lk, wanted) && overlap(lk, wanted) &&
		    (lk->lk_type == F_WRLCK || wanted->lk_type == F_WRLCK))
			return lk;
	return NULL;
}

static void
insert_sorted(struct lockf *lf, struct lock *new)
{
	struct lock *lk;

	TAILQ_FOREACH(lk, &lf->lf_locks, lk_entry)
		if (lk->lk_start > new->lk_start) {
			TAILQ_INSERT_BEFORE(lk, new, lk_entry);
			return;
		}
	TAILQ_INSERT_TAIL(&lf->lf_locks, new, lk_entry);
}

static void
remove_lock(struct lockf *lf, struct lock *lk)
{

	TAILQ_REMOVE(&lf->lf_locks, lk, lk_entry);
	kmem_free(lk, sizeof(*lk));
}

/*
 * Take RANGE out of the owner's own locks.  *SPARE is used for the right half
 * of a lock that is cut in two.
 */
static void
cut_own(struct lockf *lf, const struct lock *range, struct lock **spare)
{
	struct lock *lk, *next, *right;

	TAILQ_FOREACH_SAFE(lk, &lf->lf_locks, lk_entry, next) {
		if (!same_owner(lk, range) || !overlap(lk, range))
			continue;
		if (lk->lk_start < range->lk_start &&
		    lk->lk_last > range->lk_last) {
			right = *spare;
			KASSERT(right != NULL);
			*spare = NULL;
			*right = *lk;
			right->lk_start = range->lk_last + 1;
			lk->lk_last = range->lk_start - 1;
			insert_sorted(lf, right);
			return;
		}
		if (lk->lk_start < range->lk_start)
			lk->lk_last = range->lk_start - 1;
		else if (lk->lk_last > range->lk_last) {
			TAILQ_REMOVE(&lf->lf_locks, lk, lk_entry);
			lk->lk_start = range->lk_last + 1;
			insert_sorted(lf, lk);
		} else
			remove_lock(lf, lk);
	}
}

/* Do A and B touch, B being the later one? */
static bool
adjoins(const struct lock *a, const struct lock *b)
{

	return a->lk_last != LOCK_EOF && a->lk_last + 1 == b->lk_start;
}

/* Join NEW with the owner's locks of the same type right beside it. */
static void
join_neighbours(struct lockf *lf, struct lock *new)
{
	struct lock *lk, *next;

	TAILQ_FOREACH_SAFE(lk, &lf->lf_locks, lk_entry, next) {
		if (lk == new || !same_owner(lk, new) ||
		    lk->lk_type != new->lk_type)
			continue;
		if (adjoins(lk, new)) {
			new->lk_start = lk->lk_start;
			remove_lock(lf, lk);
		} else if (adjoins(new, lk)) {
			new->lk_last = lk->lk_last;
			remove_lock(lf, lk);
		}
	}
	TAILQ_REMOVE(&lf->lf_locks, new, lk_entry);
	insert_sorted(lf, new);
}

/* Would OWNER, waiting for BLOCKER, close a ring of waiting processes? */
static bool
deadlock(const void *owner, const void *blocker)
{
	const struct waiter *wt;

	while (blocker != owner) {
		LIST_FOREACH(wt, &lf_sleepers, wt_entry)
			if (wt->wt_owner == blocker)
				break;
		if (wt == NULL)
			return false;
		blocker = wt->wt_blocker;
	}
	return true;
}

static int
wait_for(struct lockf *lf, const struct lock *wanted, struct lock *blocker)
{
	struct waiter wt = {
		.wt_owner = wanted->lk_owner,
		.wt_blocker = blocker->lk_owner,
	};
	const bool posix = (wanted->lk_flags & F_POSIX) != 0;
	int error;

	if (posix && (blocker->lk_flags & F_POSIX) != 0 &&
	    deadlock(wt.wt_owner, wt.wt_blocker))
		return EDEADLK;
	if (posix)
		LIST_INSERT_HEAD(&lf_sleepers, &wt, wt_entry);
	lf->lf_waiters++;
	error = cv_wait_sig(&lf->lf_cv, &lf_mutex);
	lf->lf_waiters--;
	if (posix)
		LIST_REMOVE(&wt, wt_entry);
	return error;
}

static int
set_lock(struct lockf *lf, const struct lock *wanted, struct lock **new,
    struct lock **spare)
{
	struct lock *blocker;
	int error;

	while ((blocker = find_conflict(lf, wanted)) != NULL) {
		if ((wanted->lk_flags & F_WAIT) == 0)
			return EAGAIN;
		/*
		 * An open file that wants to change its lock gives up the old
		 * one first, as flock(2) says.
		 */
		if ((wanted->lk_flags & F_FLOCK) != 0) {
			cut_own(lf, wanted, spare);
			cv_broadcast(&lf->lf_cv);
		}
		error = wait_for(lf, wanted, blocker);
		if (error != 0)
			return error;
	}
	cut_own(lf, wanted, spare);
	**new = *wanted;
	insert_sorted(lf, *new);
	join_neighbours(lf, *new);
	*new = NULL;
	cv_broadcast(&lf->lf_cv);	/* a write lock may have become a read */
	return 0;
}

static void
get_lock(struct lockf *lf, const struct lock *wanted, struct flock *fl)
{
	struct lock *lk = find_conflict(lf, wanted);

	if (lk == NULL) {
		fl->l_type = F_UNLCK;
		return;
	}
	fl->l_type = lk->lk_type;
	fl->l_whence = SEEK_SET;
	fl->l_start = lk->lk_start;
	fl->l_len = lk->lk_last == LOCK_EOF ? 0 :
	    lk->lk_last - lk->lk_start + 1;
	fl->l_pid = (lk->lk_flags & F_POSIX) != 0 ? lk->lk_pid : -1;
}

/* Turn what the caller wrote into the first and last byte. */
static int
set_range(struct lock *lk, const struct flock *fl, off_t size)
{
	off_t start = fl->l_start;

	if (fl->l_whence == SEEK_END) {
		if (start > 0 && size > INT64_MAX - start)
			return EOVERFLOW;
		start += size;
	}
	/* SEEK_CUR has been resolved by who knows the offset. */
	if (start < 0)
		return EINVAL;
	if (fl->l_len > 0) {
		if (fl->l_len - 1 > INT64_MAX - start)
			return EOVERFLOW;
		lk->lk_last = start + fl->l_len - 1;
	} else if (fl->l_len == 0)
		lk->lk_last = LOCK_EOF;
	else {
		/* The bytes before the start. */
		lk->lk_last = start - 1;
		start += fl->l_len;
		if (start < 0)
			return EINVAL;
	}
	lk->lk_start = start;
	return 0;
}

static void
free_spare(struct lock *lk)
{

	if (lk != NULL)
		kmem_free(lk, sizeof(*lk));
}

/*
 * What a file system's advlock operation calls: HEAD is the inode's pointer,
 * SIZE the file's size in bytes.
 */
int
lf_advlock(struct vop_advlock_args *ap, struct lockf **head, off_t size)
{
	struct flock *fl = ap->a_fl;
	struct lock *new, *spare, wanted = {
		.lk_owner = ap->a_id,
		.lk_flags = ap->a_flags,
		.lk_type = fl->l_type,
	};
	int error;

	if ((ap->a_flags & F_POSIX) != 0)
		wanted.lk_pid = ((struct proc *)ap->a_id)->p_pid;
	error = set_range(&wanted, fl, size);
	if (error != 0)
		return error;
	new = kmem_alloc(sizeof(*new), KM_SLEEP);
	spare = kmem_alloc(sizeof(*spare), KM_SLEEP);
	mutex_enter(&lf_mutex);
	switch (ap->a_op) {
	case F_SETLK:
		error = set_lock(list_get(head), &wanted, &new, &spare);
		break;
	case F_UNLCK:
		if (*head != NULL) {
			cut_own(*head, &wanted, &spare);
			cv_broadcast(&(*head)->lf_cv);
		}
		break;
	case F_GETLK:
		get_lock(list_get(head), &wanted, fl);
		break;
	default:
		error = EINVAL;
		break;
	}
	list_put(head);
	mutex_exit(&lf_mutex);
	free_spare(new);
	free_spare(spare);
	return error;
}
