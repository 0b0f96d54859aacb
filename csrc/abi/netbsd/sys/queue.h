/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Lists, tail queues and their kin, by the interface of queue(3).
 * The member names are part of the ABI: modules inline these macros.
 */
#ifndef _SYS_QUEUE_H_
#define	_SYS_QUEUE_H_

#include <sys/null.h>

/* Singly-linked list. */
#define	SLIST_HEAD(name, type)						\
struct name {								\
	struct type *slh_first;						\
}
#define	SLIST_HEAD_INITIALIZER(head)	{ NULL }
#define	SLIST_ENTRY(type)						\
struct {								\
	struct type *sle_next;						\
}
#define	SLIST_FIRST(head)		((head)->slh_first)
#define	SLIST_END(head)			NULL
#define	SLIST_EMPTY(head)		((head)->slh_first == NULL)
#define	SLIST_NEXT(elm, field)		((elm)->field.sle_next)
#define	SLIST_FOREACH(var, head, field)					\
	for ((var) = SLIST_FIRST(head); (var) != NULL;			\
	    (var) = SLIST_NEXT(var, field))
#define	SLIST_FOREACH_SAFE(var, head, field, tmp)			\
	for ((var) = SLIST_FIRST(head);					\
	    (var) != NULL && ((tmp) = SLIST_NEXT(var, field), 1);	\
	    (var) = (tmp))
#define	SLIST_INIT(head)		((head)->slh_first = NULL)
#define	SLIST_INSERT_AFTER(prev, elm, field) do {			\
	(elm)->field.sle_next = (prev)->field.sle_next;			\
	(prev)->field.sle_next = (elm);					\
} while (0)
#define	SLIST_INSERT_HEAD(head, elm, field) do {			\
	(elm)->field.sle_next = (head)->slh_first;			\
	(head)->slh_first = (elm);					\
} while (0)
#define	SLIST_REMOVE_HEAD(head, field)					\
	((head)->slh_first = (head)->slh_first->field.sle_next)
#define	SLIST_REMOVE_AFTER(prev, field)					\
	((prev)->field.sle_next = (prev)->field.sle_next->field.sle_next)
#define	SLIST_REMOVE(head, elm, type, field) do {			\
	struct type **__pp = &(head)->slh_first;			\
	while (*__pp != (elm))						\
		__pp = &(*__pp)->field.sle_next;			\
	*__pp = (*__pp)->field.sle_next;				\
} while (0)

/* Doubly-linked list. */
#define	LIST_HEAD(name, type)						\
struct name {								\
	struct type *lh_first;						\
}
#define	LIST_HEAD_INITIALIZER(head)	{ NULL }
#define	LIST_ENTRY(type)						\
struct {								\
	struct type *le_next;						\
	struct type **le_prev;						\
}
#define	LIST_FIRST(head)		((head)->lh_first)
#define	LIST_END(head)			NULL
#define	LIST_EMPTY(head)		((head)->lh_first == NULL)
#define	LIST_NEXT(elm, field)		((elm)->field.le_next)
#define	LIST_FOREACH(var, head, field)					\
	for ((var) = LIST_FIRST(head); (var) != NULL;			\
	    (var) = LIST_NEXT(var, field))
#define	LIST_FOREACH_SAFE(var, head, field, tmp)			\
	for ((var) = LIST_FIRST(head);					\
	    (var) != NULL && ((tmp) = LIST_NEXT(var, field), 1);	\
	    (var) = (tmp))
#define	LIST_INIT(head)			((head)->lh_first = NULL)
#define	LIST_INSERT_HEAD(head, elm, field) do {				\
	if (((elm)->field.le_next = (head)->lh_first) != NULL)		\
		(head)->lh_first->field.le_prev = &(elm)->field.le_next; \
	(head)->lh_first = (elm);					\
	(elm)->field.le_prev = &(head)->lh_first;			\
} while (0)
#define	LIST_INSERT_AFTER(prev, elm, field) do {			\
	if (((elm)->field.le_next = (prev)->field.le_next) != NULL)	\
		(prev)->field.le_next->field.le_prev =			\
		    &(elm)->field.le_next;				\
	(prev)->field.le_next = (elm);					\
	(elm)->field.le_prev = &(prev)->field.le_next;			\
} while (0)
#define	LIST_INSERT_BEFORE(next, elm, field) do {			\
	(elm)->field.le_prev = (next)->field.le_prev;			\
	(elm)->field.le_next = (next);					\
	*(next)->field.le_prev = (elm);					\
	(next)->field.le_prev = &(elm)->field.le_next;			\
} while (0)
#define	LIST_REMOVE(elm, field) do {					\
	if ((elm)->field.le_next != NULL)				\
		(elm)->field.le_next->field.le_prev =			\
		    (elm)->field.le_prev;				\
	*(elm)->field.le_prev = (elm)->field.le_next;			\
} while (0)
#define	LIST_REPLACE(old, new, field) do {				\
	if (((new)->field.le_next = (old)->field.le_next) != NULL)	\
		(new)->field.le_next->field.le_prev =			\
		    &(new)->field.le_next;				\
	(new)->field.le_prev = (old)->field.le_prev;			\
	*(new)->field.le_prev = (new);					\
} while (0)
#define	LIST_MOVE(src, dst, field) do {					\
	if (((dst)->lh_first = (src)->lh_first) != NULL)		\
		(dst)->lh_first->field.le_prev = &(dst)->lh_first;	\
	LIST_INIT(src);							\
} while (0)

/* Simple queue (singly linked, tail insertion). */
#define	SIMPLEQ_HEAD(name, type)					\
struct name {								\
	struct type *sqh_first;						\
	struct type **sqh_last;						\
}
#define	SIMPLEQ_HEAD_INITIALIZER(head)	{ NULL, &(head).sqh_first }
#define	SIMPLEQ_ENTRY(type)						\
struct {								\
	struct type *sqe_next;						\
}
#define	SIMPLEQ_FIRST(head)		((head)->sqh_first)
#define	SIMPLEQ_END(head)		NULL
#define	SIMPLEQ_EMPTY(head)		((head)->sqh_first == NULL)
#define	SIMPLEQ_NEXT(elm, field)	((elm)->field.sqe_next)
#define	SIMPLEQ_FOREACH(var, head, field)				\
	for ((var) = SIMPLEQ_FIRST(head); (var) != NULL;		\
	    (var) = SIMPLEQ_NEXT(var, field))
#define	SIMPLEQ_FOREACH_SAFE(var, head, field, next)			\
	for ((var) = SIMPLEQ_FIRST(head);				\
	    (var) != NULL && ((next) = SIMPLEQ_NEXT(var, field), 1);	\
	    (var) = (next))
#define	SIMPLEQ_INIT(head) do {						\
	(head)->sqh_first = NULL;					\
	(head)->sqh_last = &(head)->sqh_first;				\
} while (0)
#define	SIMPLEQ_INSERT_HEAD(head, elm, field) do {			\
	if (((elm)->field.sqe_next = (head)->sqh_first) == NULL)	\
		(head)->sqh_last = &(elm)->field.sqe_next;		\
	(head)->sqh_first = (elm);					\
} while (0)
#define	SIMPLEQ_INSERT_TAIL(head, elm, field) do {			\
	(elm)->field.sqe_next = NULL;					\
	*(head)->sqh_last = (elm);					\
	(head)->sqh_last = &(elm)->field.sqe_next;			\
} while (0)
#define	SIMPLEQ_REMOVE_HEAD(head, field) do {				\
	if (((head)->sqh_first = (head)->sqh_first->field.sqe_next) == NULL) \
		(head)->sqh_last = &(head)->sqh_first;			\
} while (0)
#define	SIMPLEQ_CONCAT(head1, head2) do {				\
	if (!SIMPLEQ_EMPTY(head2)) {					\
		*(head1)->sqh_last = (head2)->sqh_first;		\
		(head1)->sqh_last = (head2)->sqh_last;			\
		SIMPLEQ_INIT(head2);					\
	}								\
} while (0)

/* STAILQ is SIMPLEQ with other member names. */
#define	STAILQ_HEAD(name, type)						\
struct name {								\
	struct type *stqh_first;					\
	struct type **stqh_last;					\
}
#define	STAILQ_HEAD_INITIALIZER(head)	{ NULL, &(head).stqh_first }
#define	STAILQ_ENTRY(type)						\
struct {								\
	struct type *stqe_next;						\
}
#define	STAILQ_FIRST(head)		((head)->stqh_first)
#define	STAILQ_EMPTY(head)		((head)->stqh_first == NULL)
#define	STAILQ_NEXT(elm, field)		((elm)->field.stqe_next)
#define	STAILQ_FOREACH(var, head, field)				\
	for ((var) = STAILQ_FIRST(head); (var) != NULL;			\
	    (var) = STAILQ_NEXT(var, field))
#define	STAILQ_INIT(head) do {						\
	(head)->stqh_first = NULL;					\
	(head)->stqh_last = &(head)->stqh_first;			\
} while (0)
#define	STAILQ_INSERT_TAIL(head, elm, field) do {			\
	(elm)->field.stqe_next = NULL;					\
	*(head)->stqh_last = (elm);					\
	(head)->stqh_last = &(elm)->field.stqe_next;			\
} while (0)
#define	STAILQ_REMOVE_HEAD(head, field) do {				\
	if (((head)->stqh_first = (head)->stqh_first->field.stqe_next)	\
	    == NULL)							\
		(head)->stqh_last = &(head)->stqh_first;		\
} while (0)

/* Tail queue. */
#define	_TAILQ_HEAD(name, type, qual)					\
struct name {								\
	qual type *tqh_first;						\
	qual type *qual *tqh_last;					\
}
#define	TAILQ_HEAD(name, type)	_TAILQ_HEAD(name, struct type,)
#define	TAILQ_HEAD_INITIALIZER(head)	{ NULL, &(head).tqh_first }
#define	_TAILQ_ENTRY(type, qual)					\
struct {								\
	qual type *tqe_next;						\
	qual type *qual *tqe_prev;					\
}
#define	TAILQ_ENTRY(type)	_TAILQ_ENTRY(struct type,)
#define	TAILQ_FIRST(head)		((head)->tqh_first)
#define	TAILQ_END(head)			NULL
#define	TAILQ_NEXT(elm, field)		((elm)->field.tqe_next)
#define	TAILQ_LAST(head, headname)					\
	(*(((struct headname *)(void *)((head)->tqh_last))->tqh_last))
#define	TAILQ_PREV(elm, headname, field)				\
	(*(((struct headname *)(void *)((elm)->field.tqe_prev))->tqh_last))
#define	TAILQ_EMPTY(head)		((head)->tqh_first == NULL)
#define	TAILQ_FOREACH(var, head, field)					\
	for ((var) = TAILQ_FIRST(head); (var) != NULL;			\
	    (var) = TAILQ_NEXT(var, field))
#define	TAILQ_FOREACH_SAFE(var, head, field, next)			\
	for ((var) = TAILQ_FIRST(head);					\
	    (var) != NULL && ((next) = TAILQ_NEXT(var, field), 1);	\
	    (var) = (next))
#define	TAILQ_FOREACH_REVERSE(var, head, headname, field)		\
	for ((var) = TAILQ_LAST(head, headname); (var) != NULL;		\
	    (var) = TAILQ_PREV(var, headname, field))
#define	TAILQ_FOREACH_REVERSE_SAFE(var, head, headname, field, prev)	\
	for ((var) = TAILQ_LAST(head, headname);			\
	    (var) != NULL && ((prev) = TAILQ_PREV(var, headname, field), 1); \
	    (var) = (prev))
#define	TAILQ_INIT(head) do {						\
	(head)->tqh_first = NULL;					\
	(head)->tqh_last = &(head)->tqh_first;				\
} while (0)
#define	TAILQ_INSERT_HEAD(head, elm, field) do {			\
	if (((elm)->field.tqe_next = (head)->tqh_first) != NULL)	\
		(head)->tqh_first->field.tqe_prev =			\
		    &(elm)->field.tqe_next;				\
	else								\
		(head)->tqh_last = &(elm)->field.tqe_next;		\
	(head)->tqh_first = (elm);					\
	(elm)->field.tqe_prev = &(head)->tqh_first;			\
} while (0)
#define	TAILQ_INSERT_TAIL(head, elm, field) do {			\
	(elm)->field.tqe_next = NULL;					\
	(elm)->field.tqe_prev = (head)->tqh_last;			\
	*(head)->tqh_last = (elm);					\
	(head)->tqh_last = &(elm)->field.tqe_next;			\
} while (0)
#define	TAILQ_INSERT_AFTER(head, prev, elm, field) do {			\
	if (((elm)->field.tqe_next = (prev)->field.tqe_next) != NULL)	\
		(elm)->field.tqe_next->field.tqe_prev =			\
		    &(elm)->field.tqe_next;				\
	else								\
		(head)->tqh_last = &(elm)->field.tqe_next;		\
	(prev)->field.tqe_next = (elm);					\
	(elm)->field.tqe_prev = &(prev)->field.tqe_next;		\
} while (0)
#define	TAILQ_INSERT_BEFORE(next, elm, field) do {			\
	(elm)->field.tqe_prev = (next)->field.tqe_prev;			\
	(elm)->field.tqe_next = (next);					\
	*(next)->field.tqe_prev = (elm);				\
	(next)->field.tqe_prev = &(elm)->field.tqe_next;		\
} while (0)
#define	TAILQ_REMOVE(head, elm, field) do {				\
	if ((elm)->field.tqe_next != NULL)				\
		(elm)->field.tqe_next->field.tqe_prev =			\
		    (elm)->field.tqe_prev;				\
	else								\
		(head)->tqh_last = (elm)->field.tqe_prev;		\
	*(elm)->field.tqe_prev = (elm)->field.tqe_next;			\
} while (0)
#define	TAILQ_REPLACE(head, old, new, field) do {			\
	if (((new)->field.tqe_next = (old)->field.tqe_next) != NULL)	\
		(new)->field.tqe_next->field.tqe_prev =			\
		    &(new)->field.tqe_next;				\
	else								\
		(head)->tqh_last = &(new)->field.tqe_next;		\
	(new)->field.tqe_prev = (old)->field.tqe_prev;			\
	*(new)->field.tqe_prev = (new);					\
} while (0)
#define	TAILQ_CONCAT(head1, head2, field) do {				\
	if (!TAILQ_EMPTY(head2)) {					\
		*(head1)->tqh_last = (head2)->tqh_first;		\
		(head2)->tqh_first->field.tqe_prev = (head1)->tqh_last;	\
		(head1)->tqh_last = (head2)->tqh_last;			\
		TAILQ_INIT(head2);					\
	}								\
} while (0)

#endif /* !_SYS_QUEUE_H_ */
