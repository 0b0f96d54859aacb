/* SPDX-License-Identifier: BSD-2-Clause */
/* Guidance of the fuzzer by what the driver's code reached; see guide.c. */
#ifndef GUIDE_H
#define GUIDE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define	SCRIPT_MUTS	128
#define	SCRIPT_OPS	256

/*
 * All of one image: the number says which base, how it is mounted, and what
 * its disk does; each word is where the random numbers of one change to the
 * image, or of one operation, begin.  A fresh one has no words yet: they are
 * noted while it runs, and make the same happen again.
 */
struct script {
	uint64_t	number;
	bool		fresh;
	uint32_t	nmuts, nops;
	uint64_t	muts[SCRIPT_MUTS];
	uint32_t	ops[SCRIPT_OPS];
};

struct guide;

/* Shared with child processes.  bases: how many there are. */
struct guide *guide_new(unsigned bases);
/* What image at will be: fresh, or made of what reached new code. */
void	guide_choose(const struct guide *, uint64_t at, struct script *);
/* Forget what was reached; then, keep the script if it reached new code. */
void	guide_begin(void);
void	guide_end(struct guide *, const struct script *);
/* Pairs of blocks that were reached at all, and scripts that were kept. */
unsigned guide_edges(const struct guide *);
unsigned guide_kept(const struct guide *);
/* Scripts as text.  NULL or false: it is none. */
char	*script_text(const struct script *);
bool	script_parse(struct script *, const char *);
/* For the fuzzer's own test: aborts behind conditions on a script's words. */
void	planted(const struct script *);

#endif /* GUIDE_H */
