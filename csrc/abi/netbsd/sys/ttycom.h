/* SPDX-License-Identifier: BSD-2-Clause */
/* The terminal ioctls that the console answers. */

#ifndef _SYS_TTYCOM_H_
#define _SYS_TTYCOM_H_

#include <sys/ioccom.h>

struct winsize {
	unsigned short ws_row;
	unsigned short ws_col;
	unsigned short ws_xpixel;
	unsigned short ws_ypixel;
};

#define TIOCGPGRP	_IOR('t', 119, int)
#define TIOCSPGRP	_IOW('t', 118, int)
#define TIOCGWINSZ	_IOR('t', 104, struct winsize)
#define TIOCSWINSZ	_IOW('t', 103, struct winsize)
#define TIOCOUTQ	_IOR('t', 115, int)
#define TIOCDRAIN	_IO('t', 94)
#define TIOCFLUSH	_IOW('t', 16, int)
#define TIOCSCTTY	_IO('t', 97)
#define TIOCNOTTY	_IO('t', 113)

#define TTYDISC		0

#endif /* !_SYS_TTYCOM_H_ */
