/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Random bytes: the host's, or for repeatable runs those of a generator whose
 * whole state lies in the kernel's shared page, where a snapshot finds it.
 */

#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include "internal.h"
#include "random.h"

/*
 * The second half of the shared page belongs to host code that keeps state for
 * a kernel; this is the only part of it that is taken.
 */
#define	STATE_OFFSET	2048

struct random_state {
	uint64_t	seeded;		/* 0: take the host's */
	uint64_t	s[4];
};

_Static_assert(sizeof(struct hyp_shared) <= STATE_OFFSET,
    "the shared page's first half is full");

static struct random_state *
state_of(struct hyp_kernel *k)
{

	return (struct random_state *)((char *)k->k_shared + STATE_OFFSET);
}

/* Spreads a seed over the state: a Weyl sequence through a mixing function. */
static uint64_t
mix(uint64_t *x)
{
	uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void
hyp_random_seed(struct hyp_kernel *k, uint64_t seed)
{
	struct random_state *r = state_of(k);

	for (int i = 0; i < 4; i++)
		r->s[i] = mix(&seed);
	r->seeded = 1;
}

static uint64_t
rotate(uint64_t x, int n)
{

	return x << n | x >> (64 - n);
}

/* xoshiro256** by Blackman and Vigna. */
static uint64_t
next(struct random_state *r)
{
	const uint64_t result = rotate(r->s[1] * 5, 7) * 9;
	const uint64_t t = r->s[1] << 17;

	r->s[2] ^= r->s[0];
	r->s[3] ^= r->s[1];
	r->s[1] ^= r->s[2];
	r->s[0] ^= r->s[3];
	r->s[2] ^= t;
	r->s[3] = rotate(r->s[3], 45);
	return result;
}

int
hypercall_random(struct hyp_kernel *k, void *buffer, uint64_t length)
{
	struct random_state *r = state_of(k);
	uint8_t *p = buffer;

	while (length > 0) {
		uint64_t n = length, word;

		if (r->seeded) {
			word = next(r);
			n = length < sizeof(word) ? length : sizeof(word);
			memcpy(p, &word, n);
		} else {
			/* Up to 256 bytes are never interrupted. */
			const ssize_t got = getrandom(p, n < 256 ? n : 256, 0);

			if (got < 0 && errno == EINTR)
				continue;
			if (got <= 0)
				return 5;	/* EIO */
			n = (uint64_t)got;
		}
		p += n;
		length -= n;
	}
	return 0;
}
