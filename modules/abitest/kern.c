/* SPDX-License-Identifier: BSD-2-Clause */
/* Time, signals, processes, and what drivers are made of. */

#include <sys/proc.h>
#include <sys/resourcevar.h>
#include <sys/signalvar.h>
#include <sys/condvar.h>
#include <sys/conf.h>
#include <sys/cprng.h>
#include <sys/device.h>
#include <sys/evcnt.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/mutex.h>
#include <sys/intr.h>
#include <sys/once.h>
#include <sys/syscallvar.h>
#include <sys/timevar.h>

#include "abitest.h"

#define	SOON	(5 * 1000000000LL)

static int64_t
distance(int64_t n)
{

	return n < 0 ? -n : n;
}

static int64_t
ns_tv(const struct timeval *tv)
{

	return tv->tv_sec * 1000000000LL + tv->tv_usec * 1000LL;
}

static int64_t
ns_bt(const struct bintime *bt)
{
	struct timespec ts;

	bintime2timespec(bt, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Every clock agrees with the others of its kind, and each runs forward. */
int
test_clocks(void)
{
	struct timeval up, gup, wall, gwall, boot;
	struct bintime bup, bgup, bwall, bgwall, bboot;
	int64_t first, last;

	microuptime(&up), binuptime(&bup);
	getmicrouptime(&gup), getbinuptime(&bgup);
	microtime(&wall), bintime(&bwall);
	getmicrotime(&gwall), getbintime(&bgwall);
	getmicroboottime(&boot), getbinboottime(&bboot);
	first = ns_tv(&up);
	microuptime(&up);
	last = ns_tv(&up);
	CHECK(first > 0 && last >= first);
	CHECK(ns_bt(&bup) >= first - 1000 && ns_bt(&bup) <= last + 1000);
	CHECK(distance(ns_tv(&gup) - last) < SOON);
	CHECK(distance(ns_bt(&bgup) - last) < SOON);
	CHECK(distance(ns_tv(&wall) - ns_bt(&bwall)) < SOON);
	CHECK(distance(ns_tv(&wall) - ns_tv(&gwall)) < SOON);
	CHECK(distance(ns_tv(&wall) - ns_bt(&bgwall)) < SOON);
	CHECK(distance(ns_tv(&boot) - ns_bt(&bboot)) < 2000);
	CHECK(distance(ns_tv(&boot) + last - ns_tv(&wall)) < SOON);
	CHECK(wall.tv_sec > 1600000000);
	return 0;
}

/* Of a time that a program asks for: valid, and no less than a tick. */
int
test_timers(void)
{
	static const struct {
		time_t	sec;
		long	usec;
		int	error;
		long	after;
	} tv[] = {
		{ 0, 0, 0, 0 },
		{ 1, 999999, 0, 999999 },
		{ 0, 1, 0, 10000 },
		{ 7, 1, 0, 1 },
		{ 0, 10001, 0, 10001 },
		{ 0, -1, EINVAL, 0 },
		{ 0, 1000000, EINVAL, 0 },
		{ -1, 0, ETIMEDOUT, 0 },
	};
	struct timeval one;
	struct timespec ts;

	CHECK(tick == 10000 && hz == 100);
	for (size_t i = 0; i < __arraycount(tv); i++) {
		one.tv_sec = tv[i].sec;
		one.tv_usec = (suseconds_t)tv[i].usec;
		CHECK(itimerfix(&one) == tv[i].error);
		CHECK(tv[i].error != 0 || one.tv_usec == tv[i].after);
		ts.tv_sec = tv[i].sec;
		ts.tv_nsec = tv[i].usec * 1000;
		CHECK(itimespecfix(&ts) == tv[i].error);
		CHECK(tv[i].error != 0 || ts.tv_nsec == tv[i].after * 1000);
	}
	one = (struct timeval){ .tv_sec = 0 };
	CHECK(tvtohz(&one) <= 1);
	one.tv_usec = 1;
	CHECK(tvtohz(&one) >= 1);
	one = (struct timeval){ .tv_sec = 2, .tv_usec = 500000 };
	CHECK(tvtohz(&one) >= 250 && tvtohz(&one) <= 252);
	one.tv_sec = INT64_MAX / 4;
	CHECK(tvtohz(&one) > 1000000);
	return 0;
}

int
test_ppsratecheck(void)
{
	struct timeval last = { 0, 0 };
	int count = 0, i;

	for (i = 0; i < 3; i++)
		CHECK(ppsratecheck(&last, &count, 3) == 1);
	CHECK(ppsratecheck(&last, &count, 3) == 0 && count == 4);
	CHECK(ppsratecheck(&last, &count, -1) == 1);	/* no limit */
	last.tv_sec -= 2;				/* the next second */
	CHECK(ppsratecheck(&last, &count, 1) == 1 && count == 1);
	CHECK(ppsratecheck(&last, &count, 1) == 0);
	last.tv_sec -= 2;
	CHECK(ppsratecheck(&last, &count, 0) == 0);
	return 0;
}

static void
sigset1(sigset_t *set, int signo)
{

	memset(set, 0, sizeof(*set));
	sigaddset(set, signo);
}

/* Signals are pending until somebody forgets them; none is delivered. */
int
test_signals(void)
{
	struct lwp *l = curlwp;
	struct proc *p = l->l_proc;
	sigset_t before, set, pending;
	ksiginfoq_t kq = TAILQ_HEAD_INITIALIZER(kq);

	sigset1(&set, SIGUSR1);
	sigaddset(&set, SIGKILL);
	CHECK(sigprocmask1(l, SIG_BLOCK, &set, &before) == 0);
	CHECK(sigismasked(l, SIGUSR1) && !sigismasked(l, SIGKILL));
	CHECK(!sigismasked(l, SIGTERM) && sigismasked(l, SIGCHLD));
	CHECK(sigprocmask1(l, 99, &set, NULL) == EINVAL);

	psignal(p, SIGUSR1);
	sigpending1(l, &pending);
	CHECK(sigismember(&pending, SIGUSR1));
	CHECK(sigispending(l, 0) == 0 && sigispending(l, SIGUSR1) == 0);
	CHECK(sigprocmask1(l, SIG_UNBLOCK, &set, NULL) == 0);
	CHECK(!sigismasked(l, SIGUSR1));
	CHECK(sigispending(l, 0) == EINTR);
	CHECK(sigispending(l, SIGUSR1) == EINTR);
	CHECK(sigispending(l, SIGTERM) == 0);

	psignal(p, SIGTERM);
	sigset1(&set, SIGUSR1);
	sigaddset(&l->l_sigpend.sp_set, SIGUSR1);
	sigclearall(p, &set, &kq);
	sigpending1(l, &pending);
	CHECK(!sigismember(&pending, SIGUSR1));
	CHECK(sigismember(&pending, SIGTERM));
	sigclearall(p, NULL, &kq);
	ksiginfo_queue_drain0(&kq);
	CHECK(sigispending(l, 0) == 0 && TAILQ_EMPTY(&kq));

	psignal(p, SIGWINCH);		/* ignored unless asked for */
	sigpending1(l, &pending);
	CHECK(!sigismember(&pending, SIGWINCH));
	CHECK(sigprocmask1(l, SIG_SETMASK, &before, &set) == 0);
	return 0;
}

static int nprocess;

static int
count_process(struct proc *p, void *arg)
{

	nprocess++;
	return p == arg ? 7 : 0;
}

/* Whom proc_find() and the others find. */
int
test_processes(void)
{
	struct proc *p = curlwp->l_proc;
	kauth_cred_t me = kauth_cred_alloc(), other = kauth_cred_alloc();
	gid_t groups[2] = { 9, 8 };
	struct timeval up, sp, ip, rp;

	CHECK(proc_find(p->p_pid) == p && proc_find(0) == &proc0);
	CHECK(proc_find(-1) == NULL && proc_find(29999) == NULL);
	CHECK(proc_find_lwpid(p->p_pid) == p && proc_find_lwpid(0) == &proc0);
	CHECK(proc_find_lwpid(-1) == NULL);
	nprocess = 0;
	CHECK(proclist_foreach_call(&allproc, count_process, NULL) == 0);
	CHECK(nprocess >= 1);
	CHECK(proclist_foreach_call(&allproc, count_process, p) == 7);

	/* The same user, and no group that is not the asker's. */
	kauth_cred_setuid(me, 5), kauth_cred_seteuid(me, 5);
	kauth_cred_setuid(other, 5), kauth_cred_setsvuid(other, 5);
	kauth_cred_setgid(other, 8), kauth_cred_setsvgid(other, 8);
	CHECK(proc_uidmatch(me, other) == EPERM);
	kauth_cred_setgroups(me, groups, 2, (uid_t)-1, UIO_SYSSPACE);
	CHECK(proc_uidmatch(me, other) == 0);
	kauth_cred_setsvgid(other, 9);
	CHECK(proc_uidmatch(me, other) == EPERM);
	kauth_cred_setgid(other, 9);
	CHECK(proc_uidmatch(me, other) == 0);
	kauth_cred_setsvuid(other, 0);
	CHECK(proc_uidmatch(me, other) == EPERM);
	kauth_cred_setsvuid(other, 5), kauth_cred_setuid(other, 6);
	CHECK(proc_uidmatch(me, other) == EPERM);
	kauth_cred_free(me), kauth_cred_free(other);

	lwp_addref(curlwp);
	lwp_delref(curlwp);
	CHECK(curlwp->l_refcnt > 0);
	memset(&up, 1, sizeof(up));
	rp = ip = sp = up;
	calcru(p, &up, &sp, &ip, &rp);
	CHECK(!timerisset(&up) && !timerisset(&rp));
	calcru(p, NULL, NULL, NULL, NULL);
	return 0;
}

/* Limits are shared until one of those who share wants others. */
int
test_limits(void)
{
	struct proc *p = curlwp->l_proc;
	struct plimit *copy = lim_copy(p->p_limit), *before = p->p_limit;

	CHECK(copy != before && copy->pl_refcnt == 1);
	CHECK(memcmp(copy->pl_rlimit, before->pl_rlimit,
	    sizeof(copy->pl_rlimit)) == 0);
	lim_free(copy);
	lim_addref(before);
	lim_privatise(p);
	CHECK(p->p_limit != before && p->p_limit->pl_refcnt == 1);
	copy = p->p_limit;
	lim_privatise(p);
	CHECK(p->p_limit == copy);
	lim_free(copy);			/* put the shared one back */
	p->p_limit = before;
	return 0;
}

/* Interrupts have levels, which here only keep somebody from sleeping. */
int
test_levels(void)
{
	kcondvar_t cv;
	int s, t, n;

	s = splraise(IPL_VM);
	t = splraise(IPL_SOFTCLOCK);		/* raising never lowers */
	CHECK(t == IPL_VM && splraise(IPL_NONE) == IPL_VM);
	spllower(IPL_SOFTCLOCK);
	CHECK(splraise(IPL_NONE) == IPL_SOFTCLOCK);
	spllower(IPL_VM);			/* and lowering never raises */
	CHECK(splraise(IPL_NONE) == IPL_SOFTCLOCK);
	spllower(s);
	CHECK(splraise(IPL_NONE) == s);

	_kernel_unlock(0, &n);
	CHECK(!_kernel_locked_p());
	_kernel_lock(2);
	CHECK(_kernel_locked_p());
	_kernel_unlock(1, NULL);
	CHECK(_kernel_locked_p());
	_kernel_unlock(-1, &t);
	CHECK(t == 1 && !_kernel_locked_p());
	_kernel_lock(n);
	assert_sleepable();

	cv_init(&cv, "abitest");
	CHECK(cv_is_valid(&cv));
	cv_destroy(&cv);
	CHECK(!cv_is_valid(&cv));
	return 0;
}

/* A sleep ends by time; its mutex is released meanwhile, and taken again. */
int
test_mtsleep(void)
{
	static int channel;
	kmutex_t lock;

	mutex_init(&lock, MUTEX_DEFAULT, IPL_NONE);
	mutex_enter(&lock);
	CHECK(mtsleep(&channel, PWAIT, "abitest", 1, &lock) == EWOULDBLOCK);
	CHECK(mutex_owned(&lock));
	CHECK(mtsleep(&channel, PWAIT | PNORELOCK, "abitest", 1, &lock) ==
	    EWOULDBLOCK);
	CHECK(!mutex_owned(&lock));
	mutex_destroy(&lock);
	return 0;
}

/* The functions for tables' empty slots. */
int
test_nothings(void)
{

	CHECK(nullop(NULL) == 0 && devnullop(0) == 0);
	CHECK(enosys() == ENOSYS && enoioctl() == ENOTTY && enxio() == ENXIO);
	CHECK(deveopnotsupp(0) == EOPNOTSUPP);
	voidop();
	return 0;
}

static int nexec, nfini;

static void
exec_hook(struct proc *p, void *arg)
{

	nexec++;
}

static int
once_init_it(void)
{

	return 0;
}

static void
once_fini_it(void)
{

	nfini++;
}

int
test_hooks(void)
{
	static ONCE_DECL(once);
	void *first, *second;

	nexec = 0;
	first = exechook_establish(exec_hook, &nexec);
	second = exechook_establish(exec_hook, &nexec);
	CHECK(first != NULL && second != NULL && first != second);
	exechook_disestablish(first);
	exechook_disestablish(second);
	CHECK(nexec == 0);

	CHECK(INIT_ONCE(&once, once_init_it) == 0);
	CHECK(INIT_ONCE(&once, once_init_it) == 0);
	FINI_ONCE(&once, once_fini_it);
	CHECK(nfini == 0);			/* one user is left */
	FINI_ONCE(&once, once_fini_it);
	CHECK(nfini == 1);
	CHECK(INIT_ONCE(&once, once_init_it) == 0);
	FINI_ONCE(&once, once_fini_it);
	CHECK(nfini == 2);
	return 0;
}

/* A counter that counted before it was attached keeps its count. */
int
test_counter(void)
{
	static struct evcnt ev;

	ev.ev_count = 42;
	evcnt_attach_dynamic_nozero(&ev, EVCNT_TYPE_MISC, NULL, "abitest",
	    "kept");
	CHECK(ev.ev_count == 42 && ev.ev_type == EVCNT_TYPE_MISC);
	CHECK(strcmp(ev.ev_group, "abitest") == 0 && ev.ev_grouplen == 7);
	CHECK(strcmp(ev.ev_name, "kept") == 0 && ev.ev_namelen == 4);
	evcnt_detach(&ev);
	evcnt_attach_dynamic(&ev, EVCNT_TYPE_INTR, NULL, "abitest", "zeroed");
	CHECK(ev.ev_count == 0);
	evcnt_detach(&ev);
	ev.ev_count = 7;
	evcnt_attach_static(&ev);		/* as it is */
	CHECK(ev.ev_count == 7 && ev.ev_namelen == 6);
	evcnt_detach(&ev);
	return 0;
}

int
test_random(void)
{
	uint64_t a = cprng_strong64(), b = cprng_strong64();
	uint32_t c = cprng_strong32(), d = cprng_strong32();
	u_char buf[65], zero[64] = { 0 };

	CHECK(a != b && (c != d || c != cprng_strong32()));
	memset(buf, 0, sizeof(buf));
	CHECK(cprng_strong(kern_cprng, buf, 64, 0) == 64);
	CHECK(memcmp(buf, zero, 64) != 0 && buf[64] == 0);
	CHECK(cprng_strong(kern_cprng, buf, 0, FNONBLOCK) == 0);
	return 0;
}

static int
my_syscall(struct lwp *l, const void *v, register_t *retval)
{

	*retval = 4711;
	return 0;
}

/* A module's system calls take free numbers only, all or none. */
int
test_syscalls(void)
{
	struct syscall_package sp[3] = {
		{ 0, 0, (sy_call_t *)my_syscall },
		{ 0, 0, (sy_call_t *)my_syscall },
	};
	const struct sysent *se;
	u_int code, busy = 0;

	sp[1].sp_call = NULL;
	for (code = 1; code < SYS_NSYSENT; code++) {	/* a free one */
		sp[0].sp_code = code;
		if (syscall_establish(NULL, sp) == 0 && busy != 0)
			break;
		if (sysent[code].sy_call == sp[0].sp_call)
			CHECK(syscall_disestablish(NULL, sp) == 0);
		else
			busy = code;
	}
	CHECK(code < SYS_NSYSENT);
	se = &sysent[code];
	CHECK(se->sy_call == (sy_call_t *)my_syscall);
	CHECK(syscall_establish(NULL, sp) == EBUSY);
	curlwp->l_sysent = se;			/* as if it were running */
	CHECK(syscall_disestablish(NULL, sp) == EBUSY);
	CHECK(se->sy_call == (sy_call_t *)my_syscall);
	curlwp->l_sysent = NULL;
	CHECK(syscall_disestablish(NULL, sp) == 0);
	CHECK(se->sy_call != (sy_call_t *)my_syscall);

	sp[1].sp_call = (sy_call_t *)my_syscall;
	sp[1].sp_code = busy;			/* all or none */
	CHECK(syscall_establish(NULL, sp) == EBUSY);
	CHECK(se->sy_call != (sy_call_t *)my_syscall);
	sp[1].sp_code = SYS_NSYSENT;
	CHECK(syscall_establish(NULL, sp) == EINVAL);
	CHECK(se->sy_call != (sy_call_t *)my_syscall);
	return 0;
}

static int nattached, ndetached, detach_error;

static void
my_attach(device_t parent, device_t self, void *aux)
{
	int *priv = device_private(self);

	nattached += parent == NULL && *priv == 0;
	*priv = 77;
}

static int
my_detach(device_t self, int flags)
{

	if (detach_error == 0)
		ndetached++;
	return detach_error;
}

/* Pseudo-devices: driver, attachment, devices of it, and down again. */
int
test_devices(void)
{
	static struct cfdriver cd = {
		.cd_name = "abidev", .cd_class = DV_DISK,
	};
	static struct cfattach ca = {
		.ca_name = "abidev", .ca_devsize = sizeof(int),
		.ca_attach = my_attach, .ca_detach = my_detach,
	};
	struct cfdata cf = {
		.cf_name = "abidev", .cf_atname = "abidev", .cf_unit = 2,
	}, star = {
		.cf_name = "abidev", .cf_atname = "abidev", .cf_unit = 2,
		.cf_fstate = FSTATE_STAR,
	}, other = { .cf_name = "abidev", .cf_atname = "nobody" };
	device_t dev, next;

	CHECK(config_attach_pseudo(&cf) == NULL);
	CHECK(config_cfattach_attach("abidev", &ca) == ESRCH);
	CHECK(config_cfattach_detach("abidev", &ca) == ESRCH);
	CHECK(config_cfdriver_attach(&cd) == 0);
	CHECK(config_cfdriver_attach(&cd) == EEXIST);
	CHECK(config_cfattach_attach("abidev", &ca) == 0);
	CHECK(config_cfattach_attach("abidev", &ca) == EEXIST);
	CHECK(config_attach_pseudo(&other) == NULL);

	dev = config_attach_pseudo(&cf);
	CHECK(dev != NULL && nattached == 1 && cf.cf_fstate == FSTATE_FOUND);
	CHECK(config_attach_pseudo(&cf) == NULL);
	CHECK(strcmp(device_xname(dev), "abidev2") == 0);
	CHECK(device_unit(dev) == 2 && device_class(dev) == DV_DISK);
	CHECK(device_cfdata(dev) == &cf);
	CHECK(*(int *)device_private(dev) == 77 && device_private(NULL) == NULL);
	CHECK(device_lookup(&cd, 2) == dev && device_lookup(&cd, 1) == NULL);
	CHECK(device_lookup(&cd, -1) == NULL);
	CHECK(device_lookup(&cd, 10000) == NULL);
	CHECK(device_lookup_private(&cd, 2) == device_private(dev));
	CHECK(device_lookup_private(&cd, 0) == NULL);
	next = config_attach_pseudo(&star);
	CHECK(next != NULL && device_unit(next) == 3);
	CHECK(star.cf_fstate == FSTATE_STAR);

	CHECK(config_cfdriver_detach(&cd) == EBUSY);
	CHECK(config_cfattach_detach("abidev", &ca) == EBUSY);
	detach_error = EBUSY;
	CHECK(config_detach(dev, 0) == EBUSY);
	CHECK(device_lookup(&cd, 2) == dev);
	detach_error = 0;
	CHECK(config_detach(dev, DETACH_QUIET) == 0 && ndetached == 1);
	CHECK(cf.cf_fstate == FSTATE_NOTFOUND);
	CHECK(config_detach(next, DETACH_FORCE) == 0 && ndetached == 2);
	CHECK(config_cfdriver_detach(&cd) == EBUSY);
	CHECK(config_cfattach_detach("abidev", &ca) == 0);
	CHECK(config_cfdriver_detach(&cd) == 0);
	CHECK(config_cfdriver_attach(&cd) == 0);
	CHECK(config_cfdriver_detach(&cd) == 0);
	return 0;
}
