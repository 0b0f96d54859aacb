/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guidance of the fuzzer by what the driver's code reached.
 *
 * The compiler calls __sanitizer_cov_trace_pc() in each basic block of the
 * driver.  Two blocks that follow each other are an edge, which is counted in
 * a map.  A script that reaches an edge for the first time, or a new order of
 * magnitude of times, is kept; later scripts are made by changing those.
 *
 * All of it is in memory that parent and children share, so that nothing is
 * lost with a child that aborts.  Which script an image number gives depends
 * on that number and on what is kept, so a run can be repeated.
 */

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "guide.h"

#define	EDGES	65536		/* a power of two */
#define	KEPT	16384

struct guide {
	unsigned	bases, kept, edges;
	uint8_t		seen[EDGES];	/* a bit for each magnitude */
	struct script	scripts[KEPT];
};

static uint8_t map[EDGES];
static uint32_t before;

void	__sanitizer_cov_trace_pc(void);

void
__sanitizer_cov_trace_pc(void)
{
	/* Where we are loaded differs from run to run. */
	const uint32_t pc = (uint32_t)((uintptr_t)__builtin_return_address(0) -
	    (uintptr_t)&__sanitizer_cov_trace_pc);
	const uint32_t here = (pc * 0x9e3779b1U) >> 16;
	uint8_t *count = &map[(before ^ here) % EDGES];

	if (*count != UINT8_MAX)
		++*count;
	/* Shifted, so that there and back are two edges. */
	before = here >> 1;
}

/* One bit: 1, 2, 3, 4-7, 8-15, 16-31, 32-127, more times. */
static uint8_t
magnitude(uint8_t count)
{
	static const uint8_t least[] = { 1, 2, 3, 4, 8, 16, 32, 128 };
	int i = 7;

	while (i > 0 && count < least[i])
		i--;
	return (uint8_t)(1U << i);
}

struct guide *
guide_new(unsigned bases)
{
	struct guide *g = mmap(NULL, sizeof(*g), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (g == MAP_FAILED)
		abort();
	g->bases = bases;
	return g;
}

void
guide_begin(void)
{
	memset(map, 0, sizeof(map));
	before = 0;
}

void
guide_end(struct guide *g, const struct script *sc)
{
	bool new = false;

	for (size_t i = 0; i < EDGES; i++) {
		uint8_t bit;

		if (map[i] == 0)
			continue;
		bit = magnitude(map[i]);
		g->edges += g->seen[i] == 0;
		new |= (g->seen[i] & bit) == 0;
		g->seen[i] |= bit;
	}
	if (new && g->kept < KEPT) {
		g->scripts[g->kept] = *sc;
		g->scripts[g->kept++].fresh = false;
	}
}

unsigned guide_edges(const struct guide *g) { return g->edges; }
unsigned guide_kept(const struct guide *g) { return g->kept; }

static uint64_t state;

static uint64_t
word(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static uint32_t
rnd(uint32_t n)
{
	return n == 0 ? 0 : (uint32_t)(word() >> 32) % n;
}

/* One that was kept; half of the time one of the newest. */
static const struct script *
pick(const struct guide *g)
{
	const uint32_t span = rnd(2) == 0 ? g->kept : (g->kept + 7) / 8;

	return &g->scripts[g->kept - 1 - rnd(span)];
}

static void
append(struct script *sc)
{
	for (uint32_t n = 1 + rnd(3); n > 0 && sc->nmuts < SCRIPT_MUTS; n--)
		sc->muts[sc->nmuts++] = word();
}

static void
drop(struct script *sc)
{
	uint32_t at = rnd(sc->nmuts);

	if (sc->nmuts > 0)
		memmove(&sc->muts[at], &sc->muts[at + 1],
		    (--sc->nmuts - at) * sizeof(sc->muts[0]));
	at = rnd(sc->nops);
	if (sc->nops > 0 && rnd(2) == 0)
		memmove(&sc->ops[at], &sc->ops[at + 1],
		    (--sc->nops - at) * sizeof(sc->ops[0]));
}

/* The rest of the changes, or of the operations, is another script's. */
static void
splice(struct script *sc, const struct script *other)
{
	if (rnd(2) == 0) {
		const uint32_t at = rnd(sc->nmuts < other->nmuts ?
		    sc->nmuts : other->nmuts);

		memcpy(&sc->muts[at], &other->muts[at], (other->nmuts - at) *
		    sizeof(sc->muts[0]));
		sc->nmuts = other->nmuts;
	} else {
		const uint32_t at = rnd(sc->nops < other->nops ?
		    sc->nops : other->nops);

		memcpy(&sc->ops[at], &other->ops[at], (other->nops - at) *
		    sizeof(sc->ops[0]));
		sc->nops = other->nops;
	}
}

static void
change_ops(struct script *sc)
{
	for (uint32_t n = 1 + rnd(4); n > 0; n--) {
		if (sc->nops < SCRIPT_OPS && rnd(2) == 0)
			sc->ops[sc->nops++] = (uint32_t)word();
		else if (sc->nops > 0)
			sc->ops[rnd(sc->nops)] = (uint32_t)word();
	}
}

void
guide_choose(const struct guide *g, uint64_t at, struct script *sc)
{
	state = at * 0xd1342543de82ef95ULL + 0x2545f491;
	for (int i = 0; i < 4; i++)
		(void)word();
	if (g->kept == 0 || rnd(4) == 0) {
		sc->number = at;
		sc->fresh = true;
		sc->nmuts = sc->nops = 0;
		return;
	}
	*sc = *pick(g);
	/* The same base; mounted in another way. */
	if (rnd(4) == 0)
		sc->number += (1 + rnd(1000)) * (uint64_t)g->bases;
	for (uint32_t n = 1 + rnd(3); n > 0; n--) {
		switch (rnd(5)) {
		case 0:
		case 1:
			append(sc);
			break;
		case 2:
			drop(sc);
			break;
		case 3:
			splice(sc, pick(g));
			break;
		case 4:
			change_ops(sc);
			break;
		}
	}
}

char *
script_text(const struct script *sc)
{
	const size_t size = 32 + SCRIPT_MUTS * 18 + SCRIPT_OPS * 10;
	char *text = malloc(size);
	size_t n = (size_t)snprintf(text, size, "%" PRIu64, sc->number);

	for (uint32_t i = 0; i < sc->nmuts; i++)
		n += (size_t)snprintf(text + n, size - n, "%c%" PRIx64,
		    i == 0 ? ':' : ',', sc->muts[i]);
	for (uint32_t i = 0; i < sc->nops; i++)
		n += (size_t)snprintf(text + n, size - n, "%c%" PRIx32,
		    i == 0 ? '+' : ',', sc->ops[i]);
	return text;
}

bool
script_parse(struct script *sc, const char *text)
{
	char *p;

	memset(sc, 0, sizeof(*sc));
	sc->number = strtoull(text, &p, 10);
	if (p == text)
		return false;
	for (char sep = ':'; *p == sep; sep = ',') {
		if (sc->nmuts == SCRIPT_MUTS)
			return false;
		sc->muts[sc->nmuts++] = strtoull(p + 1, &p, 16);
	}
	for (char sep = '+'; *p == sep; sep = ',') {
		if (sc->nops == SCRIPT_OPS)
			return false;
		sc->ops[sc->nops++] = (uint32_t)strtoull(p + 1, &p, 16);
	}
	return *p == '\0';
}
