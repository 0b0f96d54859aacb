/* SPDX-License-Identifier: BSD-2-Clause */

/* The ring that keeps the console's last words. */
#ifndef _SYS_MSGBUF_H_
#define	_SYS_MSGBUF_H_

#define	MSG_MAGIC	0x063061

struct kern_msgbuf {
	long	msg_magic;
	long	msg_bufx;	/* where the next byte goes */
	long	msg_bufr;	/* oldest byte */
	long	msg_bufs;	/* size */
	char	msg_bufc[1];
};

#ifdef _KERNEL
extern int msgbufenabled;
extern struct kern_msgbuf *msgbufp;

void	initmsgbuf(void *, unsigned long);
void	logputchar(int);
#endif

#endif /* !_SYS_MSGBUF_H_ */
