/* SPDX-License-Identifier: BSD-2-Clause */
/* Kernel events: struct kevent and what a watched object supplies. */

#ifndef _SYS_EVENT_H_
#define _SYS_EVENT_H_

#include <abi/versions.h>
#include <sys/types.h>
#include <sys/queue.h>

#define EVFILT_READ	0
#define EVFILT_WRITE	1
#define EVFILT_AIO	2
#define EVFILT_VNODE	3
#define EVFILT_PROC	4
#define EVFILT_SIGNAL	5
#define EVFILT_TIMER	6
#define EVFILT_FS	7
#define EVFILT_USER	8
#define EVFILT_EMPTY	9
#define EVFILT_SYSCOUNT	10
#define EV_ADD		1
#define EV_DELETE	2
#define EV_ENABLE	4
#define EV_DISABLE	8
#define EV_ONESHOT	0x10
#define EV_CLEAR	0x20
#define EV_RECEIPT	0x40
#define EV_DISPATCH	0x80
#define EV_SYSFLAGS	0xf000
#define EV_FLAG1	0x2000
#define EV_EOF		0x8000
#define EV_ERROR	0x4000
#define NOTE_FFNOP	0
#define NOTE_FFAND	0x40000000
#define NOTE_FFOR	0x80000000U
#define NOTE_FFCOPY	0xc0000000U
#define NOTE_FFCTRLMASK	0xc0000000U
#define NOTE_FFLAGSMASK	0xffffff
#define NOTE_TRIGGER	0x1000000
#define NOTE_SUBMIT	0x1000000
#define NOTE_LOWAT	1
#define NOTE_DELETE	1
#define NOTE_WRITE	2
#define NOTE_EXTEND	4
#define NOTE_ATTRIB	8
#define NOTE_LINK	0x10
#define NOTE_RENAME	0x20
#define NOTE_REVOKE	0x40
#define NOTE_OPEN	0x80
#define NOTE_CLOSE	0x100
#define NOTE_CLOSE_WRITE	0x200
#define NOTE_READ	0x400
#define NOTE_EXIT	0x80000000U
#define NOTE_FORK	0x40000000
#define NOTE_EXEC	0x20000000
#define NOTE_PCTRLMASK	0xf0000000U
#define NOTE_PDATAMASK	0xfffff
#define NOTE_TRACK	1
#define NOTE_TRACKERR	2
#define NOTE_CHILD	4
#define NOTE_MSECONDS	0
#define NOTE_SECONDS	1
#define NOTE_USECONDS	2
#define NOTE_NSECONDS	3
#define NOTE_ABSTIME	0x10
#define NOTE_TIMER_UNITMASK	3
#define NOTE_SIGNAL	0x8000000

struct kevent {
	uintptr_t ident;
	uint32_t filter;
	uint32_t flags;
	uint32_t fflags;
	int64_t data;
	void *udata;
	NETBSD_KEVENT_TAIL
};

struct knote;
SLIST_HEAD(klist, knote);

#ifdef _KERNEL
struct kqueue;
struct kfilter;
struct lwp;
struct proc;
struct timespec;

struct filterops {
	int f_flags;			/* FILTEROP_* */
	int (*f_attach)(struct knote *);
	void (*f_detach)(struct knote *);
	int (*f_event)(struct knote *, long);
	int (*f_touch)(struct knote *, struct kevent *, long);
};
#define FILTEROP_ISFD		0x0001
#define FILTEROP_MPSAFE		0x0002

struct knote {
	SLIST_ENTRY(knote) kn_link;
	SLIST_ENTRY(knote) kn_selnext;
	TAILQ_ENTRY(knote) kn_tqe;
	struct kqueue *kn_kq;
	struct kevent kn_kevent;
	uint32_t kn_status;		/* KN_* */
	uint32_t kn_sfflags;
	uintptr_t kn_sdata;
	void *kn_obj;
	const struct filterops *kn_fop;
	struct kfilter *kn_kfilter;
	void *kn_hook;
	int kn_hookid;
};
#define kn_id		kn_kevent.ident
#define kn_filter	kn_kevent.filter
#define kn_flags	kn_kevent.flags
#define kn_fflags	kn_kevent.fflags
#define kn_data		kn_kevent.data

#define KN_ACTIVE	1
#define KN_QUEUED	2
#define KN_DISABLED	4
#define KN_DETACHED	8
#define KN_MARKER	0x10
#define KN_BUSY		0x20
#define KN_WILLDETACH	0x40

extern const struct filterops seltrue_filtops;

void klist_init(struct klist *);
void klist_fini(struct klist *);
void klist_insert(struct klist *, struct knote *);
bool klist_remove(struct klist *, struct knote *);
void knote(struct klist *, long);
void knote_set_eof(struct knote *, uint32_t);
void knote_clear_eof(struct knote *);
#define KNOTE(list, hint) do {						\
	if (!SLIST_EMPTY(list))						\
		knote((list), (hint));					\
} while (0)
#endif

#endif /* !_SYS_EVENT_H_ */
