/* SPDX-License-Identifier: BSD-2-Clause */

/* Two words in processes and lwps that carry per-subsystem data. */
#ifndef _SYS_SPECIFICDATA_H_
#define	_SYS_SPECIFICDATA_H_

#include <sys/mutex.h>

typedef struct {
	void	*specdataref_container;
	kmutex_t specdataref_lock;
} specificdata_reference;

#endif /* !_SYS_SPECIFICDATA_H_ */
