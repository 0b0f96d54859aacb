/* SPDX-License-Identifier: BSD-2-Clause */
/* Power management, for drivers that offer to take part. */
#ifndef _SYS_PMF_H_
#define	_SYS_PMF_H_

#include <sys/types.h>
#include <sys/device.h>

struct pmf_qual;
typedef struct pmf_qual pmf_qual_t;

bool	pmf_device_register1(device_t, bool (*)(device_t, const pmf_qual_t *),
	    bool (*)(device_t, const pmf_qual_t *), bool (*)(device_t, int));
void	pmf_device_deregister(device_t);

#endif /* !_SYS_PMF_H_ */
