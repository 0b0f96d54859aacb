/* SPDX-License-Identifier: BSD-2-Clause */
/* Drivers that are always there. */
#ifndef _KERNEL_DEV_DEV_H_
#define _KERNEL_DEV_DEV_H_

#include <sys/types.h>

u_int disk_inflight(void);
void disk_dev_init(void);
void mem_dev_init(void);
void cons_dev_init(void);

#endif /* !_KERNEL_DEV_DEV_H_ */
