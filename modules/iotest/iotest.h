/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Tests of buffers and pages, run when the module is initialised, on the disk
 * /dev/iotest (8 MiB, zeroes).
 */
#ifndef _IOTEST_H_
#define	_IOTEST_H_

#include <sys/param.h>
#include <sys/systm.h>

struct vnode;

/* A test answers 0, or the line that failed. */
#define	CHECK(e) do {							\
	if (!(e)) {							\
		printf("iotest: %s:%d: %s\n", __FILE__, __LINE__, #e);	\
		return __LINE__;					\
	}								\
} while (0)

#define	IOTEST_DISK	(8 * 1024 * 1024)

/* Numbers that are the same each time. */
uint32_t iotest_random(void);

/* buf.c: on a block device. */
int	test_cached(struct vnode *);
int	test_random(struct vnode *);
int	test_limit(struct vnode *);
int	test_busy(struct vnode *);
int	test_nested(struct vnode *);
int	test_cow(struct vnode *);
int	test_readahead(struct vnode *);
int	test_sizes(struct vnode *);
int	test_regrow(struct vnode *);

/* journal.c: there, too. */
int	test_journal(struct vnode *);

/* object.c: in memory. */
int	test_object(struct vnode *);
int	test_object_shared(struct vnode *);
int	test_object_kept(struct vnode *);
int	test_pager(struct vnode *);
int	test_uiomove(struct vnode *);
int	test_uio_edges(struct vnode *);
int	test_bufq(struct vnode *);

#endif /* !_IOTEST_H_ */
