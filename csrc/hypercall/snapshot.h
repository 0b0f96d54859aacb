/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _HYPERCALL_SNAPSHOT_H_
#define _HYPERCALL_SNAPSHOT_H_

#include <stdint.h>

#include "hyp.h"
#include "snapshot.cdef"

#endif /* _HYPERCALL_SNAPSHOT_H_ */
