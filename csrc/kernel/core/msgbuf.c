/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The message buffer: what has been printed last, for dmesg (sysctl
 * kern.msgbuf) and kernfs.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/msgbuf.h>
#include <sys/sysctl.h>

#include "core/msgbuf_impl.h"

#define	MSGBUF_ROOM	8192

int	msgbufenabled;
struct kern_msgbuf *msgbufp;

static long msgbuf_storage[MSGBUF_ROOM / sizeof(long)];

void
initmsgbuf(void *buf, unsigned long size)
{
	struct kern_msgbuf *mbp = buf;

	memset(mbp, 0, size);
	mbp->msg_magic = MSG_MAGIC;
	mbp->msg_bufs =
	    (long)(size - offsetof(struct kern_msgbuf, msg_bufc));
	msgbufp = mbp;
	msgbufenabled = 1;
}

void
logputchar(int c)
{
	struct kern_msgbuf *mbp = msgbufp;

	mbp->msg_bufc[mbp->msg_bufx++] = (char)c;
	if (mbp->msg_bufx == mbp->msg_bufs)
		mbp->msg_bufx = 0;
	if (mbp->msg_bufx == mbp->msg_bufr &&
	    ++mbp->msg_bufr == mbp->msg_bufs)
		mbp->msg_bufr = 0;
}

/* Everything for the console passes here. */
void
msgbuf_write(const char *text, size_t n)
{
	if (!msgbufenabled)
		initmsgbuf(msgbuf_storage, sizeof(msgbuf_storage));
	while (n-- != 0)
		logputchar(*text++);
}

/* Oldest first. */
static int
sysctl_kern_msgbuf(SYSCTLFN_ARGS)
{
	struct kern_msgbuf *mbp = msgbufp;
	size_t room = oldp != NULL ? *oldlenp : 0, n, done = 0;
	long at = mbp->msg_bufr;
	int error = 0;

	if (newp != NULL)
		return EPERM;
	while (at != mbp->msg_bufx) {
		n = (size_t)((at < mbp->msg_bufx ? mbp->msg_bufx :
		    mbp->msg_bufs) - at);
		if (oldp != NULL && done < room && error == 0)
			error = sysctl_copyout(l, &mbp->msg_bufc[at],
			    (char *)oldp + done, MIN(n, room - done));
		done += n;
		at = (at + (long)n) % mbp->msg_bufs;
	}
	*oldlenp = oldp != NULL ? MIN(done, room) : done;
	return error;
}

SYSCTL_SETUP(sysctl_msgbuf_setup, "sysctl kern.msgbuf")
{
	sysctl_createv(clog, 0, NULL, NULL, CTLFLAG_PERMANENT,
	    CTLTYPE_STRUCT, "msgbuf", NULL, sysctl_kern_msgbuf, 0, NULL, 0,
	    CTL_KERN, KERN_MSGBUF, CTL_EOL);
}
