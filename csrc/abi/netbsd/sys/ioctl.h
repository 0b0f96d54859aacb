/* SPDX-License-Identifier: BSD-2-Clause */
/* All the ioctl numbers of the base system. */

#ifndef _SYS_IOCTL_H_
#define _SYS_IOCTL_H_

#include <sys/ioccom.h>
#include <sys/ttycom.h>
#include <sys/filio.h>

#endif /* !_SYS_IOCTL_H_ */
