/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HYPERCALL_MEMORY_H
#define	HYPERCALL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "memory.cdef"

/*
 * What the rest of the host side may call.  Errors are positive host errnos.
 */
int	hyp_memory_discard(struct hyp_memory *, void *, uint64_t);
int	hyp_memory_guard(struct hyp_memory *, uint64_t, uint64_t, bool);

/* What memsnap.c keeps with a memory, and the guards it must find again. */
struct mem_track;
struct mem_track **hyp_memory_track(struct hyp_memory *);
const uint64_t *hyp_memory_guards(const struct hyp_memory *, uint64_t *);

/* Whole range inside the arena, or inside the slab. */
bool	hyp_memory_owns(const struct hyp_memory *, const void *, uint64_t);

#endif
