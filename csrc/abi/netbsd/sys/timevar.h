/* SPDX-License-Identifier: BSD-2-Clause */

/* Kernel clocks; declared in sys/time.h. */
#ifndef _SYS_TIMEVAR_H_
#define	_SYS_TIMEVAR_H_

#include <sys/time.h>
#include <sys/callout.h>

#endif /* !_SYS_TIMEVAR_H_ */
