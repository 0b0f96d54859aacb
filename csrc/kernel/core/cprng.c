/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Random numbers (cprng(9), random(9)).
 *
 * ChaCha with 20 rounds, whose key comes from the host's provider and is
 * replaced from the stream itself after each block of output.  With a seeded
 * provider the numbers repeat from run to run, as wanted.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/cprng.h>
#include <sys/syscallargs.h>

#include <rumpy/hyp.h>

#include "core/cprng_impl.h"

#define	CHACHA_WORDS	16
#define	CHACHA_KEY	8
#define	CHACHA_BLOCKS	8	/* made at a time */

struct cprng_strong {
	uint32_t cs_key[CHACHA_KEY];
	uint32_t cs_out[CHACHA_BLOCKS * CHACHA_WORDS];
	size_t	cs_left;	/* bytes, at the end of cs_out */
};

static struct cprng_strong cprng_state;
cprng_strong_t *kern_cprng = &cprng_state;

static inline uint32_t
rotl(uint32_t v, int n)
{
	return v << n | v >> (32 - n);
}

#define	QUARTER(x, a, b, c, d) do {					\
	x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 16);			\
	x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 12);			\
	x[a] += x[b]; x[d] = rotl(x[d] ^ x[a], 8);			\
	x[c] += x[d]; x[b] = rotl(x[b] ^ x[c], 7);			\
} while (0)

static void
chacha_block(const uint32_t *key, uint32_t counter, uint32_t *out)
{
	uint32_t in[CHACHA_WORDS] = {
		0x61707865, 0x3320646e, 0x79622d32, 0x6b206574
	};
	int i;

	memcpy(&in[4], key, CHACHA_KEY * sizeof(*key));
	in[12] = counter;
	memcpy(out, in, sizeof(in));
	for (i = 0; i < 10; i++) {
		QUARTER(out, 0, 4, 8, 12);
		QUARTER(out, 1, 5, 9, 13);
		QUARTER(out, 2, 6, 10, 14);
		QUARTER(out, 3, 7, 11, 15);
		QUARTER(out, 0, 5, 10, 15);
		QUARTER(out, 1, 6, 11, 12);
		QUARTER(out, 2, 7, 8, 13);
		QUARTER(out, 3, 4, 9, 14);
	}
	for (i = 0; i < CHACHA_WORDS; i++)
		out[i] += in[i];
}

/* The first words of each refill become the next key. */
static void
cprng_refill(struct cprng_strong *cs)
{
	uint32_t i;

	for (i = 0; i < CHACHA_BLOCKS; i++)
		chacha_block(cs->cs_key, i, cs->cs_out + i * CHACHA_WORDS);
	memcpy(cs->cs_key, cs->cs_out, sizeof(cs->cs_key));
	cs->cs_left = sizeof(cs->cs_out) - sizeof(cs->cs_key);
}

void
cprng_init(void)
{
	int error;

	error = hyp_random(cprng_state.cs_key, sizeof(cprng_state.cs_key));
	if (error != 0)
		panic("no random numbers from the host: error %d", error);
	cprng_state.cs_left = 0;
}

static void
cprng_take(struct cprng_strong *cs, void *buf, size_t n)
{
	uint8_t *p = buf, *from;
	size_t chunk;

	while (n != 0) {
		if (cs->cs_left == 0)
			cprng_refill(cs);
		chunk = MIN(n, cs->cs_left);
		from = (uint8_t *)cs->cs_out + sizeof(cs->cs_out) -
		    cs->cs_left;
		memcpy(p, from, chunk);
		memset(from, 0, chunk);
		cs->cs_left -= chunk;
		p += chunk;
		n -= chunk;
	}
}

size_t
cprng_strong(cprng_strong_t *cs, void *buf, size_t n, int flags)
{
	cprng_take(cs, buf, n);
	return n;
}

size_t
cprng_fast(void *buf, size_t n)
{
	return cprng_strong(kern_cprng, buf, n, 0);
}

uint32_t
cprng_fast32(void)
{
	uint32_t v;

	cprng_take(&cprng_state, &v, sizeof(v));
	return v;
}

uint64_t
cprng_fast64(void)
{
	uint64_t v;

	cprng_take(&cprng_state, &v, sizeof(v));
	return v;
}

uint32_t
cprng_strong32(void)
{
	return cprng_fast32();
}

uint64_t
cprng_strong64(void)
{
	return cprng_fast64();
}

long
random(void)
{
	return cprng_fast32() & 0x7fffffff;
}

int
sys_getrandom(struct lwp *l, const struct sys_getrandom_args *uap,
    register_t *retval)
{
	size_t left = MIN(SCARG(uap, buflen), 0x2000000), n;
	char *to = SCARG(uap, buf);
	uint8_t chunk[256];
	int error;

	/* GRND_NONBLOCK, GRND_RANDOM, GRND_INSECURE: we are always ready. */
	if ((SCARG(uap, flags) & ~7U) != 0)
		return EINVAL;
	for (; left != 0; left -= n, to += n) {
		n = MIN(left, sizeof(chunk));
		cprng_take(&cprng_state, chunk, n);
		if ((error = copyout(chunk, to, n)) != 0)
			return error;
		*retval += (register_t)n;
	}
	return 0;
}
