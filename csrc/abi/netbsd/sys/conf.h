/* SPDX-License-Identifier: BSD-2-Clause */
/* Device switches: from a device number to the driver's functions. */

#ifndef _SYS_CONF_H_
#define _SYS_CONF_H_

#include <sys/types.h>
#include <sys/mutex.h>
#include <sys/queue.h>
#include <sys/device.h>

#ifdef _KERNEL
struct buf;
struct knote;
struct lwp;
struct tty;
struct uio;

/* d_flag */
#define D_OTHER		0
#define D_TAPE		1
#define D_DISK		2
#define D_TTY		3
#define D_TYPEMASK	0x00ff
#define D_MPSAFE	0x0100
#define D_NEGOFFSAFE	0x0200
#define D_UNUSED0	0x0400

struct bdevsw {
	int (*d_open)(dev_t, int, int, struct lwp *);
	int (*d_cancel)(dev_t, int, int, struct lwp *);
	int (*d_close)(dev_t, int, int, struct lwp *);
	void (*d_strategy)(struct buf *);
	int (*d_ioctl)(dev_t, u_long, void *, int, struct lwp *);
	int (*d_dump)(dev_t, daddr_t, void *, size_t);
	int (*d_psize)(dev_t);
	int (*d_discard)(dev_t, off_t, off_t);
	int (*d_devtounit)(dev_t);
	struct cfdriver *d_cfdriver;
	int d_flag;
};

struct cdevsw {
	int (*d_open)(dev_t, int, int, struct lwp *);
	int (*d_cancel)(dev_t, int, int, struct lwp *);
	int (*d_close)(dev_t, int, int, struct lwp *);
	int (*d_read)(dev_t, struct uio *, int);
	int (*d_write)(dev_t, struct uio *, int);
	int (*d_ioctl)(dev_t, u_long, void *, int, struct lwp *);
	void (*d_stop)(struct tty *, int);
	struct tty *(*d_tty)(dev_t);
	int (*d_poll)(dev_t, int, struct lwp *);
	paddr_t (*d_mmap)(dev_t, off_t, int);
	int (*d_kqfilter)(dev_t, struct knote *);
	int (*d_discard)(dev_t, off_t, off_t);
	int (*d_devtounit)(dev_t);
	struct cfdriver *d_cfdriver;
	int d_flag;
};

enum devnode_class { DEVNODE_DONTBOTHER, DEVNODE_SINGLE, DEVNODE_VECTOR };
#define DEVNODE_FLAG_LINKZERO	0x01
#define DEVNODE_FLAG_ISMINOR0	0x02

struct devsw_conv {
	const char *d_name;
	devmajor_t d_bmajor;
	devmajor_t d_cmajor;
	enum devnode_class d_class;
	int d_flags;
	int d_vectdim[2];
};

extern kmutex_t device_lock;
extern struct devsw_conv *devsw_conv;
extern int max_devsw_convs;

void devsw_init(void);
int devsw_attach(const char *, const struct bdevsw *, devmajor_t *,
    const struct cdevsw *, devmajor_t *);
void devsw_detach(const struct bdevsw *, const struct cdevsw *);
const struct bdevsw *bdevsw_lookup(dev_t);
const struct cdevsw *cdevsw_lookup(dev_t);
devmajor_t bdevsw_lookup_major(const struct bdevsw *);
devmajor_t cdevsw_lookup_major(const struct cdevsw *);
const char *devsw_blk2name(devmajor_t);
const char *cdevsw_getname(devmajor_t);
const char *bdevsw_getname(devmajor_t);
devmajor_t devsw_name2blk(const char *, char *, size_t);
devmajor_t devsw_name2chr(const char *, char *, size_t);
dev_t devsw_blk2chr(dev_t);
dev_t devsw_chr2blk(dev_t);

int bdev_open(dev_t, int, int, struct lwp *);
int bdev_cancel(dev_t, int, int, struct lwp *);
int bdev_close(dev_t, int, int, struct lwp *);
void bdev_strategy(struct buf *);
int bdev_ioctl(dev_t, u_long, void *, int, struct lwp *);
int bdev_dump(dev_t, daddr_t, void *, size_t);
int bdev_flags(dev_t);
int bdev_type(dev_t);
int bdev_size(dev_t);
int bdev_discard(dev_t, off_t, off_t);

int cdev_open(dev_t, int, int, struct lwp *);
int cdev_cancel(dev_t, int, int, struct lwp *);
int cdev_close(dev_t, int, int, struct lwp *);
int cdev_read(dev_t, struct uio *, int);
int cdev_write(dev_t, struct uio *, int);
int cdev_ioctl(dev_t, u_long, void *, int, struct lwp *);
void cdev_stop(struct tty *, int);
struct tty *cdev_tty(dev_t);
int cdev_poll(dev_t, int, struct lwp *);
paddr_t cdev_mmap(dev_t, off_t, int);
int cdev_kqfilter(dev_t, struct knote *);
int cdev_discard(dev_t, off_t, off_t);
int cdev_flags(dev_t);
int cdev_type(dev_t);

#define dev_type_open(n)	int n(dev_t, int, int, struct lwp *)
#define dev_type_cancel(n)	int n(dev_t, int, int, struct lwp *)
#define dev_type_close(n)	int n(dev_t, int, int, struct lwp *)
#define dev_type_read(n)	int n(dev_t, struct uio *, int)
#define dev_type_write(n)	int n(dev_t, struct uio *, int)
#define dev_type_ioctl(n)	int n(dev_t, u_long, void *, int, struct lwp *)
#define dev_type_strategy(n)	void n(struct buf *)
#define dev_type_stop(n)	void n(struct tty *, int)
#define dev_type_tty(n)		struct tty *n(dev_t)
#define dev_type_poll(n)	int n(dev_t, int, struct lwp *)
#define dev_type_mmap(n)	paddr_t n(dev_t, off_t, int)
#define dev_type_kqfilter(n)	int n(dev_t, struct knote *)
#define dev_type_dump(n)	int n(dev_t, daddr_t, void *, size_t)
#define dev_type_size(n)	int n(dev_t)
#define dev_type_discard(n)	int n(dev_t, off_t, off_t)

/* For the slots that a driver has no use for. */
int devenodev(dev_t, ...);
int deveopnotsupp(dev_t, ...);
int devnullop(dev_t, ...);
struct tty *ttyvenodev(struct tty *, ...);
int enodev(void);
int nullop(void *);
int seltrue(dev_t, int, struct lwp *);
int seltrue_kqfilter(dev_t, struct knote *);
paddr_t nommap(dev_t, off_t, int);

#define noopen		((dev_type_open((*)))devenodev)
#define noclose		((dev_type_close((*)))devenodev)
#define noread		((dev_type_read((*)))devenodev)
#define nowrite		((dev_type_write((*)))devenodev)
#define noioctl		((dev_type_ioctl((*)))devenodev)
#define nostop		((dev_type_stop((*)))enodev)
#define notty		((dev_type_tty((*)))ttyvenodev)
#define nopoll		seltrue
#define nodump		((dev_type_dump((*)))devenodev)
#define nosize		NULL
#define nokqfilter	seltrue_kqfilter
#define nodiscard	((dev_type_discard((*)))devenodev)
#define nullopen	((dev_type_open((*)))devnullop)
#define nullclose	((dev_type_close((*)))devnullop)
#define nullread	((dev_type_read((*)))devnullop)
#define nullwrite	((dev_type_write((*)))devnullop)
#define nullioctl	((dev_type_ioctl((*)))devnullop)
#define nullstop	((dev_type_stop((*)))devnullop)
#define nullpoll	((dev_type_poll((*)))devnullop)

#define DEV_MEM		0
#define DEV_KMEM	1
#define DEV_NULL	2
#define DEV_FULL	11
#define DEV_ZERO	12
#endif /* _KERNEL */

#endif /* !_SYS_CONF_H_ */
