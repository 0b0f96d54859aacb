/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Checks of what modules do with memory, switched on by the sysctl node
 * debug.memory: nothing of a module has to be built anew for them.
 *
 * What a module gets from kmem(9) or malloc(9) lies between a head that says
 * who asked for it, and a redzone; freed, it is filled with a pattern and held
 * back for a while.  Items of a module's pools have a tail that says the same.
 * What is found is a panic with the stacks of the allocation and the release,
 * as [<address>], which the host turns into names and lines.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/pool.h>
#include <sys/proc.h>
#include <sys/queue.h>
#include <sys/sysctl.h>

#include <rumpy/doors.h>

#include "core/lwp_impl.h"
#include "core/memcheck.h"
#include "core/pages.h"

#define	NFRAMES		6
#define	NFREED		4
#define	HEAD_SIZE	128		/* keeps the alignment of kmem's own */
#define	REDZONE		16		/* at least, behind an object */
#define	RED		0xbb
#define	FREED		0xdb
#define	STACK_MAX	(32 * 1024)
#define	QUARANTINE_MAX	(1024 * 1024)	/* bytes held back */
#define	LIVE_MAGIC	0x6c697665626c6f63UL
#define	FREED_MAGIC	0x6672656564626c6bUL
#define	TAIL_MAGIC	0x7461696c6974656dUL
#define	NMODULES	64

struct head {
	uint64_t h_magic;		/* xor its own address */
	size_t	h_size;
	TAILQ_ENTRY(head) h_link;	/* of live ones, or held back */
	uint64_t h_frames[NFRAMES];
	uint64_t h_freed[NFREED];
};

CTASSERT(sizeof(struct head) <= HEAD_SIZE - 8);

struct tail {
	uint64_t t_magic;		/* xor the item's address */
	struct pool *t_pool;
	LIST_ENTRY(tail) t_link;
	uint64_t t_frames[NFRAMES];
};

TAILQ_HEAD(headlist, head);

int memcheck_on;

static struct headlist live = TAILQ_HEAD_INITIALIZER(live);
static struct headlist held = TAILQ_HEAD_INITIALIZER(held);
static size_t held_bytes;
static LIST_HEAD(, tail) items = LIST_HEAD_INITIALIZER(items);
static struct range {
	uint64_t base, size;
} modules[NMODULES];

/* --- who asks ------------------------------------------------------------- */

/* A module's text is there, or is not any more. */
void
memcheck_module(uint64_t base, uint64_t size, bool there)
{
	u_int i;

	for (i = 0; i < NMODULES; i++) {
		if (there && modules[i].size == 0) {
			modules[i] = (struct range){ base, size };
			return;
		}
		if (!there && modules[i].base == base)
			modules[i].size = 0;
	}
}

bool
memcheck_of_module(const void *address)
{
	u_int i;

	for (i = 0; i < NMODULES; i++) {
		if ((uint64_t)address - modules[i].base < modules[i].size)
			return true;
	}
	return false;
}

/* The return addresses from FRAME on, of this context's stack. */
static void
take_frames(uint64_t *frames, u_int room, void *frame)
{
	const uint64_t *bp = frame;
	uint64_t here = (uint64_t)frame;
	u_int n;

	memset(frames, 0, room * sizeof(frames[0]));
	for (n = 0; n < room; n++) {
		frames[n] = bp[1];
		if (bp[0] <= (uint64_t)bp || bp[0] - here > STACK_MAX ||
		    bp[0] % 8 != 0)
			break;
		bp = (const uint64_t *)bp[0];
	}
}

/* The text of frames, in one of a few buffers. */
static const char *
text_of(const uint64_t *frames, u_int n)
{
	static char buffers[2][NFRAMES * 24 + 1];
	static u_int next;
	char *text = buffers[next++ % 2];
	size_t at = 0;
	u_int i;

	text[0] = '\0';
	for (i = 0; i < n && frames[i] != 0; i++)
		at += (size_t)snprintf(text + at, sizeof(buffers[0]) - at,
		    " [<%lx>]", frames[i]);
	return text;
}

static void __dead
complain(const struct head *h, const char *what)
{
	const void *p = (const char *)h + HEAD_SIZE;

	memcheck_on = 0;		/* the panic may allocate */
	if (h->h_freed[0] != 0)
		panic("memory: %s: %zu bytes at %p, allocated by%s, freed by%s",
		    what, h->h_size, p, text_of(h->h_frames, NFRAMES),
		    text_of(h->h_freed, NFREED));
	panic("memory: %s: %zu bytes at %p, allocated by%s", what, h->h_size,
	    p, text_of(h->h_frames, NFRAMES));
}

/* --- kmem and malloc ------------------------------------------------------ */

/* Large ones begin at a page, as they do without checks. */
static size_t
lead_of(size_t size)
{

	return size >= PAGE_SIZE ? PAGE_SIZE : HEAD_SIZE;
}

static size_t
whole_of(size_t size)
{

	return lead_of(size) + roundup2(size + REDZONE, REDZONE);
}

static struct head *
head_of(void *p)
{

	return (struct head *)((char *)p - HEAD_SIZE);
}

static bool
all(const uint8_t *p, size_t size, uint8_t value)
{

	while (size-- > 0) {
		if (*p++ != value)
			return false;
	}
	return true;
}

static void
check_zones(const struct head *h)
{
	const uint8_t *p = (const uint8_t *)h + HEAD_SIZE;
	size_t end = whole_of(h->h_size) - lead_of(h->h_size);

	if (!all(p - 8, 8, RED))
		complain(h, "written to before its beginning");
	if (!all(p + h->h_size, end - h->h_size, RED))
		complain(h, "written to beyond its end");
}

static void
check_held(const struct head *h)
{

	if (!all((const uint8_t *)h + HEAD_SIZE, h->h_size, FREED))
		complain(h, "written to after it was freed");
	check_zones(h);
}

void *
memcheck_alloc(size_t size, km_flag_t flags, void *frame)
{
	struct head *h;
	char *p;

	p = kmem_raw_alloc(whole_of(size), flags);
	if (p == NULL)
		return NULL;
	p += lead_of(size);
	h = head_of(p);
	memset(h, RED, HEAD_SIZE);
	memset(p + size, RED, whole_of(size) - lead_of(size) - size);
	memset(h->h_freed, 0, sizeof(h->h_freed));
	h->h_magic = LIVE_MAGIC ^ (uint64_t)h;
	h->h_size = size;
	take_frames(h->h_frames, NFRAMES, frame);
	TAILQ_INSERT_TAIL(&live, h, h_link);
	return p;
}

/* Let go for good of what was held back longest. */
static void
release_oldest(void)
{
	struct head *h = TAILQ_FIRST(&held);
	size_t size = h->h_size;

	check_held(h);
	TAILQ_REMOVE(&held, h, h_link);
	held_bytes -= whole_of(size);
	h->h_magic = 0;
	kmem_raw_free((char *)h + HEAD_SIZE - lead_of(size), whole_of(size));
}

/* False: it is none of ours. */
bool
memcheck_free(void *p, size_t size)
{
	struct head *h = head_of(p);

	/* Nothing lies before the first page of the arena. */
	if (!kpage_contains(h))
		return false;
	if (h->h_magic == (FREED_MAGIC ^ (uint64_t)h))
		complain(h, "freed twice");
	if (h->h_magic != (LIVE_MAGIC ^ (uint64_t)h))
		return false;
	if (size != h->h_size) {
		printf("memory: freed as %zu bytes\n", size);
		complain(h, "freed with another size");
	}
	check_zones(h);
	TAILQ_REMOVE(&live, h, h_link);
	take_frames(h->h_freed, NFREED, __builtin_frame_address(0));
	h->h_magic = FREED_MAGIC ^ (uint64_t)h;
	memset(p, FREED, size);
	TAILQ_INSERT_TAIL(&held, h, h_link);
	held_bytes += whole_of(size);
	while (held_bytes > QUARANTINE_MAX)
		release_oldest();
	return true;
}

/* --- pools ---------------------------------------------------------------- */

static struct tail *
tail_of(struct pool *pp, void *item)
{

	return (struct tail *)((char *)item + roundup2(pp->pr_reqsize, 8));
}

/* What an item takes with its tail. */
size_t
memcheck_pool_size(size_t size)
{

	return roundup2(size, 8) + sizeof(struct tail);
}

void
memcheck_pool_get(struct pool *pp, void *item, void *frame)
{
	struct tail *t = tail_of(pp, item);

	t->t_magic = TAIL_MAGIC ^ (uint64_t)item;
	t->t_pool = pp;
	take_frames(t->t_frames, NFRAMES, frame);
	LIST_INSERT_HEAD(&items, t, t_link);
}

static void
check_item(struct pool *pp, void *item)
{
	struct tail *t = tail_of(pp, item);

	if (t->t_magic == (TAIL_MAGIC ^ (uint64_t)item) && t->t_pool == pp)
		return;
	memcheck_on = 0;
	panic("memory: pool %s: written to beyond the end of an item of %zu "
	    "bytes at %p", pp->pr_wchan, pp->pr_reqsize, item);
}

void
memcheck_pool_put(struct pool *pp, void *item)
{
	struct tail *t = tail_of(pp, item);

	check_item(pp, item);
	LIST_REMOVE(t, t_link);
	t->t_magic = 0;
}

void
memcheck_pool_busy(struct pool *pp)
{
	struct tail *t;

	LIST_FOREACH(t, &items, t_link) {
		if (t->t_pool == pp)
			break;
	}
	memcheck_on = 0;
	panic("memory: pool %s is destroyed with %u items out; one allocated "
	    "by%s", pp->pr_wchan, pp->pr_nout,
	    t != NULL ? text_of(t->t_frames, NFRAMES) : " nobody known");
}

/* --- all of it ------------------------------------------------------------ */

static void
check_all(void)
{
	struct head *h;

	TAILQ_FOREACH(h, &live, h_link)
		check_zones(h);
	TAILQ_FOREACH(h, &held, h_link)
		check_held(h);
}

/* Look at everything; what was allocated by text in [base, base + size). */
int
kern_memcheck(struct door_memcheck *d)
{
	struct door_leak *leak;
	struct head *h;

	if (!memcheck_on)
		return ENXIO;
	check_all();
	d->count = d->bytes = 0;
	TAILQ_FOREACH(h, &live, h_link) {
		if (h->h_frames[0] - d->base >= d->size)
			continue;
		if (d->count < d->room) {
			leak = &d->leaks[d->count];
			leak->size = h->h_size;
			memcpy(leak->frames, h->h_frames,
			    sizeof(leak->frames));
		}
		d->count++;
		d->bytes += h->h_size;
	}
	return 0;
}

SYSCTL_SETUP(sysctl_debug_memory_setup, "sysctl debug.memory")
{

	sysctl_createv(clog, 0, NULL, NULL,
	    CTLFLAG_PERMANENT | CTLFLAG_READWRITE, CTLTYPE_INT, "memory",
	    NULL, NULL, 0, &memcheck_on, 0, CTL_DEBUG, CTL_CREATE, CTL_EOL);
}
