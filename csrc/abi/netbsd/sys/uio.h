/* SPDX-License-Identifier: BSD-2-Clause */
/* struct uio: a transfer between a kernel buffer and a list of regions. */

#ifndef _SYS_UIO_H_
#define _SYS_UIO_H_

#include <sys/types.h>

struct iovec {
	void *iov_base;
	size_t iov_len;
};

#define UIO_SMALLIOV	8	/* entries kept on the stack */
#define UIO_MAXIOV	1024

#ifdef _KERNEL
enum uio_rw { UIO_READ, UIO_WRITE };
enum uio_seg { UIO_USERSPACE, UIO_SYSSPACE };

struct vmspace;

struct uio {
	struct iovec *uio_iov;
	int uio_iovcnt;
	off_t uio_offset;
	size_t uio_resid;
	enum uio_rw uio_rw;
	struct vmspace *uio_vmspace;	/* whose addresses these are */
};

#define UIO_SETUP_SYSSPACE(uio)	uio_setup_sysspace(uio)
#define VMSPACE_IS_KERNEL_P(vm)	((vm) == (struct vmspace *)0 || \
				    (vm) == &vmspace0)
extern struct vmspace vmspace0;

void uio_setup_sysspace(struct uio *);
int uiomove(void *, size_t, struct uio *);
int uiomove_frombuf(void *, size_t, struct uio *);
int uiopeek(void *, size_t, struct uio *);
void uioskip(size_t, struct uio *);
int ureadc(int, struct uio *);
#endif

#endif /* !_SYS_UIO_H_ */
