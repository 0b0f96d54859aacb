/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Authorisation (kauth(9)): credentials, scopes, listeners.  Struct
 * kauth_cred is opaque to modules.
 */
#ifndef _SYS_KAUTH_H_
#define	_SYS_KAUTH_H_

#include <abi/versions.h>
#include <sys/types.h>
#include <sys/ucred.h>
#include <sys/uio.h>

struct acl;
struct componentname;
struct proc;
struct tty;
struct vnode;

typedef struct kauth_scope *kauth_scope_t;
typedef struct kauth_listener *kauth_listener_t;
typedef uint64_t kauth_action_t;
typedef int (*kauth_scope_callback_t)(kauth_cred_t, kauth_action_t,
	    void *, void *, void *, void *, void *);
typedef struct kauth_key *kauth_key_t;

#define	NOCRED		((kauth_cred_t)-1)
#define	FSCRED		((kauth_cred_t)-2)

#define	KAUTH_RESULT_ALLOW	0
#define	KAUTH_RESULT_DENY	1
#define	KAUTH_RESULT_DEFER	2

#define	KAUTH_SCOPE_GENERIC	"org.netbsd.kauth.generic"
#define	KAUTH_SCOPE_SYSTEM	"org.netbsd.kauth.system"
#define	KAUTH_SCOPE_PROCESS	"org.netbsd.kauth.process"
#define	KAUTH_SCOPE_NETWORK	"org.netbsd.kauth.network"
#define	KAUTH_SCOPE_MACHDEP	"org.netbsd.kauth.machdep"
#define	KAUTH_SCOPE_DEVICE	"org.netbsd.kauth.device"
#define	KAUTH_SCOPE_CRED	"org.netbsd.kauth.cred"
#define	KAUTH_SCOPE_VNODE	"org.netbsd.kauth.vnode"

enum {
	KAUTH_GENERIC_UNUSED1 = 1,
	KAUTH_GENERIC_ISSUSER = 2,
};

enum {
	KAUTH_PROCESS_CANSEE = 1,
	KAUTH_PROCESS_CORENAME = 2,
	KAUTH_PROCESS_FORK = 3,
	KAUTH_PROCESS_KEVENT_FILTER = 4,
	KAUTH_PROCESS_KTRACE = 5,
	KAUTH_PROCESS_NICE = 6,
	KAUTH_PROCESS_PROCFS = 7,
	KAUTH_PROCESS_PTRACE = 8,
	KAUTH_PROCESS_RLIMIT = 9,
	KAUTH_PROCESS_SCHEDULER_GETAFFINITY = 10,
	KAUTH_PROCESS_SCHEDULER_SETAFFINITY = 11,
	KAUTH_PROCESS_SCHEDULER_GETPARAM = 12,
	KAUTH_PROCESS_SCHEDULER_SETPARAM = 13,
	KAUTH_PROCESS_SETID = 14,
	KAUTH_PROCESS_SIGNAL = 15,
	KAUTH_PROCESS_STOPFLAG = 16,
};

enum {
	KAUTH_CRED_INIT = 1,
	KAUTH_CRED_FORK = 2,
	KAUTH_CRED_COPY = 3,
	KAUTH_CRED_FREE = 4,
	KAUTH_CRED_CHROOT = 5,
};

enum {
	KAUTH_DEVICE_TTY_OPEN = 1,
	KAUTH_DEVICE_TTY_PRIVSET = 2,
	KAUTH_DEVICE_TTY_STI = 3,
	KAUTH_DEVICE_RAWIO_SPEC = 4,
	KAUTH_DEVICE_RAWIO_PASSTHRU = 5,
};

enum kauth_device_req {
	KAUTH_REQ_DEVICE_RAWIO_SPEC_READ = 1,
	KAUTH_REQ_DEVICE_RAWIO_SPEC_WRITE = 2,
	KAUTH_REQ_DEVICE_RAWIO_SPEC_RW = 3,
};

enum {
	KAUTH_SYSTEM_ACCOUNTING = 1,
	KAUTH_SYSTEM_CHROOT = 2,
	KAUTH_SYSTEM_CHSYSFLAGS = 3,
	KAUTH_SYSTEM_CPU = 4,
	KAUTH_SYSTEM_DEBUG = 5,
	KAUTH_SYSTEM_FILEHANDLE = 6,
	KAUTH_SYSTEM_MKNOD = 7,
	KAUTH_SYSTEM_MOUNT = 8,
	KAUTH_SYSTEM_PSET = 9,
	KAUTH_SYSTEM_REBOOT = 10,
	KAUTH_SYSTEM_SETIDCORE = 11,
	KAUTH_SYSTEM_SWAPCTL = 12,
	KAUTH_SYSTEM_SYSCTL = 13,
	KAUTH_SYSTEM_TIME = 14,
	KAUTH_SYSTEM_MODULE = 15,
	KAUTH_SYSTEM_FS_RESERVEDSPACE = 16,
	KAUTH_SYSTEM_FS_QUOTA = 17,
	KAUTH_SYSTEM_SEMAPHORE = 18,
	KAUTH_SYSTEM_SYSVIPC = 19,
	KAUTH_SYSTEM_MQUEUE = 20,
	KAUTH_SYSTEM_VERIEXEC = 21,
	KAUTH_SYSTEM_DEVMAPPER = 22,
	KAUTH_SYSTEM_MAP_VA_ZERO = 23,
	KAUTH_SYSTEM_LFS = 24,
	KAUTH_SYSTEM_FS_EXTATTR = 25,
	KAUTH_SYSTEM_FS_SNAPSHOT = 26,
	KAUTH_SYSTEM_INTR = 27,
	KAUTH_SYSTEM_KERNADDR = 28,
};

enum kauth_system_req {
	KAUTH_REQ_SYSTEM_CHROOT_CHROOT = 1,
	KAUTH_REQ_SYSTEM_CHROOT_FCHROOT = 2,
	KAUTH_REQ_SYSTEM_CPU_SETSTATE = 3,
	KAUTH_REQ_SYSTEM_MOUNT_GET = 4,
	KAUTH_REQ_SYSTEM_MOUNT_NEW = 5,
	KAUTH_REQ_SYSTEM_MOUNT_UNMOUNT = 6,
	KAUTH_REQ_SYSTEM_MOUNT_UPDATE = 7,
	KAUTH_REQ_SYSTEM_PSET_ASSIGN = 8,
	KAUTH_REQ_SYSTEM_PSET_BIND = 9,
	KAUTH_REQ_SYSTEM_PSET_CREATE = 10,
	KAUTH_REQ_SYSTEM_PSET_DESTROY = 11,
	KAUTH_REQ_SYSTEM_SYSCTL_ADD = 12,
	KAUTH_REQ_SYSTEM_SYSCTL_DELETE = 13,
	KAUTH_REQ_SYSTEM_SYSCTL_DESC = 14,
	KAUTH_REQ_SYSTEM_SYSCTL_MODIFY = 15,
	KAUTH_REQ_SYSTEM_SYSCTL_PRVT = 16,
	KAUTH_REQ_SYSTEM_TIME_ADJTIME = 17,
	KAUTH_REQ_SYSTEM_TIME_NTPADJTIME = 18,
	KAUTH_REQ_SYSTEM_TIME_RTCOFFSET = 19,
	KAUTH_REQ_SYSTEM_TIME_SYSTEM = 20,
	KAUTH_REQ_SYSTEM_TIME_TIMECOUNTERS = 21,
	KAUTH_REQ_SYSTEM_FS_QUOTA_GET = 22,
	KAUTH_REQ_SYSTEM_FS_QUOTA_MANAGE = 23,
	KAUTH_REQ_SYSTEM_FS_QUOTA_NOLIMIT = 24,
	KAUTH_REQ_SYSTEM_FS_QUOTA_ONOFF = 25,
	KAUTH_REQ_SYSTEM_SYSVIPC_BYPASS = 26,
	KAUTH_REQ_SYSTEM_SYSVIPC_SHM_LOCK = 27,
	KAUTH_REQ_SYSTEM_SYSVIPC_SHM_UNLOCK = 28,
	KAUTH_REQ_SYSTEM_SYSVIPC_MSGQ_OVERSIZE = 29,
	KAUTH_REQ_SYSTEM_VERIEXEC_ACCESS = 30,
	KAUTH_REQ_SYSTEM_VERIEXEC_MODIFY = 31,
	KAUTH_REQ_SYSTEM_LFS_MARKV = 32,
	KAUTH_REQ_SYSTEM_LFS_BMAPV = 33,
	KAUTH_REQ_SYSTEM_LFS_SEGCLEAN = 34,
	KAUTH_REQ_SYSTEM_LFS_SEGWAIT = 35,
	KAUTH_REQ_SYSTEM_LFS_FCNTL = 36,
	KAUTH_REQ_SYSTEM_MOUNT_UMAP = 37,
	KAUTH_REQ_SYSTEM_MOUNT_DEVICE = 38,
	KAUTH_REQ_SYSTEM_INTR_AFFINITY = 39,
};

#define	KAUTH_VNODE_READ_DATA		0x1
#define	KAUTH_VNODE_LIST_DIRECTORY	0x1
#define	KAUTH_VNODE_WRITE_DATA		0x2
#define	KAUTH_VNODE_ADD_FILE		0x2
#define	KAUTH_VNODE_EXECUTE		0x4
#define	KAUTH_VNODE_SEARCH		0x4
#define	KAUTH_VNODE_DELETE		0x8
#define	KAUTH_VNODE_APPEND_DATA		0x10
#define	KAUTH_VNODE_ADD_SUBDIRECTORY	0x10
#define	KAUTH_VNODE_READ_TIMES		0x20
#define	KAUTH_VNODE_WRITE_TIMES		0x40
#define	KAUTH_VNODE_READ_FLAGS		0x80
#define	KAUTH_VNODE_WRITE_FLAGS		0x100
#define	KAUTH_VNODE_READ_SYSFLAGS	0x200
#define	KAUTH_VNODE_WRITE_SYSFLAGS	0x400
#define	KAUTH_VNODE_RENAME		0x800
#define	KAUTH_VNODE_CHANGE_OWNERSHIP	0x1000
#define	KAUTH_VNODE_READ_SECURITY	0x2000
#define	KAUTH_VNODE_WRITE_SECURITY	0x4000
#define	KAUTH_VNODE_READ_ATTRIBUTES	0x8000
#define	KAUTH_VNODE_WRITE_ATTRIBUTES	0x10000
#define	KAUTH_VNODE_READ_EXTATTRIBUTES	0x20000
#define	KAUTH_VNODE_WRITE_EXTATTRIBUTES	0x40000
#define	KAUTH_VNODE_RETAIN_SUID		0x80000
#define	KAUTH_VNODE_RETAIN_SGID		0x100000
#define	KAUTH_VNODE_REVOKE		0x200000
#define	KAUTH_VNODE_IS_EXEC		0x20000000
#define	KAUTH_VNODE_HAS_SYSFLAGS	0x40000000
#define	KAUTH_VNODE_ACCESS		0x80000000U
#define	KAUTH_VNODE_ADD_LINK		0x100000000UL
/* The file system itself has no opinion; used when it is remote. */
#define	KAUTH_VNODE_REMOTEFS	(-1)


void	kauth_init(void);
kauth_listener_t kauth_listen_scope(const char *, kauth_scope_callback_t,
	    void *);
void	kauth_unlisten_scope(kauth_listener_t);
kauth_scope_t kauth_register_scope(const char *, kauth_scope_callback_t,
	    void *);
void	kauth_deregister_scope(kauth_scope_t);
int	kauth_authorize_action(kauth_scope_t, kauth_cred_t, kauth_action_t,
	    void *, void *, void *, void *);
int	kauth_authorize_generic(kauth_cred_t, kauth_action_t, void *);
int	kauth_authorize_system(kauth_cred_t, kauth_action_t,
	    enum kauth_system_req, void *, void *, void *);
int	kauth_authorize_process(kauth_cred_t, kauth_action_t, struct proc *,
	    void *, void *, void *);
int	kauth_authorize_device(kauth_cred_t, kauth_action_t, void *, void *,
	    void *, void *);
int	kauth_authorize_device_spec(kauth_cred_t, enum kauth_device_req,
	    struct vnode *);
int	kauth_authorize_device_passthru(kauth_cred_t, dev_t, u_long, void *);
int	kauth_authorize_vnode(kauth_cred_t, kauth_action_t, struct vnode *,
	    struct vnode *, int);
kauth_action_t kauth_accmode_to_action(accmode_t);

/* What access asks of the policies, for a file of this type and mode. */
#define	FS_OBJECT_CAN_EXEC(vtype, mode)					\
	((vtype) == VDIR || ((mode) & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0)
#define	KAUTH_ACCESS_ACTION(accmode, vtype, mode)			\
	(kauth_accmode_to_action(accmode) |				\
	(FS_OBJECT_CAN_EXEC(vtype, mode) ? KAUTH_VNODE_IS_EXEC : 0))

kauth_cred_t kauth_cred_alloc(void);
void	kauth_cred_free(kauth_cred_t);
NETBSD_KAUTH_CRED_HOLD_TYPE kauth_cred_hold(kauth_cred_t);
kauth_cred_t kauth_cred_dup(kauth_cred_t);
kauth_cred_t kauth_cred_copy(kauth_cred_t);
void	kauth_cred_clone(kauth_cred_t, kauth_cred_t);
kauth_cred_t kauth_cred_get(void);
u_int	kauth_cred_getrefcnt(kauth_cred_t);
uid_t	kauth_cred_getuid(kauth_cred_t);
uid_t	kauth_cred_geteuid(kauth_cred_t);
uid_t	kauth_cred_getsvuid(kauth_cred_t);
gid_t	kauth_cred_getgid(kauth_cred_t);
gid_t	kauth_cred_getegid(kauth_cred_t);
gid_t	kauth_cred_getsvgid(kauth_cred_t);
void	kauth_cred_setuid(kauth_cred_t, uid_t);
void	kauth_cred_seteuid(kauth_cred_t, uid_t);
void	kauth_cred_setsvuid(kauth_cred_t, uid_t);
void	kauth_cred_setgid(kauth_cred_t, gid_t);
void	kauth_cred_setegid(kauth_cred_t, gid_t);
void	kauth_cred_setsvgid(kauth_cred_t, gid_t);
int	kauth_cred_ismember_gid(kauth_cred_t, gid_t, int *);
int	kauth_cred_groupmember(kauth_cred_t, gid_t);
u_int	kauth_cred_ngroups(kauth_cred_t);
gid_t	kauth_cred_group(kauth_cred_t, u_int);
int	kauth_cred_setgroups(kauth_cred_t, const gid_t *, size_t, uid_t,
	    enum uio_seg);
int	kauth_cred_getgroups(kauth_cred_t, gid_t *, size_t, enum uio_seg);
int	kauth_cred_uidmatch(kauth_cred_t, kauth_cred_t);
void	kauth_cred_to_uucred(struct uucred *, const kauth_cred_t);
int	kauth_cred_uucmp(kauth_cred_t, const struct uucred *);
void	kauth_uucred_to_cred(kauth_cred_t, const struct uucred *);
void	kauth_proc_fork(struct proc *, struct proc *);

#endif /* !_SYS_KAUTH_H_ */
