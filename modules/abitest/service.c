/* SPDX-License-Identifier: BSD-2-Clause */
/* Authorisation, sysctl, pools, and copies to and from programs. */

#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/lwp.h>
#include <sys/module.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/sysctl.h>
#include <sys/ucred.h>
#include <sys/vmem.h>
#include <sys/vnode.h>
#include <uvm/uvm_extern.h>

#include "abitest.h"

static int scope_answer, listener_answer, a_marker;

static int
scope_func(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *a0, void *a1, void *a2, void *a3)
{

	return cookie == &scope_answer && action == 7 && a0 == &a_marker &&
	    a3 == NULL ? scope_answer : KAUTH_RESULT_DENY;
}

static int
listener_func(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *a0, void *a1, void *a2, void *a3)
{

	return cookie == &listener_answer ? listener_answer :
	    KAUTH_RESULT_DENY;
}

/* A scope of one's own: one no is a no, and somebody has to say yes. */
int
test_scope(void)
{
	static const struct {
		int	scope, listener, error;
	} rows[] = {
		{ KAUTH_RESULT_ALLOW, KAUTH_RESULT_DEFER, 0 },
		{ KAUTH_RESULT_DEFER, KAUTH_RESULT_ALLOW, 0 },
		{ KAUTH_RESULT_ALLOW, KAUTH_RESULT_ALLOW, 0 },
		{ KAUTH_RESULT_DEFER, KAUTH_RESULT_DEFER, EPERM },
		{ KAUTH_RESULT_DENY, KAUTH_RESULT_ALLOW, EPERM },
		{ KAUTH_RESULT_ALLOW, KAUTH_RESULT_DENY, EPERM },
	};
	kauth_cred_t cred = kauth_cred_alloc();
	kauth_listener_t listener;
	kauth_scope_t scope;

	scope = kauth_register_scope("org.example.abitest", scope_func,
	    &scope_answer);
	CHECK(scope != NULL);
	CHECK(kauth_register_scope("org.example.abitest", scope_func,
	    NULL) == NULL);
	CHECK(kauth_register_scope(KAUTH_SCOPE_VNODE, scope_func, NULL) ==
	    NULL);
	CHECK(kauth_listen_scope("org.example.nobody", listener_func,
	    NULL) == NULL);
	listener = kauth_listen_scope("org.example.abitest", listener_func,
	    &listener_answer);
	CHECK(listener != NULL);
	for (size_t i = 0; i < __arraycount(rows); i++) {
		scope_answer = rows[i].scope;
		listener_answer = rows[i].listener;
		CHECK(kauth_authorize_action(scope, cred, 7, &a_marker, NULL,
		    NULL, NULL) == rows[i].error);
	}
	CHECK(kauth_authorize_action(scope, NOCRED, 8, NULL, NULL, NULL,
	    NULL) == 0);			/* the kernel asks nobody */
	kauth_unlisten_scope(listener);
	kauth_deregister_scope(scope);
	CHECK(kauth_listen_scope("org.example.abitest", listener_func,
	    NULL) == NULL);
	kauth_cred_free(cred);
	return 0;
}

/* What the superuser may do with processes and devices, and others not. */
int
test_authorize(void)
{
	kauth_cred_t root = kauth_cred_alloc(), user = kauth_cred_alloc();
	struct proc *p = curproc;

	kauth_cred_setuid(user, 9), kauth_cred_seteuid(user, 9);
	kauth_cred_setsvuid(user, 9);
	CHECK(kauth_authorize_process(root, KAUTH_PROCESS_SIGNAL, p, NULL,
	    NULL, NULL) == 0);
	CHECK(kauth_authorize_process(user, KAUTH_PROCESS_SIGNAL, p, NULL,
	    NULL, NULL) == EPERM);
	CHECK(kauth_authorize_device(root, KAUTH_DEVICE_TTY_OPEN, NULL, NULL,
	    NULL, NULL) == 0);
	CHECK(kauth_authorize_device(user, KAUTH_DEVICE_TTY_OPEN, NULL, NULL,
	    NULL, NULL) == EPERM);
	CHECK(kauth_authorize_device_passthru(root, 0, 1, NULL) == 0);
	CHECK(kauth_authorize_device_passthru(user, 0, 1, NULL) == EPERM);
	CHECK(kauth_authorize_device_passthru(NOCRED, 0, 1, NULL) == 0);
	CHECK(kauth_authorize_device_spec(root,
	    KAUTH_REQ_DEVICE_RAWIO_SPEC_READ, rootvnode) == 0);
	CHECK(kauth_authorize_device_spec(user,
	    KAUTH_REQ_DEVICE_RAWIO_SPEC_READ, rootvnode) == EPERM);
	kauth_cred_free(root), kauth_cred_free(user);
	return 0;
}

/* Credentials as old structures have them. */
int
test_uucred(void)
{
	kauth_cred_t cred = kauth_cred_alloc(), copy = kauth_cred_alloc();
	gid_t groups[3] = { 30, 10, 20 };
	struct proc child = { .p_pid = 1 };
	struct uucred uuc;

	kauth_cred_setuid(cred, 1), kauth_cred_seteuid(cred, 2);
	kauth_cred_setgid(cred, 3), kauth_cred_setegid(cred, 4);
	CHECK(kauth_cred_setgroups(cred, groups, 3, (uid_t)-1,
	    UIO_SYSSPACE) == 0);
	kauth_cred_to_uucred(&uuc, cred);
	CHECK(uuc.cr_uid == 2 && uuc.cr_gid == 4 && uuc.cr_ngroups == 3);
	CHECK(kauth_cred_uucmp(cred, &uuc) == 0);
	uuc.cr_groups[0] = 20, uuc.cr_groups[1] = 30, uuc.cr_groups[2] = 10;
	CHECK(kauth_cred_uucmp(cred, &uuc) == 0);	/* a set */
	uuc.cr_groups[2] = 11;
	CHECK(kauth_cred_uucmp(cred, &uuc) != 0);
	uuc.cr_ngroups = 2;
	CHECK(kauth_cred_uucmp(cred, &uuc) != 0);
	uuc.cr_uid = 50;
	CHECK(kauth_cred_uucmp(cred, &uuc) != 0);

	kauth_uucred_to_cred(copy, &uuc);
	CHECK(kauth_cred_getuid(copy) == 50 && kauth_cred_geteuid(copy) == 50);
	CHECK(kauth_cred_getsvuid(copy) == 50 && kauth_cred_getgid(copy) == 4);
	CHECK(kauth_cred_ngroups(copy) == 2 && kauth_cred_uucmp(copy, &uuc) == 0);
	uuc.cr_ngroups = -5;
	kauth_uucred_to_cred(copy, &uuc);
	CHECK(kauth_cred_ngroups(copy) == 0);
	kauth_cred_hold(copy);
	kauth_cred_clone(cred, copy);
	CHECK(kauth_cred_getuid(copy) == 1 && kauth_cred_geteuid(copy) == 2);
	CHECK(kauth_cred_getrefcnt(copy) == 2 && kauth_cred_ngroups(copy) == 3);
	kauth_cred_free(copy), kauth_cred_free(copy);
	kauth_cred_free(cred);

	kauth_proc_fork(&proc0, &child);
	CHECK(child.p_cred == proc0.p_cred);
	kauth_cred_free(child.p_cred);
	return 0;
}

static int
my_node(SYSCTLFN_ARGS)
{

	return newp != NULL ? EPERM : sysctl_null(SYSCTLFN_CALL(rnode));
}

/* Children are listed and described; functions for nodes without any. */
static int
check_listing(const struct sysctlnode *node, int first, int second)
{
	struct sysctlnode list[3];
	struct sysctldesc *d;
	char text[200];
	int name[2] = { CTL_QUERY, 0 };
	size_t size = sizeof(list);

	CHECK(sysctl_query(name, 1, list, &size, NULL, 0, name, NULL,
	    node) == 0);
	CHECK(size == 2 * sizeof(list[0]));
	CHECK(list[0].sysctl_num == first || list[1].sysctl_num == first);
	CHECK(list[0].sysctl_num == second || list[1].sysctl_num == second);
	CHECK(list[0].sysctl_func == NULL && list[0].sysctl_desc == NULL);
	CHECK(sysctl_query(name, 2, list, &size, NULL, 0, name, NULL,
	    node) == EINVAL);
	size = 0;			/* how much would it be? */
	CHECK(sysctl_query(name, 1, NULL, &size, NULL, 0, name, NULL,
	    node) == 0 && size == 2 * sizeof(list[0]));

	name[0] = CTL_DESCRIBE;
	size = sizeof(text);
	CHECK(sysctl_describe(name, 1, text, &size, NULL, 0, name, NULL,
	    node) == 0);
	d = (struct sysctldesc *)text;
	if (d->descr_num != first)
		d = NEXT_DESCR(d);
	CHECK(d->descr_num == first && d->descr_len == sizeof("what it is"));
	CHECK(strcmp(d->descr_str, "what it is") == 0);
	CHECK(sysctl_describe(name, 0, text, &size, NULL, 0, name, NULL,
	    node) == EINVAL);
	return 0;
}

int
test_sysctl_nodes(void)
{
	const struct sysctlnode *node, *value, *func;
	struct sysctllog *log = NULL;
	int v = 5, name[1], line;
	size_t size;

	CHECK(sysctl_createv(&log, 0, NULL, &node, 0, CTLTYPE_NODE, "abitest",
	    NULL, NULL, 0, NULL, 0, CTL_DEBUG, CTL_CREATE, CTL_EOL) == 0);
	CHECK(sysctl_createv(NULL, 0, &node, &value, CTLFLAG_READWRITE,
	    CTLTYPE_INT, "value", "what it is", NULL, 0, &v, 0, CTL_CREATE,
	    CTL_EOL) == 0);
	CHECK(sysctl_createv(NULL, 0, &node, &func, CTLFLAG_READWRITE,
	    CTLTYPE_INT, "func", NULL, my_node, 0, NULL, 0, CTL_CREATE,
	    CTL_EOL) == 0);
	line = check_listing(node, value->sysctl_num, func->sysctl_num);
	if (line != 0)
		return line;
	name[0] = func->sysctl_num;
	size = sizeof(v);
	CHECK(sysctl_dispatch(name, 1, &v, &size, NULL, 0, name, NULL,
	    node) == 0 && size == 0);
	CHECK(sysctl_dispatch(name, 1, NULL, NULL, &v, sizeof(v), name, NULL,
	    node) == EPERM);
	CHECK(sysctl_needfunc(name, 0, NULL, &size, NULL, 0, name, NULL,
	    node) == EOPNOTSUPP);
	CHECK(sysctl_notavail(name, 0, NULL, &size, NULL, 0, name, NULL,
	    node) == EOPNOTSUPP);

	CHECK(sysctl_destroyv(NULL, CTL_DEBUG, node->sysctl_num, 9999,
	    CTL_EOL) == ENOENT);
	CHECK(sysctl_destroyv(NULL, CTL_DEBUG, node->sysctl_num, CTL_EOL) ==
	    ENOTEMPTY);
	CHECK(sysctl_destroyv(__UNCONST(node), value->sysctl_num, CTL_EOL) ==
	    0);
	CHECK(sysctl_destroyv(NULL, CTL_DEBUG, node->sysctl_num, name[0],
	    CTL_EOL) == 0);
	CHECK(sysctl_destroyv(NULL, CTL_DEBUG, node->sysctl_num, name[0],
	    CTL_EOL) == ENOENT);
	sysctl_teardown(&log);
	return 0;
}

int
test_sysctl_lock(void)
{
	char to[8] = "", from[] = "abc";
	size_t done;

	sysctl_lock(true);
	sysctl_unlock();
	sysctl_relock();			/* for writing again */
	sysctl_unlock();
	sysctl_lock(false);
	sysctl_unlock();
	sysctl_relock();
	sysctl_unlock();

	/* Without a program it is the kernel that is asked. */
	CHECK(sysctl_copyin(NULL, from, to, 4) == 0 && strcmp(to, from) == 0);
	to[0] = 0;
	CHECK(sysctl_copyinstr(NULL, from, to, sizeof(to), &done) == 0);
	CHECK(done == 4 && strcmp(to, from) == 0);
	CHECK(sysctl_copyinstr(NULL, from, to, 3, &done) == ENAMETOOLONG);
	CHECK(sysctl_copyin(curlwp, from, to, 4) == EFAULT);
	CHECK(sysctl_copyout(curlwp, from, to, 4) == EFAULT);
	to[0] = 0;
	CHECK(sysctl_copyout(NULL, from, to, 4) == 0 && strcmp(to, from) == 0);
	CHECK(sysctl_copyinstr(curlwp, from, to, 4, &done) == EFAULT);
	return 0;
}

/* Kernel addresses are no program's; an ioctl of the kernel's own may. */
int
test_copies(void)
{
	char from[8] = "program", to[8] = "";
	struct proc *p = curproc;
	size_t done = 0;

	CHECK(copyin_proc(p, from, to, 8) == EFAULT);
	CHECK(copyout_proc(p, from, to, 8) == EFAULT);
	CHECK(copyin_vmspace(p->p_vmspace, from, to, 8) == EFAULT);
	CHECK(copyout_vmspace(p->p_vmspace, from, to, 8) == EFAULT);
	CHECK(copyoutstr(from, to, 8, &done) == EFAULT);
	CHECK(copyin_proc(p, NULL, to, 8) == EFAULT);
	CHECK(ioctl_copyin(0, from, to, 8) == EFAULT);
	CHECK(ioctl_copyout(0, from, to, 8) == EFAULT && to[0] == '\0');
	CHECK(ioctl_copyin(FKIOCTL, from, to, 8) == 0);
	CHECK(strcmp(to, "program") == 0);
	to[0] = '\0';
	CHECK(ioctl_copyout(FKIOCTL, from, to, 8) == 0);
	CHECK(strcmp(to, "program") == 0);
	CHECK(ioctl_copyin(FKIOCTL, NULL, to, 8) == EFAULT);
	return 0;
}

static int drained;
static struct pool *drain_pool;
static void *drain_item;

static void
drain_hook(void *arg, int flags)
{

	drained += arg == &drained;
	if (drain_item != NULL)
		pool_put(drain_pool, drain_item);
	drain_item = NULL;
}

/* Pools keep a stock, give back what is idle, and ask before they fail. */
int
test_pool_stock(void)
{
	static struct pool pool;
	struct pool *pp;
	void *item[8];
	int pages;

	pool_init(&pool, 1000, 0, 0, 0, "abipl", NULL, IPL_NONE);
	pool_setlowat(&pool, 8);
	pages = uvm_availmem(false);
	for (int i = 0; i < 8; i++)
		CHECK((item[i] = pool_get(&pool, PR_NOWAIT)) != NULL);
	CHECK(uvm_availmem(false) == pages);	/* they were there */
	for (int i = 0; i < 8; i++)
		pool_put(&pool, item[i]);
	pool_sethiwat(&pool, 100);
	CHECK(pool.pr_maxitems == 100);
	pool_set_drain_hook(&pool, drain_hook, &drained);
	drained = 0;
	(void)pool_reclaim(&pool);
	CHECK(drained == 1);
	pool_sethardlimit(&pool, 1, NULL, 0);
	item[0] = pool_get(&pool, PR_NOWAIT);
	CHECK(item[0] != NULL);
	CHECK(pool_get(&pool, PR_NOWAIT) == NULL && drained == 2);
	drain_pool = &pool, drain_item = item[0];
	item[1] = pool_get(&pool, PR_WAITOK);	/* the hook makes room */
	CHECK(item[1] != NULL && drain_item == NULL);
	pool_put(&pool, item[1]);

	/* Sooner or later it is this pool's turn. */
	pool_setlowat(&pool, 0);
	for (int i = 0; i < 1000; i++) {
		(void)pool_drain(&pp);
		CHECK(pp != NULL);
		if (pp == &pool)
			break;
	}
	CHECK(pp == &pool && pool_reclaim(&pool) == 0);
	(void)pool_drain(NULL);
	pool_destroy(&pool);
	return 0;
}

int
test_cache_stock(void)
{
	pool_cache_t pc;
	void *a, *b;

	pc = pool_cache_init(500, 0, 0, 0, "abipc", NULL, IPL_NONE, NULL,
	    NULL, NULL);
	pool_cache_setlowat(pc, 4);
	pool_cache_sethiwat(pc, 50);
	pool_cache_prime(pc, 20);
	CHECK(pool_cache_nget(pc) == 0 && pool_cache_nput(pc) == 0);
	a = pool_cache_get(pc, PR_WAITOK);
	b = pool_cache_get(pc, PR_NOWAIT);
	CHECK(a != NULL && b != NULL && a != b && pool_cache_nget(pc) == 2);
	pool_cache_put(pc, a);
	CHECK(pool_cache_nput(pc) == 1);
	pool_cache_sethardlimit(pc, 2, NULL, 0);
	a = pool_cache_get(pc, PR_NOWAIT);
	CHECK(a != NULL && pool_cache_get(pc, PR_NOWAIT) == NULL);
	pool_cache_put(pc, a);
	pool_cache_put(pc, b);
	pool_cache_setlowat(pc, 0);
	drained = 0;
	pool_cache_set_drain_hook(pc, drain_hook, &drained);
	CHECK(pool_cache_reclaim(pc));		/* pages came back */
	CHECK(!pool_cache_reclaim(pc));		/* there are no more */
	CHECK(drained == 2);
	pool_cache_destroy(pc);
	return 0;
}

static int nimported;

static int
my_import(vmem_t *source, vmem_size_t size, vm_flag_t flags,
    vmem_addr_t *addrp)
{

	if (nimported++ != 0)
		return ENOMEM;
	return vmem_alloc(source, size, flags, addrp);
}

static void
my_release(vmem_t *source, vmem_addr_t addr, vmem_size_t size)
{

	vmem_free(source, addr, size);
}

/* Ranges of numbers: one arena that lives on another's. */
int
test_arena(void)
{
	vmem_t *source, *vm;
	vmem_addr_t a, b;

	source = vmem_create("abisrc", 1024, 1024, 128, NULL, NULL, NULL, 0,
	    VM_SLEEP, IPL_NONE);
	CHECK(vmem_size(source, VMEM_FREE) == 1024);
	CHECK(vmem_size(source, VMEM_ALLOC) == 0);
	CHECK(vmem_size(source, VMEM_ALLOC | VMEM_FREE) == 1024);
	vm = vmem_create("abivm", 0, 0, 128, my_import, my_release, source, 0,
	    VM_SLEEP, IPL_NONE);
	nimported = 0;
	CHECK(vmem_alloc(vm, 250, VM_NOSLEEP | VM_BESTFIT, &a) == 0);
	CHECK(nimported == 1 && a >= 1024 && a + 256 <= 2048);
	CHECK(vmem_size(source, VMEM_ALLOC) >= 256);
	CHECK(vmem_size(vm, VMEM_ALLOC) == 256);	/* whole quanta */
	b = a;
	while (vmem_alloc(vm, 100, VM_NOSLEEP | VM_INSTANTFIT, &b) == 0)
		CHECK(b < a || b >= a + 256);
	CHECK(vmem_alloc(source, 5000, VM_NOSLEEP | VM_INSTANTFIT, &b) ==
	    ENOMEM);
	CHECK(vmem_size(vm, VMEM_FREE) == 0);
	vmem_free(vm, a, 250);
	CHECK(vmem_size(vm, VMEM_ALLOC) == 0);
	vmem_destroy(vm);
	CHECK(vmem_size(source, VMEM_ALLOC) == 0);	/* given back */
	vmem_destroy(source);
	return 0;
}

/* A module that is held is not unloaded. */
int
test_module_hold(void)
{
	static modinfo_t info = { .mi_name = "held" };
	module_t mod = { .mod_info = &info };

	CHECK(strcmp(module_name(&mod), "held") == 0);
	module_hold(&mod);
	module_hold(&mod);
	module_rele(&mod);
	CHECK(mod.mod_refcnt == 1);
	module_rele(&mod);
	CHECK(mod.mod_refcnt == 0);
	return 0;
}
