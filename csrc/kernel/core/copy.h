/* SPDX-License-Identifier: BSD-2-Clause */

/* The boot's entry into copy.c, and the table of addresses that may fault. */
#ifndef _RUMPY_CORE_COPY_H_
#define	_RUMPY_CORE_COPY_H_

#include <rumpy/boot.h>

extern const struct kern_fixup copy_fixups[];
extern const uint64_t copy_nfixups;

void	copy_init(const struct door_boot *);

#endif /* !_RUMPY_CORE_COPY_H_ */
