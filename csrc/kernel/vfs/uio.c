/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Moving bytes between the kernel and what a struct uio describes: memory of
 * the caller of a system call, or of the kernel itself.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>
#include <sys/uio.h>

/* Addresses in this uio are the kernel's own. */
void
uio_setup_sysspace(struct uio *uio)
{

	uio->uio_vmspace = &vmspace0;
}

/* One copy in the uio's direction; the user's side may fault. */
static inline int
uio_copy(struct uio *uio, void *kaddr, void *addr, size_t n)
{

	if (VMSPACE_IS_KERNEL_P(uio->uio_vmspace) &&
	    uio->uio_vmspace != NULL) {
		if (uio->uio_rw == UIO_READ)
			memcpy(addr, kaddr, n);
		else
			memcpy(kaddr, addr, n);
		return 0;
	}
	if (uio->uio_rw == UIO_READ)
		return copyout(kaddr, addr, n);
	return copyin(addr, kaddr, n);
}

static inline void
uio_advance(struct uio *uio, struct iovec *iov, size_t n)
{

	iov->iov_base = (char *)iov->iov_base + n;
	iov->iov_len -= n;
	uio->uio_resid -= n;
	uio->uio_offset += n;
}

/*
 * Move n bytes, or as many as the uio has room for, between buf and the uio.
 */
int
uiomove(void *buf, size_t n, struct uio *uio)
{
	struct iovec *iov;
	char *cp;
	size_t cnt;
	int error;

	cp = buf;
	while (n > 0 && uio->uio_resid > 0) {
		iov = uio->uio_iov;
		cnt = iov->iov_len;
		if (cnt == 0) {
			KASSERT(uio->uio_iovcnt > 0);
			uio->uio_iov++;
			uio->uio_iovcnt--;
			continue;
		}
		if (cnt > n)
			cnt = n;
		error = uio_copy(uio, cp, iov->iov_base, cnt);
		if (error != 0)
			return error;
		uio_advance(uio, iov, cnt);
		cp += cnt;
		n -= cnt;
	}
	return 0;
}

/*
 * A buffer as if it were a file: move what it holds at uio_offset on.
 */
int
uiomove_frombuf(void *buf, size_t buflen, struct uio *uio)
{
	size_t offset;

	if (uio->uio_offset < 0)
		return EINVAL;
	offset = (size_t)uio->uio_offset;
	if (offset >= buflen)
		return 0;
	return uiomove((char *)buf + offset, buflen - offset, uio);
}

/* Copy without advancing. */
int
uiopeek(void *buf, size_t n, struct uio *uio)
{
	struct iovec *iov;
	char *cp;
	size_t cnt, i;
	int error;

	cp = buf;
	iov = uio->uio_iov;
	n = MIN(n, uio->uio_resid);
	for (i = 0; n > 0; i++) {
		KASSERT(i < (size_t)uio->uio_iovcnt);
		cnt = MIN(iov[i].iov_len, n);
		if (cnt == 0)
			continue;
		error = uio_copy(uio, cp, iov[i].iov_base, cnt);
		if (error != 0)
			return error;
		cp += cnt;
		n -= cnt;
	}
	return 0;
}

/* Advance without copying, after uiopeek(). */
void
uioskip(size_t n, struct uio *uio)
{
	struct iovec *iov;
	size_t cnt;

	KASSERT(n <= uio->uio_resid);
	while (n > 0) {
		iov = uio->uio_iov;
		cnt = iov->iov_len;
		if (cnt == 0) {
			KASSERT(uio->uio_iovcnt > 0);
			uio->uio_iov++;
			uio->uio_iovcnt--;
			continue;
		}
		cnt = MIN(cnt, n);
		uio_advance(uio, iov, cnt);
		n -= cnt;
	}
}

/* Give one character to the reader. */
int
ureadc(int c, struct uio *uio)
{
	unsigned char ch;

	if (uio->uio_resid == 0)
		return EINVAL;
	ch = (unsigned char)c;
	return uiomove(&ch, 1, uio);
}
