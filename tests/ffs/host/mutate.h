/* SPDX-License-Identifier: BSD-2-Clause */
/* Damage to images that knows where things are; see mutate.c. */
#ifndef MUTATE_H
#define MUTATE_H

#include <stddef.h>
#include <stdint.h>

struct targets;
typedef void mutate_note_t(uint64_t off, size_t len);

/* What can be damaged in an image, or NULL; data stays in use. */
struct targets *targets_find(const void *data, size_t size);
/* Damage a copy of that image; each change is told before it is made. */
void mutate(const struct targets *, void *data, uint64_t seed,
    mutate_note_t *);
/*
 * The same step by step: how many changes there are, then each of them.  It
 * returns a word that, given instead of 0, makes that change again.
 */
unsigned mutate_begin(uint64_t seed);
uint64_t mutate_step(const struct targets *, void *data, uint64_t word,
    mutate_note_t *);

#endif /* MUTATE_H */
