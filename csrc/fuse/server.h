/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The /dev/fuse server: what its files share.
 *
 *	server.c	the worker loop, the pool of requests, stop and failure
 *	wire.c		FUSE messages <-> struct export_req, one row for each op
 *	init.c		negotiation of protocol version and features
 *	errno.c		NetBSD errnos -> Linux errnos
 *	groups.c	supplementary groups of a caller, from /proc
 *	notify.c	the helper thread: invalidations, second tries
 *	mountfd.c	mount(2) of a /dev/fuse descriptor
 *
 * Threads.  One worker reads requests, turns each into an export_req and
 * submits it.  The answer is sent by whichever thread runs the context when
 * it ends; it uses nothing but its request, so no lock is needed (and none
 * may be taken: the kernel's CPU is held then).  The worker puts requests back
 * into the pool, and takes from it; other threads return them by a lock-free
 * push.
 */

#ifndef _FUSE_SERVER_H_
#define _FUSE_SERVER_H_

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/fuse.h>

#include <rumpy/export.h>

#include "fuse_api.h"

/* Later than the oldest <linux/fuse.h> that we compile against (7.34). */
#define	RUMPY_FUSE_TMPFILE	51
#define	RUMPY_FUSE_STATX	52
#define	RUMPY_FOPEN_NOFLUSH	(1u << 5)

/*
 * The fixed part of the longest message that carries data; its data then
 * begins on a page boundary of the request's memory.
 */
#define	REQ_HEAD	(sizeof(struct fuse_in_header) +		\
			 sizeof(struct fuse_write_in))
#define	REQ_PAGE	4096u
#define	REQ_SLACK	REQ_PAGE	/* names and small arguments */

enum req_state {
	REQ_FREE,		/* in the pool or with the worker */
	REQ_BUSY,		/* submitted, unanswered */
	REQ_DONE		/* being answered */
};

struct fuse_req {
	struct export_req x;	/* first: er_reply gets a pointer to it */
	struct fuse_server *fs;
	const struct wire_op *op;
	uint8_t		*msg;	/* what was read */
	size_t		len;
	uint64_t	unique;
	_Atomic uint32_t state;
	bool		again;	/* refused; try with the caller's groups */
	bool		groups;	/* they have been fetched */
	bool		mine;	/* internal: nobody waits for an answer */
	uint32_t	arg;	/* wire.c's own, from decode to encode */
	struct fuse_req	*next;	/* pool, or list of second tries */
	struct fuse_req	*all;	/* every request there is */
	struct fuse_out_header out;
	uint8_t		body[320];	/* fixed part of the answer */
};

struct fuse_server {
	struct fuse_config cfg;
	atomic_int	refs;		/* the owner, and requests in a kernel */
	size_t		reqsize;	/* bytes mapped for one request */
	size_t		msgsize;	/* bytes a message may have */

	/* Worker only. */
	struct fuse_req	*pool;
	struct fuse_req *all;
	uint32_t	nreqs;
	uint32_t	minor;		/* of the protocol, as agreed */
	bool		inited;
	struct fuse_req	*retries_here;	/* refused, on the worker's thread */
	uint64_t	requests;
	pthread_t	worker;

	/* Any thread. */
	_Atomic(struct fuse_req *) returned;
	_Atomic(struct fuse_req *) all_head;	/* push only */
	_Atomic int	stop;		/* FUSE_RUN_* that run() shall return */
	_Atomic int	running;
	int		error;
	sem_t		ready;		/* posted after INIT */

	/* The helper thread. */
	pthread_t	helper;
	bool		helper_up;
	sem_t		helper_work;
	_Atomic int	helper_quit;
	_Atomic(struct fuse_req *) retries;
	pthread_mutex_t	notes_lock;
	struct fuse_note *notes;
	struct fuse_note **notes_tail;
};

/* One row for each FUSE operation. */
struct wire_op {
	const char	*wo_name;
	size_t		wo_argsize;	/* fixed arguments */
	/* 0: submit; > 0: refuse with that Linux errno; < 0: see server.c. */
	int		(*wo_decode)(struct fuse_req *);
	/* Bytes of req->body; er_data/er_iov follow them. */
	size_t		(*wo_encode)(struct fuse_req *);
	bool		wo_data;	/* the answer carries er_done bytes */
};

#define	WIRE_ANSWERED	(-1)	/* decode has answered */
#define	WIRE_SILENT	(-2)	/* no answer is expected */
#define	WIRE_DROPPED	(-3)	/* decode has given the request away */

/* wire.c */
const struct wire_op *wire_op(uint32_t opcode);
const char *wire_absence(uint32_t opcode);

/* init.c */
int	init_decode(struct fuse_req *);

/* server.c */
void	server_submit(struct fuse_server *, struct fuse_req *);
void	server_answer(struct fuse_req *, int error, size_t bodylen);
bool	server_kernel_died(const struct fuse_server *);

/* errno.c */
int	fuse_errno_from_netbsd(int);

/* groups.c */
int	groups_fetch(uint32_t pid, struct export_cred *);

/* notify.c */
int	helper_start(struct fuse_server *);
void	helper_stop(struct fuse_server *);
void	helper_retry(struct fuse_server *, struct fuse_req *);

#endif /* !_FUSE_SERVER_H_ */
