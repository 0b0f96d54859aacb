/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * For the fuzzer's own test, instead of the driver: a failure behind four
 * conditions.  By chance they are met all together in one of 65536 scripts;
 * one after the other is much faster.
 */

#include <stdlib.h>

#include "guide.h"

void
planted(const struct script *sc)
{
	if (sc->nops < 4)
		return;
	if (sc->ops[0] % 16 != 3)
		return;
	if (sc->ops[1] % 16 != 5)
		return;
	if (sc->ops[2] % 16 != 7)
		return;
	if (sc->ops[3] % 16 == 11)
		abort();
}
