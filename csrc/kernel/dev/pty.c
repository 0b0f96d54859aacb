/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pseudo terminals: there are none, so a file system of them is empty.  What
 * ptyfs needs to know of them, it gets: how many there are, which of them are
 * free, which device numbers they would have, and who makes their nodes.
 */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/pty.h>

/* NetBSD/amd64's numbers of both ends. */
#define	PTS_MAJOR	5
#define	PTC_MAJOR	6

int npty;

static struct ptm_pty *pty_handler;

/* A terminal nobody has open; the lock is for drivers that have some. */
int
pty_isfree(int minor_number, int lock __unused)
{

	return minor_number >= npty;
}

/* The device of an end: 't' is the terminal, 'p' who controls it. */
dev_t
pty_makedev(char end, int minor_number)
{

	return makedev(end == 't' ? PTS_MAJOR : PTC_MAJOR, minor_number);
}

/* Who makes the nodes from now on; returns who did so before. */
struct ptm_pty *
pty_sethandler(struct ptm_pty *handler)
{
	struct ptm_pty *before = pty_handler;

	pty_handler = handler;
	return before;
}
