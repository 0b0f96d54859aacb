/* SPDX-License-Identifier: BSD-2-Clause */

/* What the whole kernel uses: printing, copying, boot variables. */
#ifndef _SYS_SYSTM_H_
#define	_SYS_SYSTM_H_

#include <sys/param.h>
#include <sys/types.h>
#include <sys/lock.h>
#include <sys/uio.h>
#include <stdarg.h>
#include <machine/cpu.h>

struct clockframe;
struct lwp;
struct proc;
struct tty;
struct vmspace;
struct vnode;

extern const char copyright[];
extern const char version[];
extern const char ostype[];
extern const char osrelease[];
extern const char hexdigits[];
extern const char HEXDIGITS[];
extern const char *panicstr;
extern int	doing_shutdown;
extern int	boothowto;
extern int	securelevel;
extern psize_t	physmem;
extern dev_t	rootdev;
extern device_t	root_device;
extern struct vnode *rootvp;

enum hashtype {
	HASH_LIST = 0,
	HASH_SLIST = 1,
	HASH_TAILQ = 2,
	HASH_PSLIST = 3
};

void	*hashinit(u_int, enum hashtype, bool, u_long *);
void	hashdone(void *, enum hashtype, u_long);

/* Operations that do nothing, or only fail. */
int	nullop(void *);
void	voidop(void);
int	enodev(void);
int	enosys(void);
int	enoioctl(void);
int	enxio(void);
int	eopnotsupp(void);

void	panic(const char *, ...) __dead __printflike(1, 2);
void	vpanic(const char *, va_list) __dead __printflike(1, 0);
void	printf(const char *, ...) __printflike(1, 2);
void	vprintf(const char *, va_list) __printflike(1, 0);
int	sprintf(char *, const char *, ...) __printflike(2, 3);
int	snprintf(char *, size_t, const char *, ...) __printflike(3, 4);
int	vsprintf(char *, const char *, va_list) __printflike(2, 0);
int	vsnprintf(char *, size_t, const char *, va_list) __printflike(3, 0);
void	uprintf(const char *, ...) __printflike(1, 2);
int	humanize_number(char *, size_t, uint64_t, const char *, int);
int	format_bytes(char *, size_t, uint64_t);

void	aprint_normal(const char *, ...) __printflike(1, 2);
void	aprint_error(const char *, ...) __printflike(1, 2);
void	aprint_naive(const char *, ...) __printflike(1, 2);
void	aprint_verbose(const char *, ...) __printflike(1, 2);
void	aprint_debug(const char *, ...) __printflike(1, 2);
void	aprint_normal_dev(device_t, const char *, ...) __printflike(2, 3);
void	aprint_error_dev(device_t, const char *, ...) __printflike(2, 3);
void	aprint_verbose_dev(device_t, const char *, ...) __printflike(2, 3);
void	aprint_debug_dev(device_t, const char *, ...) __printflike(2, 3);
void	device_printf(device_t, const char *, ...) __printflike(2, 3);

/*
 * Copies between the kernel and a caller's memory.  A bad address is
 * EFAULT, whatever is mapped there.
 */
int	copyin(const void *, void *, size_t);
int	copyout(const void *, void *, size_t);
int	copyinstr(const void *, void *, size_t, size_t *);
int	copyoutstr(const void *, void *, size_t, size_t *);
int	copystr(const void *, void *, size_t, size_t *);
int	kcopy(const void *, void *, size_t);
int	copyin_vmspace(struct vmspace *, const void *, void *, size_t);
int	copyout_vmspace(struct vmspace *, const void *, void *, size_t);
int	copyin_proc(struct proc *, const void *, void *, size_t);
int	copyout_proc(struct proc *, const void *, void *, size_t);
int	ioctl_copyin(int, const void *, void *, size_t);
int	ioctl_copyout(int, const void *, void *, size_t);
int	ufetch_8(const uint8_t *, uint8_t *);
int	ufetch_16(const uint16_t *, uint16_t *);
int	ufetch_32(const uint32_t *, uint32_t *);
int	ufetch_64(const uint64_t *, uint64_t *);
int	ufetch_char(const unsigned char *, unsigned char *);
int	ufetch_int(const unsigned int *, unsigned int *);
int	ufetch_long(const unsigned long *, unsigned long *);
int	ustore_8(uint8_t *, uint8_t);
int	ustore_16(uint16_t *, uint16_t);
int	ustore_32(uint32_t *, uint32_t);
int	ustore_64(uint64_t *, uint64_t);
int	ustore_int(unsigned int *, unsigned int);
int	ustore_long(unsigned long *, unsigned long);

int	uiomove(void *, size_t, struct uio *);
int	uiomove_frombuf(void *, size_t, struct uio *);
int	uiopeek(void *, size_t, struct uio *);
void	uioskip(size_t, struct uio *);

void	*exechook_establish(void (*)(struct proc *, void *), void *);
void	exechook_disestablish(void *);
void	*exithook_establish(void (*)(struct proc *, void *), void *);
void	exithook_disestablish(void *);
void	doexithooks(struct proc *);

void	setrootfstime(time_t);
void	delay(unsigned int);

#include <lib/libkern/libkern.h>

/* ASSERT_SLEEPABLE: callers that may block say so. */
void	assert_sleepable(void);
#ifdef DIAGNOSTIC
#define	ASSERT_SLEEPABLE()	assert_sleepable()
#else
#define	ASSERT_SLEEPABLE()	do { } while (0)
#endif

#endif /* !_SYS_SYSTM_H_ */
