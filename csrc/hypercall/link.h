/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef HYPERCALL_LINK_H
#define	HYPERCALL_LINK_H

#include <stdint.h>

#include "link.cdef"

#endif
