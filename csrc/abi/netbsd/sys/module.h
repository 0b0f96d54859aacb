/* SPDX-License-Identifier: BSD-2-Clause */

/* Loadable modules (module(9)). */
#ifndef _SYS_MODULE_H_
#define	_SYS_MODULE_H_

#include <sys/param.h>
#include <sys/queue.h>
#include <sys/specificdata.h>
#include <prop/proplib.h>

#define	MAXMODNAME	32
#define	MAXMODDEPS	10

typedef enum modclass {
	MODULE_CLASS_ANY,
	MODULE_CLASS_MISC,
	MODULE_CLASS_VFS,
	MODULE_CLASS_DRIVER,
	MODULE_CLASS_EXEC,
	MODULE_CLASS_SECMODEL,
	MODULE_CLASS_BUFQ,
	MODULE_CLASS_MAX
} modclass_t;

typedef enum modsrc {
	MODULE_SOURCE_KERNEL,
	MODULE_SOURCE_BOOT,
	MODULE_SOURCE_FILESYS
} modsrc_t;

typedef enum modcmd {
	MODULE_CMD_INIT,
	MODULE_CMD_FINI,
	MODULE_CMD_STAT,
	MODULE_CMD_AUTOUNLOAD
} modcmd_t;

#define	MODFLG_MUST_FORCE	0x01
#define	MODFLG_AUTO_LOADED	0x02

typedef struct modinfo {
	u_int	mi_version;
	modclass_t mi_class;
	int	(*mi_modcmd)(modcmd_t, void *);
	const char *mi_name;
	const char *mi_required;
} const modinfo_t;

struct kobj;
struct sysctllog;

typedef struct module {
	u_int	mod_refcnt;
	int	mod_flags;
	modinfo_t *mod_info;
	struct	kobj *mod_kobj;
	TAILQ_ENTRY(module) mod_chain;
	struct	module *(*mod_required)[MAXMODDEPS];
	u_int	mod_nrequired;
	u_int	mod_arequired;
	modsrc_t mod_source;
	time_t	mod_autotime;
	specificdata_reference mod_sdref;
	struct	sysctllog *mod_sysctllog;
} module_t;
TAILQ_HEAD(modlist, module);

#define	MODULE(class, name, required)					\
static int name##_modcmd(modcmd_t, void *);				\
static const modinfo_t name##_modinfo = {				\
	.mi_version = __NetBSD_Version__,				\
	.mi_class = (class),						\
	.mi_modcmd = name##_modcmd,					\
	.mi_name = __STRING(name),					\
	.mi_required = (required)					\
};									\
__link_set_add_rodata(modules, name##_modinfo)

/* modctl(2) */
enum modctl {
	MODCTL_LOAD,
	MODCTL_UNLOAD,
	MODCTL_OSTAT,		/* before NetBSD 9; not supported */
	MODCTL_EXISTS,
	MODCTL_STAT
};

#define	MODCTL_NO_PROP		0x2
#define	MODCTL_LOAD_FORCE	0x1

typedef struct modctl_load {
	const char *ml_filename;
	int	ml_flags;
	const char *ml_props;
	size_t	ml_propslen;
} modctl_load_t;

typedef struct modstat {
	char	ms_name[MAXMODNAME];
	uint64_t ms_addr;
	modsrc_t ms_source;
	modclass_t ms_class;
	u_int	ms_size;
	u_int	ms_refcnt;
	u_int	ms_flags;
	u_int	ms_reqoffset;
} modstat_t;

#ifdef _KERNEL
extern struct modlist module_list;
extern u_int	module_count;

int	module_load(const char *, int, prop_dictionary_t, modclass_t);
int	module_unload(const char *);
int	module_autoload(const char *, modclass_t);
void	module_hold(module_t *);
void	module_rele(module_t *);
const char *module_name(struct module *);
#endif

#endif /* !_SYS_MODULE_H_ */
