/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The module framework (module(9)): which modules are there, who needs whom,
 * and the order of attaching and detaching one:
 *
 *	version, name and dependencies are checked
 *	link_set_sysctl_funcs are called, link_set_evcnts attached
 *	modcmd(INIT)
 *
 * and back.  A step that fails undoes the ones before it.  Everything happens
 * under the kernconfig lock, which a module's INIT may take again (it may load
 * another module).
 *
 * Linking is the host's: kern_module_attach() is called with a linked image,
 * and module_load() asks for one by hyp_module_link().
 */
#include <sys/param.h>
#include <sys/errno.h>
#include <sys/evcnt.h>
#include <sys/kmem.h>
#include <sys/lwp.h>
#include <sys/module.h>
#include <sys/mutex.h>
#include <sys/sysctl.h>
#include <sys/systm.h>

#include <lib/libkern/libkern.h>

#include <rumpy/hyp.h>

#include "core/cpuinfo.h"
#include "core/memcheck.h"
#include "module/module.h"

/* NetBSD releases whose modules have this kernel's ABI: a whole major. */
#define	VERSION_MAJOR(version)	((version) / 100000000)
#define	VERSION_MINOR(version)	((version) / 1000000 % 100)
#define	MINOR_CURRENT		99

extern modinfo_t *const __start_link_set_modules[];
extern modinfo_t *const __stop_link_set_modules[];

struct modlist module_list = TAILQ_HEAD_INITIALIZER(module_list);
u_int module_count;

static kmutex_t config_lock;
static struct lwp *config_owner;
static u_int config_depth;

void
kernconfig_lock(void)
{

	if (config_owner == curlwp) {
		config_depth++;
		return;
	}
	mutex_enter(&config_lock);
	config_owner = curlwp;
	config_depth = 1;
}

void
kernconfig_unlock(void)
{

	KASSERT(kernconfig_is_held());
	if (--config_depth > 0)
		return;
	config_owner = NULL;
	mutex_exit(&config_lock);
}

bool
kernconfig_is_held(void)
{

	return config_owner == curlwp;
}

static module_t *
module_lookup(const char *name)
{
	module_t *mod;

	KASSERT(kernconfig_is_held());
	TAILQ_FOREACH(mod, &module_list, mod_chain)
		if (strcmp(mod->mod_info->mi_name, name) == 0)
			return mod;
	return NULL;
}

const char *
module_name(struct module *mod)
{

	return mod->mod_info->mi_name;
}

void
module_hold(module_t *mod)
{

	mod->mod_refcnt++;
}

void
module_rele(module_t *mod)
{

	KASSERTMSG(mod->mod_refcnt > 0, "module %s", module_name(mod));
	mod->mod_refcnt--;
}

static int
check_info(const modinfo_t *mi)
{
	const u_int v = mi->mi_version;

	if (mi->mi_name == NULL || mi->mi_name[0] == '\0' ||
	    strlen(mi->mi_name) >= MAXMODNAME || mi->mi_modcmd == NULL) {
		printf("module: a modinfo without a usable name or modcmd\n");
		return ENOEXEC;
	}
	if (VERSION_MAJOR(v) != VERSION_MAJOR(__NetBSD_Version__) ||
	    VERSION_MINOR(v) == MINOR_CURRENT) {
		printf("module %s: built for NetBSD %u.%u, this kernel takes "
		    "modules of releases %u.0 to %u.%u\n", mi->mi_name,
		    VERSION_MAJOR(v), VERSION_MINOR(v),
		    VERSION_MAJOR(__NetBSD_Version__),
		    VERSION_MAJOR(__NetBSD_Version__), MINOR_CURRENT - 1);
		return EPROGMISMATCH;
	}
	if (module_lookup(mi->mi_name) != NULL)
		return EEXIST;
	return 0;
}

/* Copy the next name of a comma-separated list; NULL at its end. */
static const char *
next_name(const char *list, char *name, size_t size)
{
	size_t n = 0;

	if (list == NULL || *list == '\0')
		return NULL;
	while (list[n] != '\0' && list[n] != ',')
		n++;
	strlcpy(name, list, MIN(n + 1, size));
	return list[n] == ',' ? list + n + 1 : list + n;
}

static void
release_required(module_t *mod)
{

	while (mod->mod_nrequired > 0)
		module_rele((*mod->mod_required)[--mod->mod_nrequired]);
}

static int
hold_required(module_t *mod)
{
	const char *list = mod->mod_info->mi_required;
	char name[MAXMODNAME];
	module_t *other;
	int error = 0;

	while (error == 0 &&
	    (list = next_name(list, name, sizeof(name))) != NULL) {
		other = module_lookup(name);
		if (other == NULL) {
			printf("module %s: needs %s, which is not loaded\n",
			    module_name(mod), name);
			error = ENOENT;
		} else if (mod->mod_nrequired == MAXMODDEPS) {
			error = EINVAL;
		} else {
			(*mod->mod_required)[mod->mod_nrequired++] = other;
			module_hold(other);
		}
	}
	if (error != 0)
		release_required(mod);
	return error;
}

static void
attach_link_sets(module_t *mod, const struct door_module *door)
{

	for (uint64_t i = 0; i < door->nsysctl_funcs; i++) {
		void (*setup)(struct sysctllog **) = door->sysctl_funcs[i];

		(*setup)(&mod->mod_sysctllog);
	}
	for (uint64_t i = 0; i < door->nevcnts; i++)
		evcnt_attach_static(door->evcnts[i]);
}

static void
detach_link_sets(module_t *mod, const struct door_module *door)
{

	for (uint64_t i = 0; i < door->nevcnts; i++)
		evcnt_detach(door->evcnts[i]);
	sysctl_teardown(&mod->mod_sysctllog);
}

static struct kobj *
kobj_create(modinfo_t *mi, const struct door_module *door, modsrc_t source)
{
	struct kobj *ko = kmem_zalloc(sizeof(*ko), KM_SLEEP);

	ko->ko_door = *door;
	strlcpy(ko->ko_name, mi->mi_name, sizeof(ko->ko_name));
	ko->ko_module.mod_info = mi;
	ko->ko_module.mod_kobj = ko;
	ko->ko_module.mod_required = &ko->ko_required;
	ko->ko_module.mod_source = source;
	return ko;
}

/*
 * Take in a linked module and initialise it.
 */
int
module_attach(struct door_module *door, modsrc_t source, module_t **modp)
{
	modinfo_t *mi = door->modinfo;
	struct kobj *ko;
	module_t *mod;
	int error;

	KASSERT(kernconfig_is_held());
	error = check_info(mi);
	if (error != 0)
		return error;
	if (source != MODULE_SOURCE_KERNEL)
		cpuinfo_identify();
	ko = kobj_create(mi, door, source);
	mod = &ko->ko_module;
	error = hold_required(mod);
	if (error != 0)
		goto out;
	attach_link_sets(mod, door);
	memcheck_module(door->base, door->size, true);
	error = (*mi->mi_modcmd)(MODULE_CMD_INIT, NULL);
	if (error != 0) {
		memcheck_module(door->base, door->size, false);
		detach_link_sets(mod, door);
		release_required(mod);
		goto out;
	}
	TAILQ_INSERT_TAIL(&module_list, mod, mod_chain);
	module_count++;
	aprint_verbose("module %s: initialised\n", module_name(mod));
	*modp = mod;
	return 0;
out:
	kmem_free(ko, sizeof(*ko));
	return error;
}

/*
 * Finish a module and forget it; its image may be unmapped afterwards.
 * Refused while others hold it or its FINI refuses.
 */
int
module_detach(module_t *mod)
{
	struct kobj *ko = mod->mod_kobj;
	int error;

	KASSERT(kernconfig_is_held());
	if (mod->mod_source == MODULE_SOURCE_KERNEL)
		return EPERM;
	if (mod->mod_refcnt > 0)
		return EBUSY;
	error = (*mod->mod_info->mi_modcmd)(MODULE_CMD_FINI, NULL);
	if (error != 0)
		return error;
	memcheck_module(ko->ko_door.base, ko->ko_door.size, false);
	detach_link_sets(mod, &ko->ko_door);
	release_required(mod);
	TAILQ_REMOVE(&module_list, mod, mod_chain);
	module_count--;
	kmem_free(ko, sizeof(*ko));
	return 0;
}

int
kern_module_attach(struct door_module *door)
{
	module_t *mod;
	int error;

	kernconfig_lock();
	error = module_attach(door, MODULE_SOURCE_FILESYS, &mod);
	kernconfig_unlock();
	if (error == 0)
		door->handle = (uint64_t)(uintptr_t)mod;
	return error;
}

/* Is the host's handle one of ours? */
static bool
module_known(const module_t *wanted)
{
	module_t *mod;

	TAILQ_FOREACH(mod, &module_list, mod_chain)
		if (mod == wanted)
			return true;
	return false;
}

int
kern_module_detach(struct door_module *door)
{
	module_t *mod = (module_t *)(uintptr_t)door->handle;
	int error = ENOENT;

	kernconfig_lock();
	if (module_known(mod))
		error = module_detach(mod);
	kernconfig_unlock();
	return error;
}

/*
 * Link and attach what the host finds for a name or in an image.  The host
 * hands over missing dependencies first, one at a time, each marked
 * DOOR_MODULE_MORE.
 */
int
module_link(const void *image, size_t size, const char *name, int flags)
{
	struct door_module door;
	module_t *mod;
	int error;

	KASSERT(kernconfig_is_held());
	do {
		memset(&door, 0, sizeof(door));
		door.flags = flags;
		error = hyp_module_link(image, size, name, &door);
		if (error != 0)
			return error;
		error = module_attach(&door, MODULE_SOURCE_FILESYS, &mod);
		if (error != 0) {
			(void)hyp_module_unlink(&door);
			return error;
		}
	} while ((door.flags & DOOR_MODULE_MORE) != 0);
	return 0;
}

int
module_load(const char *name, int flags, prop_dictionary_t props,
    modclass_t class)
{
	int error;

	if (props != NULL)
		return ENOTSUP;		/* no property lists in this kernel */
	kernconfig_lock();
	error = module_lookup(name) != NULL ? EEXIST :
	    module_link(NULL, 0, name, flags);
	kernconfig_unlock();
	return error;
}

int
module_autoload(const char *name, modclass_t class)
{
	module_t *mod;
	int error;

	kernconfig_lock();
	error = module_load(name, 0, NULL, class);
	if (error == 0) {
		mod = module_lookup(name);
		mod->mod_flags |= MODFLG_AUTO_LOADED;
	}
	kernconfig_unlock();
	return error;
}

int
module_unload(const char *name)
{
	struct door_module door;
	module_t *mod;
	int error;

	kernconfig_lock();
	mod = module_lookup(name);
	if (mod == NULL) {
		error = ENOENT;
	} else {
		door = mod->mod_kobj->ko_door;
		error = module_detach(mod);
		if (error == 0)
			error = hyp_module_unlink(&door);
	}
	kernconfig_unlock();
	return error;
}

/* Attach what is linked into the kernel itself. */
void
module_init(void)
{
	modinfo_t *const *mip;
	module_t *mod;
	int error;

	mutex_init(&config_lock, MUTEX_DEFAULT, IPL_NONE);
	kernconfig_lock();
	for (mip = __start_link_set_modules; mip < __stop_link_set_modules;
	    mip++) {
		struct door_module door = { .modinfo = *mip };

		error = module_attach(&door, MODULE_SOURCE_KERNEL, &mod);
		if (error != 0)
			panic("built-in module %s: error %d",
			    (*mip)->mi_name, error);
	}
	kernconfig_unlock();
}
