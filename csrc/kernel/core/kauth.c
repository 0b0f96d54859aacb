/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Authorisation (kauth(9)): who may do what.
 *
 * A question is an action of a scope.  First the kernel's own policy answers
 * (the traditional one: the superuser may do anything, others what belongs to
 * them), then whoever listens to the scope.  One denial denies; without a
 * denial one permission permits; if all defer, the answer is EPERM, except in
 * the vnode scope, where it is what the file system found.
 *
 * Credentials are in cred.c.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#include <lib/libkern/libkern.h>

struct kauth_listener {
	kauth_scope_callback_t	func;
	void			*cookie;
	struct kauth_scope	*scope;
	LIST_ENTRY(kauth_listener) entry;
};

struct kauth_scope {
	const char		*id;
	kauth_scope_callback_t	func;		/* the scope's own policy */
	void			*cookie;
	LIST_HEAD(, kauth_listener) listeners;
	LIST_ENTRY(kauth_scope)	entry;
	bool			builtin;
};

static LIST_HEAD(, kauth_scope) scopes = LIST_HEAD_INITIALIZER(scopes);

#define	POLICY(name)							\
static int name(kauth_cred_t, kauth_action_t, void *, void *, void *,	\
    void *, void *)

POLICY(policy_superuser);
POLICY(policy_system);
POLICY(policy_process);
POLICY(policy_cred);
POLICY(policy_vnode);

#define	SCOPE(variable, name, policy)					\
static struct kauth_scope variable = {					\
	.id = (name), .func = (policy), .builtin = true,		\
	.listeners = LIST_HEAD_INITIALIZER(variable.listeners),		\
}

SCOPE(generic_scope, KAUTH_SCOPE_GENERIC, policy_superuser);
SCOPE(system_scope, KAUTH_SCOPE_SYSTEM, policy_system);
SCOPE(process_scope, KAUTH_SCOPE_PROCESS, policy_process);
SCOPE(network_scope, KAUTH_SCOPE_NETWORK, policy_superuser);
SCOPE(machdep_scope, KAUTH_SCOPE_MACHDEP, policy_superuser);
SCOPE(device_scope, KAUTH_SCOPE_DEVICE, policy_superuser);
SCOPE(cred_scope, KAUTH_SCOPE_CRED, policy_cred);
SCOPE(vnode_scope, KAUTH_SCOPE_VNODE, policy_vnode);

void
kauth_init(void)
{
	static struct kauth_scope *const builtin[] = {
		&generic_scope, &system_scope, &process_scope, &network_scope,
		&machdep_scope, &device_scope, &cred_scope, &vnode_scope,
	};

	for (size_t i = 0; i < __arraycount(builtin); i++)
		LIST_INSERT_HEAD(&scopes, builtin[i], entry);
}

static struct kauth_scope *
scope_lookup(const char *id)
{
	struct kauth_scope *scope;

	LIST_FOREACH(scope, &scopes, entry)
		if (strcmp(scope->id, id) == 0)
			return scope;
	return NULL;
}

kauth_scope_t
kauth_register_scope(const char *id, kauth_scope_callback_t func, void *cookie)
{
	struct kauth_scope *scope;

	if (scope_lookup(id) != NULL)
		return NULL;
	scope = kmem_zalloc(sizeof(*scope), KM_SLEEP);
	scope->id = id;
	scope->func = func;
	scope->cookie = cookie;
	LIST_INIT(&scope->listeners);
	LIST_INSERT_HEAD(&scopes, scope, entry);
	return scope;
}

void
kauth_deregister_scope(kauth_scope_t scope)
{

	KASSERT(!scope->builtin);
	KASSERT(LIST_EMPTY(&scope->listeners));
	LIST_REMOVE(scope, entry);
	kmem_free(scope, sizeof(*scope));
}

/* NULL if nobody has registered the scope. */
kauth_listener_t
kauth_listen_scope(const char *id, kauth_scope_callback_t func, void *cookie)
{
	struct kauth_scope *scope = scope_lookup(id);
	struct kauth_listener *listener;

	if (scope == NULL)
		return NULL;
	listener = kmem_zalloc(sizeof(*listener), KM_SLEEP);
	listener->func = func;
	listener->cookie = cookie;
	listener->scope = scope;
	LIST_INSERT_HEAD(&scope->listeners, listener, entry);
	return listener;
}

void
kauth_unlisten_scope(kauth_listener_t listener)
{

	if (listener == NULL)
		return;
	LIST_REMOVE(listener, entry);
	kmem_free(listener, sizeof(*listener));
}

/* KAUTH_RESULT_*, of everybody who has a say. */
static int
ask(struct kauth_scope *scope, kauth_cred_t cred, kauth_action_t action,
    void *arg0, void *arg1, void *arg2, void *arg3)
{
	struct kauth_listener *listener;
	int result = KAUTH_RESULT_DEFER, one;

	if (cred == NOCRED || cred == FSCRED)
		return KAUTH_RESULT_ALLOW;	/* the kernel itself */
	if (scope->func != NULL)
		result = (*scope->func)(cred, action, scope->cookie, arg0,
		    arg1, arg2, arg3);
	LIST_FOREACH(listener, &scope->listeners, entry) {
		if (result == KAUTH_RESULT_DENY)
			break;
		one = (*listener->func)(cred, action, listener->cookie, arg0,
		    arg1, arg2, arg3);
		if (one != KAUTH_RESULT_DEFER)
			result = one;
	}
	return result;
}

int
kauth_authorize_action(kauth_scope_t scope, kauth_cred_t cred,
    kauth_action_t action, void *arg0, void *arg1, void *arg2, void *arg3)
{
	int result = ask(scope, cred, action, arg0, arg1, arg2, arg3);

	return result == KAUTH_RESULT_ALLOW ? 0 : EPERM;
}

int
kauth_authorize_generic(kauth_cred_t cred, kauth_action_t action, void *arg0)
{

	return kauth_authorize_action(&generic_scope, cred, action, arg0,
	    NULL, NULL, NULL);
}

int
kauth_authorize_system(kauth_cred_t cred, kauth_action_t action,
    enum kauth_system_req req, void *arg1, void *arg2, void *arg3)
{

	return kauth_authorize_action(&system_scope, cred, action,
	    (void *)(uintptr_t)req, arg1, arg2, arg3);
}

int
kauth_authorize_process(kauth_cred_t cred, kauth_action_t action,
    struct proc *p, void *arg1, void *arg2, void *arg3)
{

	return kauth_authorize_action(&process_scope, cred, action, p, arg1,
	    arg2, arg3);
}

int
kauth_authorize_device(kauth_cred_t cred, kauth_action_t action, void *arg0,
    void *arg1, void *arg2, void *arg3)
{

	return kauth_authorize_action(&device_scope, cred, action, arg0, arg1,
	    arg2, arg3);
}

int
kauth_authorize_device_spec(kauth_cred_t cred, enum kauth_device_req req,
    struct vnode *vp)
{

	return kauth_authorize_action(&device_scope, cred,
	    KAUTH_DEVICE_RAWIO_SPEC, (void *)(uintptr_t)req, vp, NULL, NULL);
}

int
kauth_authorize_device_passthru(kauth_cred_t cred, dev_t dev, u_long mode,
    void *data)
{

	return kauth_authorize_action(&device_scope, cred,
	    KAUTH_DEVICE_RAWIO_PASSTHRU, (void *)mode,
	    (void *)(uintptr_t)dev, data, NULL);
}

/*
 * FS_DECISION is the errno that the file system itself would answer; it counts
 * if nobody permits or denies, or is KAUTH_VNODE_REMOTEFS where it cannot tell.
 */
int
kauth_authorize_vnode(kauth_cred_t cred, kauth_action_t action,
    struct vnode *vp, struct vnode *dvp, int fs_decision)
{
	int result, error = EPERM;

	if (fs_decision == 0 && LIST_EMPTY(&vnode_scope.listeners))
		return 0;
	result = ask(&vnode_scope, cred, action, vp, dvp, &error, NULL);
	if (result == KAUTH_RESULT_ALLOW)
		return 0;
	if (result == KAUTH_RESULT_DENY)
		return error != 0 ? error : EACCES;
	return fs_decision == KAUTH_VNODE_REMOTEFS ? 0 : fs_decision;
}

kauth_action_t
kauth_accmode_to_action(accmode_t accmode)
{
	kauth_action_t action = 0;

	if ((accmode & VREAD) != 0)
		action |= KAUTH_VNODE_READ_DATA;
	if ((accmode & VWRITE) != 0)
		action |= KAUTH_VNODE_WRITE_DATA;
	if ((accmode & VEXEC) != 0)
		action |= KAUTH_VNODE_EXECUTE;
	return action;
}

/*
 * The policies.
 */
static int
allow_if(bool allowed)
{

	return allowed ? KAUTH_RESULT_ALLOW : KAUTH_RESULT_DEFER;
}

static bool
superuser(kauth_cred_t cred)
{

	return kauth_cred_geteuid(cred) == 0;
}

static int
policy_superuser(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *arg0, void *arg1, void *arg2, void *arg3)
{

	return allow_if(superuser(cred));
}

static int
policy_system(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *arg0, void *arg1, void *arg2, void *arg3)
{
	const enum kauth_system_req req = (uintptr_t)arg0;

	if (action == KAUTH_SYSTEM_MOUNT && req == KAUTH_REQ_SYSTEM_MOUNT_GET)
		return KAUTH_RESULT_ALLOW;
	return allow_if(superuser(cred));
}

/* Processes may see each other, and act on those of the same user. */
static int
policy_process(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *arg0, void *arg1, void *arg2, void *arg3)
{
	struct proc *p = arg0;

	if (superuser(cred) || action == KAUTH_PROCESS_CANSEE ||
	    action == KAUTH_PROCESS_FORK)
		return KAUTH_RESULT_ALLOW;
	if (action == KAUTH_PROCESS_SETID || p == NULL)
		return KAUTH_RESULT_DEFER;
	return allow_if(kauth_cred_uidmatch(cred, p->p_cred) != 0);
}

/* Events about credentials, which nobody has reason to forbid. */
static int
policy_cred(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *arg0, void *arg1, void *arg2, void *arg3)
{

	return KAUTH_RESULT_ALLOW;
}

/*
 * The superuser may do anything but execute what nobody can execute
 * (POSIX: at least one execute bit must be set).
 */
static int
policy_vnode(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *arg0, void *arg1, void *arg2, void *arg3)
{
	const struct vnode *vp = arg0;

	if (!superuser(cred))
		return KAUTH_RESULT_DEFER;
	if ((action & KAUTH_VNODE_EXECUTE) != 0 &&
	    (action & KAUTH_VNODE_IS_EXEC) == 0 && vp->v_type != VDIR)
		return KAUTH_RESULT_DEFER;
	return KAUTH_RESULT_ALLOW;
}
