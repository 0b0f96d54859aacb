/* SPDX-License-Identifier: BSD-2-Clause */

/* Kernel symbols; names are resolved on the host, from the images. */
#ifndef _SYS_KSYMS_H_
#define	_SYS_KSYMS_H_

#include <sys/types.h>

#endif /* !_SYS_KSYMS_H_ */
