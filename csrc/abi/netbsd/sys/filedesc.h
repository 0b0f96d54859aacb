/* SPDX-License-Identifier: BSD-2-Clause */
/* The descriptor table of a process, and its directories. */

#ifndef _SYS_FILEDESC_H_
#define _SYS_FILEDESC_H_

#include <abi/versions.h>
#include <sys/types.h>
#include <sys/param.h>
#include <sys/queue.h>
#include <sys/mutex.h>
#include <sys/rwlock.h>
#include <sys/condvar.h>
#include <sys/event.h>

#define NDFILE		20		/* descriptors before the table grows */
#define NDENTRIES	32
#define NDENTRYMASK	(NDENTRIES - 1)
#define NDENTRYSHIFT	5
#define NDLOSLOTS(x)	(((x) + NDENTRIES - 1) >> NDENTRYSHIFT)
#define NDHISLOTS(x)	((NDLOSLOTS(x) + NDENTRIES - 1) >> NDENTRYSHIFT)
#define NDFDFILE	6		/* entries embedded in the table */

struct file;
struct proc;
struct socket;
struct vnode;

typedef struct fdfile {
	bool ff_exclose;		/* close on exec */
	NETBSD_FDFILE_FOCLOSE
	bool ff_allocated;
	u_int ff_refcnt;		/* system calls that use it now */
	struct file *ff_file;
	SLIST_HEAD(, knote) ff_knlist;
	kcondvar_t ff_closing;
} fdfile_t;

#define FR_CLOSING	(0x80000000)
#define FR_MASK		(~FR_CLOSING)

typedef struct fdtab {
	u_int dt_nfiles;
	struct fdtab *dt_link;
	fdfile_t *dt_ff[NDFILE];
} fdtab_t;

typedef struct filedesc {
	uint8_t fd_dfdfile[NDFDFILE][64];
	kmutex_t fd_lock;
	fdtab_t *volatile fd_dt;
	uint32_t *fd_himap;
	uint32_t *fd_lomap;
	struct klist *fd_knhash;
	int fd_lastkqfile;
	int fd_lastfile;
	int fd_refcnt;
	u_long fd_knhashmask;
	int fd_freefile;		/* no free slot below */
	int fd_unused;
	bool fd_exclose;
	NETBSD_FILEDESC_FOCLOSE
	fdtab_t fd_dtbuiltin;
	uint32_t fd_dhimap[NDENTRIES >> NDENTRYSHIFT];
	uint32_t fd_dlomap[NDENTRIES];
} filedesc_t;

typedef struct cwdinfo {
	struct vnode *cwdi_cdir;	/* current directory */
	struct vnode *cwdi_rdir;	/* root, if not the system's */
	struct vnode *cwdi_edir;	/* emulation root */
	u_int cwdi_cmask;		/* umask */
	u_int cwdi_refcnt;
	krwlock_t cwdi_lock __aligned(64);
} __aligned(64) cwdinfo_t;

#ifdef _KERNEL
struct fileops;
struct lwp;

extern struct cwdinfo cwdi0;
extern filedesc_t filedesc0;

void fd_sys_init(void);
int fd_open(const char *, int, int, int *);
int fd_dupopen(int, bool, int, int *);
int fd_alloc(struct proc *, int, int *);
void fd_tryexpand(struct proc *);
int fd_allocfile(struct file **, int *);
void fd_affix(struct proc *, struct file *, unsigned int);
void fd_abort(struct proc *, struct file *, unsigned int);
filedesc_t *fd_copy(void);
filedesc_t *fd_init(filedesc_t *);
void fd_share(struct proc *);
void fd_hold(struct lwp *);
void fd_free(void);
void fd_closeexec(void);
struct file *fd_getfile(unsigned int);
struct file *fd_getfile2(struct proc *, unsigned int);
void fd_putfile(unsigned int);
int fd_getvnode(unsigned int, struct file **);
void fd_putvnode(unsigned int);
int fd_close(unsigned int);
int fd_dup(struct file *, int, int *, bool NETBSD_FD_DUP_CLOFORK);
int fd_dup2(struct file *, unsigned int, int);
int fd_clone(struct file *, unsigned int, int, const struct fileops *,
    void *);
void fd_set_exclose(struct lwp *, int, bool);
int closef(struct file *);

struct cwdinfo *cwdinit(void);
void cwdshare(struct proc *);
void cwdunshare(struct proc *);
void cwdfree(struct cwdinfo *);
int getcwd_common(struct vnode *, struct vnode *, char **, char *, int, int,
    struct lwp *);
int vnode_to_path(char *, size_t, struct vnode *, struct lwp *,
    struct proc *);
#define GETCWD_CHECK_ACCESS	0x0001
#endif /* _KERNEL */

#endif /* !_SYS_FILEDESC_H_ */
