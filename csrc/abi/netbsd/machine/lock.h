/* SPDX-License-Identifier: BSD-2-Clause */

/* The test-and-set word that spin locks are made of. */
#ifndef _MACHINE_LOCK_H_
#define	_MACHINE_LOCK_H_

#include <machine/types.h>

#endif /* !_MACHINE_LOCK_H_ */
