/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Small things that have no file of their own: the kernel's name, operations
 * that do nothing or fail, hash tables, hooks, one-time initialisation and
 * per-CPU storage.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/kmem.h>
#include <sys/compat_stub.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/once.h>
#include <sys/percpu.h>
#include <sys/proc.h>
#include <sys/queue.h>
#include <sys/resource.h>

#include <ufs/mfs/mfs_extern.h>

const char ostype[] = "NetBSD";
#if __NetBSD_Version__ >= 1100000000
#define	RELEASE	"11.0"
#else
#define	RELEASE	"10.1"
#endif
const char osrelease[] = RELEASE;
const char version[] = "NetBSD " RELEASE " (RUMPY) of rumpy\n";
const char copyright[] = "";

char	hostname[MAXHOSTNAMELEN] = "rumpy";
int	hostnamelen = 5;
char	domainname[MAXHOSTNAMELEN];
int	domainnamelen;
long	hostid;
int	doing_shutdown;
int	securelevel = -1;
int	cold = 1;
int	ncpu = 1;
int	ncpuonline = 1;
const int schedppq = 1;
struct	loadavg averunnable = { .fscale = FSCALE };

int
nullop(void *v)
{
	return 0;
}

void
voidop(void)
{
}

int
enodev(void)
{
	return ENODEV;
}

int
enosys(void)
{
	return ENOSYS;
}

int
enoioctl(void)
{
	return ENOTTY;
}

int
enxio(void)
{
	return ENXIO;
}

int
eopnotsupp(void)
{
	return EOPNOTSUPP;
}

/*
 * A table of list heads, for at least as many chains as elements are expected;
 * the mask selects a chain.
 */
static size_t
hash_head_size(enum hashtype type)
{
	return type == HASH_TAILQ ? 2 * sizeof(void *) : sizeof(void *);
}

void *
hashinit(u_int elements, enum hashtype type, bool waitok, u_long *maskp)
{
	size_t size = hash_head_size(type), n = 1, i;
	void **table;

	if (elements == 0)
		panic("hashinit: no elements");
	while (n < elements)
		n *= 2;
	table = kmem_zalloc(n * size, waitok ? KM_SLEEP : KM_NOSLEEP);
	if (table == NULL)
		return NULL;
	if (type == HASH_TAILQ)
		for (i = 0; i < n; i++)
			table[2 * i + 1] = &table[2 * i];
	*maskp = n - 1;
	return table;
}

void
hashdone(void *table, enum hashtype type, u_long mask)
{
	kmem_free(table, (mask + 1) * hash_head_size(type));
}

/*
 * Who wants to know of processes: that they execute a program, which none does
 * here, so those hooks are only kept for who takes them away; and that they go.
 */
struct prochook {
	LIST_ENTRY(prochook) ph_list;
	void	(*ph_func)(struct proc *, void *);
	void	*ph_arg;
};
LIST_HEAD(prochooks, prochook);
static struct prochooks exechooks = LIST_HEAD_INITIALIZER(exechooks);
static struct prochooks exithooks = LIST_HEAD_INITIALIZER(exithooks);

static void *
prochook_establish(struct prochooks *hooks,
    void (*func)(struct proc *, void *), void *arg)
{
	struct prochook *ph = kmem_alloc(sizeof(*ph), KM_SLEEP);

	ph->ph_func = func;
	ph->ph_arg = arg;
	LIST_INSERT_HEAD(hooks, ph, ph_list);
	return ph;
}

static void
prochook_disestablish(struct prochook *ph)
{

	LIST_REMOVE(ph, ph_list);
	kmem_free(ph, sizeof(*ph));
}

void *
exechook_establish(void (*func)(struct proc *, void *), void *arg)
{

	return prochook_establish(&exechooks, func, arg);
}

void
exechook_disestablish(void *v)
{

	prochook_disestablish(v);
}

void *
exithook_establish(void (*func)(struct proc *, void *), void *arg)
{

	return prochook_establish(&exithooks, func, arg);
}

void
exithook_disestablish(void *v)
{

	prochook_disestablish(v);
}

/* The process is about to go. */
void
doexithooks(struct proc *p)
{
	struct prochook *ph, *next;

	LIST_FOREACH_SAFE(ph, &exithooks, ph_list, next)
		(*ph->ph_func)(p, ph->ph_arg);
}

/* A memory file system inside the kernel to take the root from: none. */
void	*mfs_rootbase;
u_long	mfs_rootsize;

/* Only the compat modules set these, for programs of earlier releases. */
struct puffs_out_50_hook_t puffs_out_50_hook;
struct puffs_in_50_hook_t puffs_in_50_hook;
struct compat_vndioctl_30_hook_t compat_vndioctl_30_hook;
struct compat_vndioctl_50_hook_t compat_vndioctl_50_hook;

/* If the hook is set, its function may be called until module_hook_exit(). */
bool
module_hook_tryenter(bool *hooked, struct localcount *lc)
{
	if (!*hooked)
		return false;
	lc->lc_refcnt++;
	return true;
}

void
module_hook_exit(struct localcount *lc)
{
	KASSERT(lc->lc_refcnt > 0);
	lc->lc_refcnt--;
}

static kmutex_t once_lock;
static kcondvar_t once_cv;

void
once_init(void)
{
	mutex_init(&once_lock, MUTEX_DEFAULT, IPL_NONE);
	cv_init(&once_cv, "runonce");
}

int
_init_once(once_t *o, int (*func)(void))
{
	mutex_enter(&once_lock);
	o->o_refcnt++;
	while (o->o_status == ONCE_RUNNING)
		cv_wait(&once_cv, &once_lock);
	if (o->o_status == ONCE_VIRGIN) {
		o->o_status = ONCE_RUNNING;
		mutex_exit(&once_lock);
		o->o_error = (*func)();
		mutex_enter(&once_lock);
		o->o_status = ONCE_DONE;
		cv_broadcast(&once_cv);
	}
	mutex_exit(&once_lock);
	return o->o_error;
}

void
_fini_once(once_t *o, void (*func)(void))
{
	mutex_enter(&once_lock);
	while (o->o_status == ONCE_RUNNING)
		cv_wait(&once_cv, &once_lock);
	KASSERT(o->o_refcnt != 0);
	if (--o->o_refcnt == 0) {
		o->o_status = ONCE_RUNNING;
		mutex_exit(&once_lock);
		(*func)();
		mutex_enter(&once_lock);
		o->o_status = ONCE_VIRGIN;
		cv_broadcast(&once_cv);
	}
	mutex_exit(&once_lock);
}

/* One CPU: one copy. */
struct percpu {
	size_t	pc_size;
	percpu_callback_t pc_dtor;
	void	*pc_cookie;
	void	*pc_data;
};

percpu_t *
percpu_create(size_t size, percpu_callback_t ctor, percpu_callback_t dtor,
    void *cookie)
{
	percpu_t *pc = kmem_alloc(sizeof(*pc), KM_SLEEP);

	pc->pc_size = size;
	pc->pc_dtor = dtor;
	pc->pc_cookie = cookie;
	pc->pc_data = kmem_zalloc(size, KM_SLEEP);
	if (ctor != NULL)
		(*ctor)(pc->pc_data, cookie, curcpu());
	return pc;
}

percpu_t *
percpu_alloc(size_t size)
{
	return percpu_create(size, NULL, NULL, NULL);
}

void
percpu_free(percpu_t *pc, size_t size)
{
	KASSERT(size == pc->pc_size);
	if (pc->pc_dtor != NULL)
		(*pc->pc_dtor)(pc->pc_data, pc->pc_cookie, curcpu());
	kmem_free(pc->pc_data, size);
	kmem_free(pc, sizeof(*pc));
}

void *
percpu_getref(percpu_t *pc)
{
	return pc->pc_data;
}

void
percpu_putref(percpu_t *pc)
{
}

void
percpu_foreach(percpu_t *pc, percpu_callback_t func, void *arg)
{
	(*func)(pc->pc_data, arg, curcpu());
}
