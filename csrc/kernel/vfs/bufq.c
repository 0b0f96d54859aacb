/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues of buffers for drivers that do one transfer at a time (bufq(9)):
 * first come first served, or sorted by block in one sweep upwards and then
 * from the start again.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/buf.h>
#include <sys/bufq.h>
#include <sys/kmem.h>

struct bufq_state {
	TAILQ_HEAD(bufq_list, buf) bq_list;
	const char	*bq_name;
	daddr_t		bq_last;	/* block of the last one taken */
	int		bq_sort;	/* BUFQ_SORT_*, or 0 for fcfs */
};

static const char *const bufq_names[] = { "fcfs", "disksort" };

int
bufq_alloc(struct bufq_state **bqp, const char *strategy, int flags)
{
	struct bufq_state *bq;
	const char *name;

	name = (flags & BUFQ_SORT_MASK) != 0 ? bufq_names[1] : bufq_names[0];
	if (strategy != BUFQ_STRAT_ANY) {
		if (strcmp(strategy, bufq_names[0]) == 0)
			name = bufq_names[0];
		else if (strcmp(strategy, bufq_names[1]) == 0)
			name = bufq_names[1];
		else if ((flags & BUFQ_EXACT) != 0)
			return ENOENT;
	}
	bq = kmem_zalloc(sizeof(*bq), KM_SLEEP);
	TAILQ_INIT(&bq->bq_list);
	bq->bq_name = name;
	bq->bq_sort = name == bufq_names[1] ?
	    MAX(flags & BUFQ_SORT_MASK, BUFQ_SORT_RAWBLOCK) : 0;
	*bqp = bq;
	return 0;
}

void
bufq_free(struct bufq_state *bq)
{

	KASSERT(TAILQ_EMPTY(&bq->bq_list));
	kmem_free(bq, sizeof(*bq));
}

const char *
bufq_getstrategyname(struct bufq_state *bq)
{

	return bq->bq_name;
}

static daddr_t
bufq_key(const struct bufq_state *bq, const struct buf *bp)
{

	if (bq->bq_sort == BUFQ_SORT_CYLINDER)
		return bp->b_cylinder;
	return bp->b_rawblkno;
}

/* Does a come before b in the sweep that has reached bq_last? */
static bool
bufq_before(const struct bufq_state *bq, const struct buf *a,
    const struct buf *b)
{
	daddr_t ka, kb;
	bool nexta, nextb;

	ka = bufq_key(bq, a);
	kb = bufq_key(bq, b);
	nexta = ka < bq->bq_last;	/* only on the next sweep */
	nextb = kb < bq->bq_last;
	if (nexta != nextb)
		return nextb;
	return ka < kb;
}

void
bufq_put(struct bufq_state *bq, struct buf *bp)
{
	struct buf *other;

	if (bq->bq_sort == 0) {
		TAILQ_INSERT_TAIL(&bq->bq_list, bp, b_actq);
		return;
	}
	TAILQ_FOREACH_REVERSE(other, &bq->bq_list, bufq_list, b_actq) {
		if (!bufq_before(bq, bp, other)) {
			TAILQ_INSERT_AFTER(&bq->bq_list, other, bp, b_actq);
			return;
		}
	}
	TAILQ_INSERT_HEAD(&bq->bq_list, bp, b_actq);
}

struct buf *
bufq_peek(struct bufq_state *bq)
{

	return TAILQ_FIRST(&bq->bq_list);
}

struct buf *
bufq_get(struct bufq_state *bq)
{
	struct buf *bp;

	bp = TAILQ_FIRST(&bq->bq_list);
	if (bp != NULL) {
		TAILQ_REMOVE(&bq->bq_list, bp, b_actq);
		bq->bq_last = bufq_key(bq, bp);
	}
	return bp;
}

/* Take one particular buffer out; NULL if it isn't there (any more). */
struct buf *
bufq_cancel(struct bufq_state *bq, struct buf *bp)
{
	struct buf *other;

	TAILQ_FOREACH(other, &bq->bq_list, b_actq) {
		if (other == bp) {
			TAILQ_REMOVE(&bq->bq_list, bp, b_actq);
			return bp;
		}
	}
	return NULL;
}

/* Fail all that is queued. */
void
bufq_drain(struct bufq_state *bq)
{
	struct buf *bp;

	while ((bp = bufq_get(bq)) != NULL) {
		bp->b_error = EIO;
		bp->b_resid = bp->b_bcount;
		biodone(bp);
	}
}

void
bufq_move(struct bufq_state *dst, struct bufq_state *src)
{
	struct buf *bp;

	while ((bp = bufq_get(src)) != NULL)
		bufq_put(dst, bp);
}
