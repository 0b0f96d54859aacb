/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where instrumented modules went: what the compiler calls with
 * -fsanitize-coverage=trace-pc, and trace-cmp for comparisons.
 *
 * Each basic block calls once.  A pair of blocks in the order in which they
 * ran is an edge; edges are counted in a table of the host's.  A pair belongs
 * to one context: what another one did in between makes no edge.
 *
 * Nothing here is called by modules that were built without these options, and
 * the kernel itself is not instrumented.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/errno.h>

#include <rumpy/doors.h>

#include "core/lwp_impl.h"

#define	PC()	((uint32_t)(uintptr_t)__builtin_return_address(0))
/* Of counts: 1, 2, 3, 4-7, 8-15, 16-127, more. */
#define	CLASSES	7

/* The compiler's names. */
void	__sanitizer_cov_trace_pc(void);
void	__sanitizer_cov_trace_cmp1(uint8_t, uint8_t);
void	__sanitizer_cov_trace_cmp2(uint16_t, uint16_t);
void	__sanitizer_cov_trace_cmp4(uint32_t, uint32_t);
void	__sanitizer_cov_trace_cmp8(uint64_t, uint64_t);
void	__sanitizer_cov_trace_const_cmp1(uint8_t, uint8_t);
void	__sanitizer_cov_trace_const_cmp2(uint16_t, uint16_t);
void	__sanitizer_cov_trace_const_cmp4(uint32_t, uint32_t);
void	__sanitizer_cov_trace_const_cmp8(uint64_t, uint64_t);
void	__sanitizer_cov_trace_switch(uint64_t, const uint64_t *);

static struct door_cover *cover;

/* --- edges ---------------------------------------------------------------- */

/* The entry of an edge, or NULL where the table is too full. */
static struct cover_edge *
edge_find(struct door_cover *c, uint32_t source, uint32_t target)
{
	uint32_t mask = c->slots - 1, i;
	struct cover_edge *e;

	i = (source * 0x9e3779b1U ^ target * 0x85ebca77U) >> 7;
	for (;; i++) {
		e = &c->edges[i & mask];
		if (e->target == target && e->source == source)
			return e;
		if (e->target == 0)
			break;
	}
	if (c->total >= c->slots / 4 * 3)
		return NULL;
	c->total++;
	e->source = source;
	e->target = target;
	return e;
}

static void
edge_count(struct door_cover *c, uint32_t source, uint32_t target)
{
	struct cover_edge *e = edge_find(c, source, target);

	if (e == NULL) {
		c->lost++;
		return;
	}
	if (e->run != c->run) {
		e->run = c->run;
		e->count = 0;
		c->used[c->nused++] = (uint32_t)(e - c->edges);
	}
	if (e->count != UINT32_MAX)
		e->count++;
}

void
__sanitizer_cov_trace_pc(void)
{
	struct door_cover *c = cover;
	uint32_t at = PC();

	if (__predict_true(c == NULL))
		return;
	if (c->context != (uint64_t)kern_cpu.cpu_curlwp) {
		c->context = (uint64_t)kern_cpu.cpu_curlwp;
		c->last = 0;
	}
	edge_count(c, c->last, at);
	c->last = at;
}

/* --- comparisons ---------------------------------------------------------- */

static void
compare_note(uint64_t left, uint64_t right, uint32_t size, uint32_t at)
{
	struct door_cover *c = cover;
	struct cover_compare *p;

	if (__predict_true(c == NULL) || c->ncompares >= c->room ||
	    left == right)
		return;
	p = &c->compares[c->ncompares];
	if (c->ncompares > 0 && p[-1].at == at && p[-1].left == left &&
	    p[-1].right == right)
		return;		/* a loop */
	p->left = left;
	p->right = right;
	p->size = size;
	p->at = at;
	c->ncompares++;
}

#define	TRACE_CMP(name, type)						\
void									\
name(type left, type right)						\
{									\
									\
	compare_note(left, right, sizeof(type), PC());			\
}

TRACE_CMP(__sanitizer_cov_trace_cmp1, uint8_t)
TRACE_CMP(__sanitizer_cov_trace_cmp2, uint16_t)
TRACE_CMP(__sanitizer_cov_trace_cmp4, uint32_t)
TRACE_CMP(__sanitizer_cov_trace_cmp8, uint64_t)
TRACE_CMP(__sanitizer_cov_trace_const_cmp1, uint8_t)
TRACE_CMP(__sanitizer_cov_trace_const_cmp2, uint16_t)
TRACE_CMP(__sanitizer_cov_trace_const_cmp4, uint32_t)
TRACE_CMP(__sanitizer_cov_trace_const_cmp8, uint64_t)

/* CASES: their number, the width in bits, and the values. */
void
__sanitizer_cov_trace_switch(uint64_t value, const uint64_t *cases)
{
	uint32_t at = PC();
	uint64_t i;

	for (i = 0; i < cases[0]; i++)
		compare_note(cases[2 + i], value, (uint32_t)cases[1] / 8, at);
}

/* --- the door ------------------------------------------------------------- */

static uint32_t
class_of(uint32_t count)
{

	if (count < 4)
		return count - 1;
	if (count < 8)
		return 3;
	if (count < 16)
		return 4;
	return count < 128 ? 5 : CLASSES - 1;
}

static void
judge(struct door_cover *c)
{
	struct cover_edge *e;
	uint32_t i, bit;

	c->fresh = c->oftener = 0;
	for (i = 0; i < c->nused; i++) {
		e = &c->edges[c->used[i]];
		bit = 1U << class_of(e->count);
		if (e->seen & bit)
			continue;
		if (e->seen == 0) {
			c->fresh++;
			e->first = c->run;
		} else
			c->oftener++;
		e->seen |= bit;
	}
}

int
kern_cover(struct door_cover *c)
{

	switch (c->op) {
	case COVER_ATTACH:
		if (cover != NULL && cover != c)
			return EBUSY;
		cover = c;
		return 0;
	case COVER_DETACH:
		cover = NULL;
		return 0;
	case COVER_BEGIN:
		c->run++;
		c->nused = c->ncompares = c->last = 0;
		return 0;
	case COVER_JUDGE:
		judge(c);
		return 0;
	default:
		return EINVAL;
	}
}
