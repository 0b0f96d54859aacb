/* SPDX-License-Identifier: BSD-2-Clause */

/* amd64 types that are wider or narrower elsewhere. */
#ifndef _MACHINE_TYPES_H_
#define	_MACHINE_TYPES_H_

#include <stdint.h>

typedef unsigned long	paddr_t;
typedef unsigned long	psize_t;
typedef unsigned long	vaddr_t;
typedef unsigned long	vsize_t;
typedef unsigned long	cpuid_t;
typedef long		register_t;
typedef int		register32_t;
typedef unsigned char	__cpu_simple_lock_nv_t;
typedef volatile unsigned char __cpu_simple_lock_t;

#define	PRIxPADDR	"lx"
#define	PRIxPSIZE	"lx"
#define	PRIuPSIZE	"lu"
#define	PRIxVADDR	"lx"
#define	PRIxVSIZE	"lx"
#define	PRIuVSIZE	"lu"
#define	PRIxREGISTER	"lx"
#define	__SIMPLELOCK_LOCKED	1
#define	__SIMPLELOCK_UNLOCKED	0

#endif /* !_MACHINE_TYPES_H_ */
