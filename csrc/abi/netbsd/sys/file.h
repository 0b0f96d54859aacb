/* SPDX-License-Identifier: BSD-2-Clause */
/* Open files and the operations of their kinds. */

#ifndef _SYS_FILE_H_
#define _SYS_FILE_H_

#include <abi/versions.h>
#include <sys/fcntl.h>
#include <sys/unistd.h>

#ifdef _KERNEL
#include <sys/queue.h>
#include <sys/mutex.h>
#include <sys/condvar.h>
#include <sys/kauth.h>

struct eventfd;
struct file;
struct flock;
struct iovec;
struct kqueue;
struct knote;
struct lwp;
struct pipe;
struct proc;
struct socket;
struct stat;
struct timerfd;
struct uio;
struct uvm_object;
struct vnode;

union file_data {
	struct vnode *fd_vp;
	struct socket *fd_so;
	struct pipe *fd_pipe;
	struct kqueue *fd_kq;
	struct eventfd *fd_eventfd;
	struct timerfd *fd_timerfd;
	void *fd_data;
};

struct fileops {
	const char *fo_name;
	int (*fo_read)(struct file *, off_t *, struct uio *, kauth_cred_t,
	    int);
	int (*fo_write)(struct file *, off_t *, struct uio *, kauth_cred_t,
	    int);
	int (*fo_ioctl)(struct file *, u_long, void *);
	int (*fo_fcntl)(struct file *, u_int, void *);
	int (*fo_poll)(struct file *, int);
	int (*fo_stat)(struct file *, struct stat *);
	int (*fo_close)(struct file *);
	int (*fo_kqfilter)(struct file *, struct knote *);
	void (*fo_restart)(struct file *);
	int (*fo_mmap)(struct file *, off_t *, size_t, int, int *, int *,
	    struct uvm_object **, int *);
	int (*fo_seek)(struct file *, off_t, int, off_t *, int);
	NETBSD_FILEOPS_TAIL
};

struct file {
	off_t f_offset;
	kauth_cred_t f_cred;		/* of the opener */
	const struct fileops *f_ops;
	union file_data f_undata;
	LIST_ENTRY(file) f_list;	/* all open files */
	kmutex_t f_lock;
	int f_flag;			/* FREAD, FWRITE, FNONBLOCK... */
	u_int f_marker;
	u_int f_type;			/* DTYPE_* */
	u_int f_advice;			/* posix_fadvise */
	u_int f_count;			/* descriptors and users */
	u_int f_msgcount;
	u_int f_unpcount;
	SLIST_ENTRY(file) f_unplist;
};
#define f_vnode		f_undata.fd_vp
#define f_socket	f_undata.fd_so
#define f_pipe		f_undata.fd_pipe
#define f_kqueue	f_undata.fd_kq
#define f_data		f_undata.fd_data
typedef struct file file_t;

/* f_type */
#define DTYPE_VNODE	1
#define DTYPE_SOCKET	2
#define DTYPE_PIPE	3
#define DTYPE_KQUEUE	4
#define DTYPE_MISC	5
#define DTYPE_CRYPTO	6
#define DTYPE_MQUEUE	7
#define DTYPE_SEM	8
#define DTYPE_EVENTFD	9
#define DTYPE_TIMERFD	10
#define DTYPE_NAMES \
	"0", "file", "socket", "pipe", "kqueue", "misc", "crypto", \
	"mqueue", "semaphore", "eventfd", "timerfd"

/* Flags of fo_read, fo_write and of iov transfers. */
#define FOF_UPDATE_OFFSET	0x0001
#define FOF_IOV_SYSSPACE	0x0100

LIST_HEAD(filelist, file);
extern struct filelist filehead;
extern u_int maxfiles;
extern u_int nfiles;
extern const struct fileops vnops;

int dofileread(int, struct file *, void *, size_t, off_t *, int,
    register_t *);
int dofilewrite(int, struct file *, const void *, size_t, off_t *, int,
    register_t *);
int do_filereadv(int, const struct iovec *, int, off_t *, int,
    register_t *);
int do_filewritev(int, const struct iovec *, int, off_t *, int,
    register_t *);

int fnullop_fcntl(struct file *, u_int, void *);
int fnullop_poll(struct file *, int);
int fnullop_kqfilter(struct file *, struct knote *);
void fnullop_restart(struct file *);
int fbadop_read(struct file *, off_t *, struct uio *, kauth_cred_t, int);
int fbadop_write(struct file *, off_t *, struct uio *, kauth_cred_t, int);
int fbadop_ioctl(struct file *, u_long, void *);
int fbadop_close(struct file *);
int fbadop_stat(struct file *, struct stat *);
#endif /* _KERNEL */

#endif /* !_SYS_FILE_H_ */
