/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of names and values (sysctl(9)).
 *
 * Each node is an allocation of its own, so that pointers to it stay good
 * while it lives: the public struct sysctlnode, then what only this file
 * knows.  Modules fill the tree from their link set and empty it again through
 * the log that sysctl_createv() keeps.
 *
 * One lock for all: taken by whoever dispatches, and released by a handler
 * that has to sleep for long (sysctl_unlock(), sysctl_relock()).
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/proc.h>
#include <sys/queue.h>
#include <sys/rwlock.h>
#include <sys/stdarg.h>
#include <sys/syscallargs.h>
#include <sys/sysctl.h>
#include <sys/systm.h>

#include <lib/libkern/libkern.h>

struct snode {
	struct sysctlnode	sn_node;	/* public; must be first */
	LIST_HEAD(, snode)	sn_children;	/* by number */
	LIST_ENTRY(snode)	sn_entry;
	struct snode		*sn_parent;
	u_int			sn_refs;	/* logs that list it */
	int			sn_next;	/* number for the next CTL_CREATE */
};

/* What one module has made, newest first. */
struct sysctllog {
	struct sysctllog	*log_next;
	struct snode		*log_node;
};

static krwlock_t sysctl_treelock;
static struct snode root = {
	.sn_node = {
		.sysctl_flags = SYSCTL_VERSION | CTLFLAG_ROOT | CTLTYPE_NODE |
		    CTLFLAG_READWRITE,
		.sysctl_name = "(root)",
	},
	.sn_children = LIST_HEAD_INITIALIZER(root.sn_children),
	.sn_next = CREATE_BASE,
};

void
sysctl_lock(bool write)
{

	rw_enter(&sysctl_treelock, write ? RW_WRITER : RW_READER);
	if (write)
		curlwp->l_pflag |= LP_SYSCTLWRITE;
	else
		curlwp->l_pflag &= ~LP_SYSCTLWRITE;
}

void
sysctl_relock(void)
{

	rw_enter(&sysctl_treelock,
	    (curlwp->l_pflag & LP_SYSCTLWRITE) != 0 ? RW_WRITER : RW_READER);
}

void
sysctl_unlock(void)
{

	rw_exit(&sysctl_treelock);
}

static bool
is_node(const struct sysctlnode *n)
{

	return SYSCTL_TYPE(n->sysctl_flags) == CTLTYPE_NODE;
}

static struct snode *
child_by_number(struct snode *parent, int num)
{
	struct snode *sn;

	LIST_FOREACH(sn, &parent->sn_children, sn_entry)
		if (sn->sn_node.sysctl_num == num ||
		    (sn->sn_node.sysctl_flags & CTLFLAG_ANYNUMBER) != 0)
			return sn;
	return NULL;
}

static struct snode *
child_by_name(struct snode *parent, const char *name)
{
	struct snode *sn;

	LIST_FOREACH(sn, &parent->sn_children, sn_entry)
		if (strcmp(sn->sn_node.sysctl_name, name) == 0)
			return sn;
	return NULL;
}

/* Children are kept in the order of their numbers, for CTL_QUERY. */
static void
insert_child(struct snode *parent, struct snode *sn)
{
	struct snode *at, *before = NULL;

	LIST_FOREACH(at, &parent->sn_children, sn_entry) {
		if (at->sn_node.sysctl_num > sn->sn_node.sysctl_num)
			break;
		before = at;
	}
	if (before == NULL)
		LIST_INSERT_HEAD(&parent->sn_children, sn, sn_entry);
	else
		LIST_INSERT_AFTER(before, sn, sn_entry);
	sn->sn_parent = parent;
	sn->sn_node.sysctl_parent = &parent->sn_node;
	parent->sn_node.sysctl_clen++;
}

static void
destroy_node(struct snode *sn)
{
	struct sysctlnode *n = &sn->sn_node;

	KASSERT(LIST_EMPTY(&sn->sn_children));
	LIST_REMOVE(sn, sn_entry);
	sn->sn_parent->sn_node.sysctl_clen--;
	if ((n->sysctl_flags & CTLFLAG_OWNDATA) != 0 && n->sysctl_data != NULL)
		kmem_free(n->sysctl_data, n->sysctl_size);
	kmem_free(sn, sizeof(*sn));
}

/* Drop one log's hold on a node, and on its parents as far as they go too. */
static void
release_node(struct snode *sn)
{

	KASSERT(sn->sn_refs > 0);
	if (--sn->sn_refs == 0 && LIST_EMPTY(&sn->sn_children))
		destroy_node(sn);
}

static size_t
size_of_type(int type, size_t given)
{

	switch (type) {
	case CTLTYPE_INT:
		return sizeof(int);
	case CTLTYPE_QUAD:
		return sizeof(u_quad_t);
	case CTLTYPE_BOOL:
		return sizeof(bool);
	default:
		return given;
	}
}

static void
set_value(struct sysctlnode *n, u_quad_t qv, void *data, size_t len)
{
	const int type = SYSCTL_TYPE(n->sysctl_flags);

	if (type == CTLTYPE_NODE)
		return;
	n->sysctl_size = size_of_type(type, len);
	if (type == CTLTYPE_STRING && len == 0 && data != NULL)
		n->sysctl_size = strlen(data) + 1;
	if ((n->sysctl_flags & CTLFLAG_IMMEDIATE) != 0) {
		if (type == CTLTYPE_INT)
			n->sysctl_idata = qv;
		else if (type == CTLTYPE_BOOL)
			n->sysctl_bdata = qv != 0;
		else
			n->sysctl_qdata = qv;
	} else if ((n->sysctl_flags & CTLFLAG_OWNDATA) != 0 && data != NULL) {
		n->sysctl_data = kmem_alloc(n->sysctl_size, KM_SLEEP);
		memcpy(n->sysctl_data, data, n->sysctl_size);
	} else
		n->sysctl_data = data;
}

static struct snode *
create_node(struct snode *parent, int num, int flags, const char *name,
    const char *desc, sysctlfn func)
{
	struct snode *sn = kmem_zalloc(sizeof(*sn), KM_SLEEP);
	struct sysctlnode *n = &sn->sn_node;

	LIST_INIT(&sn->sn_children);
	sn->sn_next = CREATE_BASE;
	n->sysctl_flags = flags;
	n->sysctl_num = num;
	strlcpy(n->sysctl_name, name, sizeof(n->sysctl_name));
	n->sysctl_func = func;
	n->sysctl_desc = desc;
	insert_child(parent, sn);
	return sn;
}

static void
log_node(struct sysctllog **logp, struct snode *sn)
{
	struct sysctllog *log;

	if (logp == NULL) {
		sn->sn_refs++;		/* stays for ever */
		return;
	}
	log = kmem_alloc(sizeof(*log), KM_SLEEP);
	log->log_node = sn;
	log->log_next = *logp;
	*logp = log;
	sn->sn_refs++;
}

static bool
name_ok(const char *name)
{
	const size_t n = strlen(name);

	if (n == 0 || n >= SYSCTL_NAMELEN || (name[0] >= '0' && name[0] <= '9'))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') ||
		    (name[i] >= 'A' && name[i] <= 'Z') ||
		    (name[i] >= '0' && name[i] <= '9') || name[i] == '_' ||
		    name[i] == '-'))
			return false;
	return true;
}

/* Under the write lock: the node of NUM or NAME below PARENT, old or new. */
static int
find_or_create(struct snode *parent, int num, int flags, const char *name,
    const char *desc, sysctlfn func, struct snode **snp)
{
	struct snode *sn;

	if (!is_node(&parent->sn_node))
		return ENOTDIR;
	sn = child_by_name(parent, name);
	if (sn == NULL && num >= 0)
		sn = child_by_number(parent, num);
	if (sn != NULL) {
		*snp = sn;
		return SYSCTL_TYPE(flags) == CTLTYPE_NODE &&
		    is_node(&sn->sn_node) ? 0 : EEXIST;
	}
	if (num < 0)
		num = parent->sn_next++;
	*snp = create_node(parent, num, flags, name, desc, func);
	return ENOENT;			/* not found, but made */
}

/*
 * Make a node.  The variable arguments are its path below *RNODE (or the
 * root), ended by CTL_EOL; the last number is the node's own, or CTL_CREATE to
 * have one chosen.  An existing inner node is taken as it is.
 */
int
sysctl_createv(struct sysctllog **log, int cflags,
    const struct sysctlnode **rnode, const struct sysctlnode **cnode,
    int flags, int type, const char *namep, const char *desc, sysctlfn func,
    u_quad_t qv, void *newp, size_t newlen, ...)
{
	struct snode *at = rnode != NULL && *rnode != NULL ?
	    (struct snode *)__UNCONST(*rnode) : &root, *sn = NULL;
	int path[CTL_MAXNAME + 1], n = 0, error = 0;
	va_list ap;

	va_start(ap, newlen);
	while (n <= CTL_MAXNAME && (path[n] = va_arg(ap, int)) != CTL_EOL)
		n++;
	va_end(ap);
	if (n == 0 || n > CTL_MAXNAME || namep == NULL || !name_ok(namep))
		return EINVAL;
	flags = (flags & SYSCTL_FLAGMASK) | type | SYSCTL_VERSION;

	rw_enter(&sysctl_treelock, RW_WRITER);
	for (int i = 0; i < n - 1 && error == 0; i++) {
		sn = child_by_number(at, path[i]);
		if (sn == NULL)
			error = ENOENT;
		else
			at = sn;
	}
	if (error == 0)
		error = find_or_create(at, path[n - 1], flags, namep, desc,
		    func, &sn);
	else
		sn = NULL;
	if (error == ENOENT && sn != NULL) {
		set_value(&sn->sn_node, qv, newp, newlen);
		error = 0;
	}
	if (error == 0)
		log_node(log, sn);
	rw_exit(&sysctl_treelock);
	if (cnode != NULL)
		*cnode = error == 0 ? &sn->sn_node : NULL;
	return error;
}

/* Take away the node at a path below ROOTNODE (numbers, ended by CTL_EOL). */
int
sysctl_destroyv(struct sysctlnode *rootnode, ...)
{
	struct snode *at = rootnode != NULL ? (struct snode *)rootnode : &root;
	int num, error = 0;
	va_list ap;

	rw_enter(&sysctl_treelock, RW_WRITER);
	va_start(ap, rootnode);
	while ((num = va_arg(ap, int)) != CTL_EOL && at != NULL)
		at = child_by_number(at, num);
	va_end(ap);
	if (at == NULL)
		error = ENOENT;
	else if (at == &root || !LIST_EMPTY(&at->sn_children))
		error = ENOTEMPTY;
	else if ((at->sn_node.sysctl_flags & CTLFLAG_PERMANENT) != 0)
		error = EPERM;
	else
		destroy_node(at);
	rw_exit(&sysctl_treelock);
	return error;
}

void
sysctl_teardown(struct sysctllog **logp)
{
	struct sysctllog *log;

	rw_enter(&sysctl_treelock, RW_WRITER);
	while ((log = *logp) != NULL) {
		*logp = log->log_next;
		release_node(log->log_node);
		kmem_free(log, sizeof(*log));
	}
	rw_exit(&sysctl_treelock);
}

/*
 * Copies whose other side is user memory if a process asks (L not NULL), and
 * the kernel's if the kernel does.
 */
int
sysctl_copyin(struct lwp *l, const void *from, void *to, size_t len)
{

	if (l != NULL)
		return copyin(from, to, len);
	memcpy(to, from, len);
	return 0;
}

int
sysctl_copyout(struct lwp *l, const void *from, void *to, size_t len)
{

	if (l != NULL)
		return copyout(from, to, len);
	memcpy(to, from, len);
	return 0;
}

int
sysctl_copyinstr(struct lwp *l, const void *from, void *to, size_t len,
    size_t *done)
{

	return l != NULL ? copyinstr(from, to, len, done) :
	    copystr(from, to, len, done);
}

/* Store as much of SIZE bytes as fits; *OLDLENP becomes SIZE. */
static int
answer(struct lwp *l, const void *data, size_t size, void *oldp,
    size_t *oldlenp)
{
	int error = 0;

	if (oldp != NULL)
		error = sysctl_copyout(l, data, oldp, MIN(*oldlenp, size));
	*oldlenp = size;
	return error;
}

static int
may_read(struct lwp *l, const struct sysctlnode *n)
{

	if (l == NULL || (n->sysctl_flags & CTLFLAG_PRIVATE) == 0)
		return 0;
	return kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_SYSCTL,
	    KAUTH_REQ_SYSTEM_SYSCTL_PRVT, NULL, NULL, NULL);
}

static int
may_write(struct lwp *l, const struct sysctlnode *n)
{

	if ((n->sysctl_flags & CTLFLAG_READWRITE) == 0)
		return EPERM;
	if (l == NULL || (n->sysctl_flags & CTLFLAG_ANYWRITE) != 0)
		return 0;
	return kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_SYSCTL,
	    KAUTH_REQ_SYSTEM_SYSCTL_MODIFY, NULL, NULL, NULL);
}

/* Take a new string, which must fit with its NUL, or a value of exact size. */
static int
store_value(struct lwp *l, const struct sysctlnode *n, void *data,
    const void *newp, size_t newlen)
{
	char *text;
	int error;

	if (SYSCTL_TYPE(n->sysctl_flags) != CTLTYPE_STRING)
		return newlen != n->sysctl_size ? EINVAL :
		    sysctl_copyin(l, newp, data, newlen);
	if (newlen > n->sysctl_size)
		return EINVAL;
	text = kmem_zalloc(n->sysctl_size + 1, KM_SLEEP);
	error = sysctl_copyin(l, newp, text, newlen);
	if (error == 0 && strlen(text) >= n->sysctl_size)
		error = EINVAL;
	if (error == 0)
		memcpy(data, text, strlen(text) + 1);
	kmem_free(text, n->sysctl_size + 1);
	return error;
}

/*
 * Read and write a plain value: what a node without a function does, and what
 * functions call on a copy of their node.
 */
int
sysctl_lookup(SYSCTLFN_ARGS)
{
	const int type = SYSCTL_TYPE(rnode->sysctl_flags);
	void *data;
	size_t size;
	int error;

	if (namelen != 0)
		return ENOTDIR;
	if (type == CTLTYPE_NODE)
		return EISDIR;
	if ((rnode->sysctl_flags & CTLFLAG_IMMEDIATE) != 0)
		data = __UNCONST(&rnode->sysctl_un);
	else
		data = rnode->sysctl_data;
	error = may_read(l, rnode);
	if (error == 0 && newp != NULL)
		error = may_write(l, rnode);
	if (error != 0)
		return error;
	if (data == NULL)
		return EOPNOTSUPP;
	size = type == CTLTYPE_STRING ? strlen(data) + 1 : rnode->sysctl_size;
	error = answer(l, data, size, oldp, oldlenp);
	if (error == 0 && newp != NULL)
		error = store_value(l, rnode, data, newp, newlen);
	return error;
}

/* List the children of a node, as struct sysctlnode each. */
int
sysctl_query(SYSCTLFN_ARGS)
{
	const struct snode *parent = (const struct snode *)rnode;
	size_t room = oldp != NULL ? *oldlenp : 0, total = 0;
	const struct snode *sn;
	struct sysctlnode out;
	int error = 0;

	if (namelen != 1 || name[0] != CTL_QUERY)
		return EINVAL;
	LIST_FOREACH(sn, &parent->sn_children, sn_entry) {
		out = sn->sn_node;
		out.sysctl_func = NULL;		/* no kernel addresses */
		out.sysctl_parent = NULL;
		out.sysctl_desc = NULL;
		if ((out.sysctl_flags & CTLFLAG_IMMEDIATE) == 0 &&
		    !is_node(&out))
			out.sysctl_data = NULL;
		if (error == 0 && total + sizeof(out) <= room)
			error = sysctl_copyout(l, &out, (char *)oldp + total,
			    sizeof(out));
		total += sizeof(out);
	}
	*oldlenp = total;
	return error;
}

/* The descriptions of a node's children, as struct sysctldesc each. */
int
sysctl_describe(SYSCTLFN_ARGS)
{
	const struct snode *parent = (const struct snode *)rnode;
	size_t room = oldp != NULL ? *oldlenp : 0, total = 0, len, need;
	const struct snode *sn;
	struct sysctldesc *d;
	const char *text;
	int error = 0;

	if (namelen != 1 || name[0] != CTL_DESCRIBE)
		return EINVAL;
	LIST_FOREACH(sn, &parent->sn_children, sn_entry) {
		text = sn->sn_node.sysctl_desc;
		len = text != NULL ? strlen(text) + 1 : 1;
		need = __sysc_desc_len(len);
		if (error == 0 && total + need <= room) {
			d = kmem_zalloc(need, KM_SLEEP);
			d->descr_num = sn->sn_node.sysctl_num;
			d->descr_ver = sn->sn_node.sysctl_ver;
			d->descr_len = len;
			memcpy(d->descr_str, text != NULL ? text : "", len);
			error = sysctl_copyout(l, d, (char *)oldp + total,
			    need);
			kmem_free(d, need);
		}
		total += need;
	}
	*oldlenp = total;
	return error;
}

/* The tree is made by the kernel and its modules only. */
int
sysctl_create(SYSCTLFN_ARGS)
{

	return EOPNOTSUPP;
}

int
sysctl_destroy(SYSCTLFN_ARGS)
{

	return EOPNOTSUPP;
}

/* Functions for nodes whose meaning is elsewhere. */
int
sysctl_needfunc(SYSCTLFN_ARGS)
{

	printf("sysctl: %s needs a function\n", rnode->sysctl_name);
	return EOPNOTSUPP;
}

int
sysctl_notavail(SYSCTLFN_ARGS)
{

	return EOPNOTSUPP;
}

/* For nodes that take a value and have none to show. */
int
sysctl_null(SYSCTLFN_ARGS)
{

	*oldlenp = 0;
	return 0;
}

/*
 * Walk to the node that NAME stands for and let it answer.  A node with a
 * function answers for everything below it, if it is no inner node.
 */
int
sysctl_dispatch(SYSCTLFN_ARGS)
{
	struct snode *at = rnode != NULL ?
	    (struct snode *)__UNCONST(rnode) : &root, *next;
	u_int i = 0;

	while (i < namelen && name[i] >= 0 && is_node(&at->sn_node)) {
		next = child_by_number(at, name[i]);
		if (next == NULL)
			break;
		at = next;
		i++;
	}
	rnode = &at->sn_node;
	name += i;
	namelen -= i;
	if (namelen == 1 && name[0] == CTL_QUERY && is_node(rnode))
		return sysctl_query(SYSCTLFN_CALL(rnode));
	if (namelen == 1 && name[0] == CTL_DESCRIBE && is_node(rnode))
		return sysctl_describe(SYSCTLFN_CALL(rnode));
	if (rnode->sysctl_func != NULL)
		return (*rnode->sysctl_func)(SYSCTLFN_CALL(rnode));
	if (namelen != 0 && name[0] < 0)
		return EOPNOTSUPP;
	if (namelen != 0 && is_node(rnode))
		return ENOENT;
	return sysctl_lookup(SYSCTLFN_CALL(rnode));
}

int
sys___sysctl(struct lwp *l, const struct sys___sysctl_args *uap,
    register_t *retval)
{
	const u_int namelen = SCARG(uap, namelen);
	size_t oldlen = 0, room;
	int name[CTL_MAXNAME], error;

	if (namelen < 1 || namelen > CTL_MAXNAME)
		return EINVAL;
	error = copyin(SCARG(uap, name), name, namelen * sizeof(*name));
	if (error == 0 && SCARG(uap, oldlenp) != NULL)
		error = copyin(SCARG(uap, oldlenp), &oldlen, sizeof(oldlen));
	if (error != 0)
		return error;
	room = oldlen;
	sysctl_lock(SCARG(uap, newv) != NULL);
	error = sysctl_dispatch(name, namelen, SCARG(uap, oldv), &oldlen,
	    SCARG(uap, newv), SCARG(uap, newlen), name, l, NULL);
	sysctl_unlock();
	if (error != 0)
		return error;
	if (SCARG(uap, oldlenp) != NULL) {
		error = copyout(&oldlen, SCARG(uap, oldlenp), sizeof(oldlen));
		if (error == 0 && SCARG(uap, oldv) != NULL && oldlen > room)
			error = ENOMEM;
	}
	return error;
}

/* The inner nodes of the first level, whose numbers everybody knows. */
void
sysctl_init(void)
{
	static const struct {
		int		num;
		const char	*name;
	} base[] = {
		{ CTL_KERN, "kern" }, { CTL_VM, "vm" }, { CTL_VFS, "vfs" },
		{ CTL_DEBUG, "debug" }, { CTL_HW, "hw" },
		{ CTL_MACHDEP, "machdep" }, { CTL_SECURITY, "security" },
	};

	rw_init(&sysctl_treelock);
	for (size_t i = 0; i < __arraycount(base); i++)
		sysctl_createv(NULL, 0, NULL, NULL, CTLFLAG_PERMANENT,
		    CTLTYPE_NODE, base[i].name, NULL, NULL, 0, NULL, 0,
		    base[i].num, CTL_EOL);
}
