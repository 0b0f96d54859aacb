/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/bufq.h: queues of buffers that wait for a device (bufq(9)).
 */
#ifndef _SYS_BUFQ_H_
#define	_SYS_BUFQ_H_

#include <sys/types.h>

struct buf;
struct bufq_state;

#define	BUFQ_SORT_RAWBLOCK	0x0001	/* order by b_rawblkno */
#define	BUFQ_SORT_CYLINDER	0x0002	/* by b_cylinder, then b_rawblkno */
#define	BUFQ_SORT_MASK		0x000f
#define	BUFQ_EXACT		0x0010	/* the named strategy or an error */

#define	BUFQ_STRAT_ANY		NULL
#define	BUFQ_DISK_DEFAULT_STRAT	BUFQ_STRAT_ANY

#ifdef _KERNEL
__BEGIN_DECLS
int	bufq_alloc(struct bufq_state **, const char *, int);
struct buf *bufq_cancel(struct bufq_state *, struct buf *);
void	bufq_drain(struct bufq_state *);
void	bufq_free(struct bufq_state *);
struct buf *bufq_get(struct bufq_state *);
const char *bufq_getstrategyname(struct bufq_state *);
void	bufq_move(struct bufq_state *, struct bufq_state *);
struct buf *bufq_peek(struct bufq_state *);
void	bufq_put(struct bufq_state *, struct buf *);
__END_DECLS
#endif /* _KERNEL */

#endif /* !_SYS_BUFQ_H_ */
