/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Start of the part of the kernel that moves data: buffers, pages and their
 * two daemons.
 */
#include <sys/param.h>
#include <sys/buf.h>

#include "vfs/bio.h"
#include "vfs/pages.h"
#include "vfs/syncer.h"

/* Before the first vnode: memory and pools only. */
void
vfs_io_init(void)
{

	bufinit();
	pages_init();
}

/* Threads: when they can be made. */
void
vfs_io_start(void)
{

	bio_later_init();
	pagedaemon_init();
	syncer_init();
}
