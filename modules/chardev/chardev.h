/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls of the queue device; numbers for programs that use it. */
#ifndef _CHARDEV_H_
#define _CHARDEV_H_

#include <sys/ioccom.h>

#define CHARDEV_MAJOR	351
#define CHARDEV_UNITS	4
#define CHARDEV_MINSIZE	1
#define CHARDEV_MAXSIZE	(1 << 20)

#define QIOCGSIZE	_IOR('Q', 1, int)	/* capacity, bytes */
#define QIOCSSIZE	_IOW('Q', 2, int)	/* EBUSY: it holds more */
#define QIOCFLUSH	_IO('Q', 3)		/* forget what is in it */

#endif /* !_CHARDEV_H_ */
