/* SPDX-License-Identifier: BSD-2-Clause */
/* ioctls that any open file may answer. */

#ifndef _SYS_FILIO_H_
#define _SYS_FILIO_H_

#include <sys/ioccom.h>
#include <sys/types.h>

#define FIOCLEX		_IO('f', 1)
#define FIONCLEX	_IO('f', 2)
#define FIOSEEKDATA	_IOWR('f', 97, off_t)
#define FIOSEEKHOLE	_IOWR('f', 98, off_t)
#define FIOGETBMAP	_IOWR('f', 122, daddr_t)
#define FIOGETOWN	_IOR('f', 123, int)
#define FIOSETOWN	_IOW('f', 124, int)
#define FIOASYNC	_IOW('f', 125, int)
#define FIONBIO		_IOW('f', 126, int)
#define FIONREAD	_IOR('f', 127, int)
#define FIONWRITE	_IOR('f', 121, int)
#define FIONSPACE	_IOR('f', 120, int)

#endif /* !_SYS_FILIO_H_ */
