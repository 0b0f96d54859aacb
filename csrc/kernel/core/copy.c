/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * copyin(9), copyout(9) and their kin.
 *
 * A caller's memory is the host process's, so any pointer may be bad.  The two
 * copy loops below are listed in copy_fixups[]: a fault in them continues at
 * their landing and becomes EFAULT.  The kernel's own memory is refused, as
 * NetBSD refuses kernel addresses.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/fcntl.h>

#include "core/copy.h"
#include "core/pages.h"

/* Text that may fault; in copy_guard.S. */
int	copy_guarded(void *, const void *, size_t);
int	copystr_guarded(const void *, void *, size_t, size_t *);
extern const char copy_guarded_start[], copy_guarded_end[];
extern const char copy_guarded_landing[];
extern const char copystr_guarded_start[], copystr_guarded_end[];
extern const char copystr_guarded_landing[];

const struct kern_fixup copy_fixups[] = {
	{
		(uint64_t)copy_guarded_start, (uint64_t)copy_guarded_end,
		(uint64_t)copy_guarded_landing
	},
	{
		(uint64_t)copystr_guarded_start, (uint64_t)copystr_guarded_end,
		(uint64_t)copystr_guarded_landing
	},
};
const uint64_t copy_nfixups = __arraycount(copy_fixups);

/* What is ours: the images below 2 GiB, and the arena. */
static struct {
	uint64_t low, low_size;
	uint64_t arena, arena_size;
} own __read_mostly;

void
copy_init(const struct door_boot *boot)
{
	own.low = boot->low_base;
	own.low_size = boot->low_end - boot->low_base;
	own.arena = boot->arena;
	own.arena_size = boot->arena_size;
}

/* True if a caller may name these bytes. */
static inline bool
foreign(const void *p, size_t n)
{
	uint64_t a = (uint64_t)p;

	/* Starts inside of it, or starts before and reaches into it. */
	return a - own.arena >= own.arena_size &&
	    a - own.low >= own.low_size &&
	    (own.arena - a >= n || n == 0) && (own.low - a >= n || n == 0);
}

int
copyin(const void *uaddr, void *kaddr, size_t n)
{
	if (__predict_false(!foreign(uaddr, n)))
		return EFAULT;
	return copy_guarded(kaddr, uaddr, n);
}

int
copyout(const void *kaddr, void *uaddr, size_t n)
{
	if (__predict_false(!foreign(uaddr, n)))
		return EFAULT;
	return copy_guarded(uaddr, kaddr, n);
}

int
copyinstr(const void *uaddr, void *kaddr, size_t size, size_t *done)
{
	if (__predict_false(!foreign(uaddr, 1)))
		return EFAULT;
	return copystr_guarded(uaddr, kaddr, size, done);
}

int
copyoutstr(const void *kaddr, void *uaddr, size_t size, size_t *done)
{
	if (__predict_false(!foreign(uaddr, strnlen(kaddr, size))))
		return EFAULT;
	return copystr_guarded(kaddr, uaddr, size, done);
}

int
copystr(const void *from, void *to, size_t size, size_t *done)
{
	size_t len = strnlen(from, size);
	int error = len < size ? 0 : ENAMETOOLONG;

	if (error == 0)
		len++;
	memcpy(to, from, len);
	if (done != NULL)
		*done = len;
	return error;
}

/* Within the kernel, but from or to an address that may be bad. */
int
kcopy(const void *from, void *to, size_t n)
{
	return copy_guarded(to, from, n);
}

/*
 * All processes live in the host's one address space, so another process's
 * memory is reached as one's own.
 */
int
copyin_vmspace(struct vmspace *vm, const void *uaddr, void *kaddr, size_t n)
{
	return copyin(uaddr, kaddr, n);
}

int
copyout_vmspace(struct vmspace *vm, const void *kaddr, void *uaddr, size_t n)
{
	return copyout(kaddr, uaddr, n);
}

int
copyin_proc(struct proc *p, const void *uaddr, void *kaddr, size_t n)
{
	return copyin(uaddr, kaddr, n);
}

int
copyout_proc(struct proc *p, const void *kaddr, void *uaddr, size_t n)
{
	return copyout(kaddr, uaddr, n);
}

/* An ioctl's data is the kernel's if FKIOCTL says so. */
int
ioctl_copyin(int flags, const void *from, void *to, size_t n)
{
	if ((flags & FKIOCTL) != 0)
		return kcopy(from, to, n);
	return copyin(from, to, n);
}

int
ioctl_copyout(int flags, const void *from, void *to, size_t n)
{
	if ((flags & FKIOCTL) != 0)
		return kcopy(from, to, n);
	return copyout(from, to, n);
}

#define	UFETCH(name, type)						\
int									\
ufetch_##name(const type *uaddr, type *valp)				\
{									\
	return copyin(uaddr, valp, sizeof(*valp));			\
}
#define	USTORE(name, type)						\
int									\
ustore_##name(type *uaddr, type v)					\
{									\
	return copyout(&v, uaddr, sizeof(v));				\
}

UFETCH(8, uint8_t)
UFETCH(16, uint16_t)
UFETCH(32, uint32_t)
UFETCH(64, uint64_t)
UFETCH(char, unsigned char)
UFETCH(int, unsigned int)
UFETCH(long, unsigned long)
USTORE(8, uint8_t)
USTORE(16, uint16_t)
USTORE(32, uint32_t)
USTORE(64, uint64_t)
USTORE(int, unsigned int)
USTORE(long, unsigned long)
