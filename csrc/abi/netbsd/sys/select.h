/* SPDX-License-Identifier: BSD-2-Clause */
/* select(2): descriptor sets, and the kernel's side of waiting. */

#ifndef _SYS_SELECT_H_
#define _SYS_SELECT_H_

#include <sys/types.h>

#ifndef FD_SETSIZE
#define FD_SETSIZE	256
#endif
#define NFDBITS		32
typedef uint32_t __fd_mask;
typedef struct fd_set {
	__fd_mask fds_bits[(FD_SETSIZE + NFDBITS - 1) / NFDBITS];
} fd_set;

#define FD_SET(n, p)	\
	((p)->fds_bits[(unsigned)(n) / NFDBITS] |= 1U << ((n) % NFDBITS))
#define FD_CLR(n, p)	\
	((p)->fds_bits[(unsigned)(n) / NFDBITS] &= ~(1U << ((n) % NFDBITS)))
#define FD_ISSET(n, p)	\
	((p)->fds_bits[(unsigned)(n) / NFDBITS] & (1U << ((n) % NFDBITS)))

#ifdef _KERNEL
#include <sys/selinfo.h>

struct cpu_info;
struct lwp;
struct knote;

void selsysinit(struct cpu_info *);
void selrecord(struct lwp *, struct selinfo *);
void selrecord_knote(struct selinfo *, struct knote *);
bool selremove_knote(struct selinfo *, struct knote *);
void selnotify(struct selinfo *, int, long);
void selinit(struct selinfo *);
void seldestroy(struct selinfo *);
#endif

#endif /* !_SYS_SELECT_H_ */
