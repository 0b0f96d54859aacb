/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * modctl(2): load, unload and list modules from inside the kernel.
 *
 * A name with a slash is a file of this kernel's own name space, which is read
 * here and linked by the host; any other is looked for by the host.
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/fcntl.h>
#include <sys/kauth.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/module.h>
#include <sys/namei.h>
#include <sys/syscallargs.h>
#include <sys/systm.h>
#include <sys/uio.h>
#include <sys/vnode.h>

#include <lib/libkern/libkern.h>

#include "module/module.h"

#define	MODULE_FILE_MAX		(64UL << 20)

/*
 * Read a whole file into memory that the caller frees (*sizep bytes).
 */
static int
read_file(const char *path, void **datap, size_t *sizep)
{
	struct lwp *l = curlwp;
	struct pathbuf *pb;
	struct vnode *vp;
	struct vattr va;
	void *data;
	int error;

	pb = pathbuf_create(path);
	if (pb == NULL)
		return ENOMEM;
	error = vn_open(NULL, pb, 0, FREAD, 0, &vp, NULL, NULL);
	pathbuf_destroy(pb);
	if (error != 0)
		return error;
	error = VOP_GETATTR(vp, &va, l->l_cred);
	VOP_UNLOCK(vp);
	if (error == 0 && (va.va_size == 0 || va.va_size > MODULE_FILE_MAX))
		error = ENOEXEC;
	if (error == 0) {
		data = kmem_alloc(va.va_size, KM_SLEEP);
		error = vn_rdwr(UIO_READ, vp, data, va.va_size, 0,
		    UIO_SYSSPACE, 0, l->l_cred, NULL, NULL);
		if (error != 0)
			kmem_free(data, va.va_size);
		*datap = data;
		*sizep = va.va_size;
	}
	vn_close(vp, FREAD, l->l_cred);
	return error;
}

/* The last component of a path, without a trailing ".kmod". */
static void
name_of_file(const char *path, char *name, size_t size)
{
	const char *slash = strrchr(path, '/');
	size_t n;

	strlcpy(name, slash != NULL ? slash + 1 : path, size);
	n = strlen(name);
	if (n > 5 && strcmp(name + n - 5, ".kmod") == 0)
		name[n - 5] = '\0';
}

static int
load_file(const char *path, int flags)
{
	char name[MAXMODNAME];
	void *data;
	size_t size;
	int error;

	error = read_file(path, &data, &size);
	if (error != 0)
		return error;
	name_of_file(path, name, sizeof(name));
	kernconfig_lock();
	error = module_link(data, size, name, flags);
	kernconfig_unlock();
	kmem_free(data, size);
	return error;
}

static int
modctl_load(const void *arg)
{
	modctl_load_t ml;
	char *path;
	int error;

	error = copyin(arg, &ml, sizeof(ml));
	if (error != 0)
		return error;
	if (ml.ml_props != NULL)
		return ENOTSUP;		/* no property lists in this kernel */
	path = kmem_alloc(MAXPATHLEN, KM_SLEEP);
	error = copyinstr(ml.ml_filename, path, MAXPATHLEN, NULL);
	if (error == 0)
		error = strchr(path, '/') != NULL ?
		    load_file(path, ml.ml_flags) :
		    module_load(path, ml.ml_flags, NULL, MODULE_CLASS_ANY);
	kmem_free(path, MAXPATHLEN);
	return error;
}

static int
modctl_unload(const void *arg)
{
	char name[MAXMODNAME];
	int error;

	error = copyinstr(arg, name, sizeof(name), NULL);
	return error != 0 ? error : module_unload(name);
}

static void
modstat_fill(modstat_t *ms, const module_t *mod)
{
	const struct kobj *ko = mod->mod_kobj;

	memset(ms, 0, sizeof(*ms));
	strlcpy(ms->ms_name, ko->ko_name, sizeof(ms->ms_name));
	ms->ms_addr = ko->ko_door.base;
	ms->ms_size = ko->ko_door.size;
	ms->ms_source = mod->mod_source;
	ms->ms_class = mod->mod_info->mi_class;
	ms->ms_refcnt = mod->mod_refcnt;
	ms->ms_flags = mod->mod_flags;
}

/*
 * ARG is a struct iovec: where to put an int (how many), that many modstat_t
 * and the blob of required names; its length is what there is room for.  The
 * length that all of it takes is stored back.
 */
static int
modctl_stat(void *arg)
{
	size_t count = 0, need, blob = 0, at = 0;
	struct iovec iov;
	module_t *mod;
	modstat_t *ms;
	char *buf;
	int n, error;

	error = copyin(arg, &iov, sizeof(iov));
	if (error != 0)
		return error;
	kernconfig_lock();
	TAILQ_FOREACH(mod, &module_list, mod_chain) {
		count++;
		if (mod->mod_info->mi_required != NULL)
			blob += strlen(mod->mod_info->mi_required) + 1;
	}
	need = sizeof(int) + count * sizeof(modstat_t) + 1 + blob;
	buf = kmem_zalloc(need, KM_SLEEP);
	n = count;
	memcpy(buf, &n, sizeof(n));
	ms = (modstat_t *)(void *)(buf + sizeof(int));
	at = 1;				/* offset 0: needs nothing */
	TAILQ_FOREACH(mod, &module_list, mod_chain) {
		const char *required = mod->mod_info->mi_required;
		modstat_t one;

		modstat_fill(&one, mod);
		if (required != NULL) {
			one.ms_reqoffset = at;
			strlcpy(buf + need - 1 - blob + at, required,
			    strlen(required) + 1);
			at += strlen(required) + 1;
		}
		memcpy(ms++, &one, sizeof(one));
	}
	kernconfig_unlock();
	error = copyout(buf, iov.iov_base, MIN(iov.iov_len, need));
	kmem_free(buf, need);
	iov.iov_len = need;
	return error != 0 ? error : copyout(&iov, arg, sizeof(iov));
}

/* ARG: 0 asks whether modules can be loaded, 1 whether autoload works. */
static int
modctl_exists(const void *arg)
{

	return (uintptr_t)arg <= 1 ? 0 : EINVAL;
}

int
sys_modctl(struct lwp *l, const struct sys_modctl_args *uap,
    register_t *retval)
{
	void *arg = SCARG(uap, arg);
	int cmd = SCARG(uap, cmd), error;

	if (cmd == MODCTL_LOAD || cmd == MODCTL_UNLOAD) {
		error = kauth_authorize_system(l->l_cred, KAUTH_SYSTEM_MODULE,
		    0, (void *)(uintptr_t)cmd, NULL, NULL);
		if (error != 0)
			return error;
	}
	switch (cmd) {
	case MODCTL_LOAD:
		return modctl_load(arg);
	case MODCTL_UNLOAD:
		return modctl_unload(arg);
	case MODCTL_STAT:
		return modctl_stat(arg);
	case MODCTL_EXISTS:
		return modctl_exists(arg);
	default:
		return EINVAL;
	}
}
