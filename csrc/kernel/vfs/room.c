/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Room for what users hold.
 *
 * An open file keeps a vnode, its inode and the entries for it in memory for
 * as long as its user likes; nothing takes them back.  So those who make such
 * things ask here first, and are told ENFILE when what is left is needed for
 * work on the files that are there: lookups, sync, unlink, close, unmount.
 *
 * As long as little is held nobody is refused: then what fills the memory is
 * cached data, and who needs memory takes that.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/file.h>
#include <sys/kernel.h>

#include <uvm/uvm.h>

#include "core/pages.h"
#include "vfs/pages.h"
#include "vnode_impl.h"
#include "room.h"

#define	HELD_COST	3072	/* bytes of an open file, measured with FFS */
#define	HELD_FREE	4	/* nobody is refused below 1/4 of memory */
#define	RESERVE_OPEN	8	/* 1/8 is not for what users hold */
#define	RESERVE_DIR	16	/* .. 1/16: only for directories to be read */
#define	RESERVE_VNODE	32	/* 1/32 is not for vnodes at all */
#define	ROUNDS		8
#define	SPARE_VNODES	16	/* unused places in pages of used ones */

static u_int room_held;

/* Something that keeps a vnode comes (1) or goes (-1). */
void
room_hold(int by)
{
	room_held += (u_int)by;
}

static bool
room_few(u_int n)
{
	return (uint64_t)n * HELD_COST <
	    (uint64_t)kpage_limit() * PAGE_SIZE / HELD_FREE;
}

/*
 * After some files of many were closed there are few whole pages, but places
 * of their vnodes, inodes and so on in the pages that the others keep.
 */
static bool
room_is_there(size_t reserve)
{
	return kpage_spare(reserve) || (kpage_avail() >= reserve / 2 &&
	    vcache_spare() >= SPARE_VNODES);
}

static bool
room_find(size_t reserve)
{
	const bool few = room_few(nfiles + room_held);
	bool written = few;
	u_int before;
	int i;

	if (__predict_true(kpage_avail() >= reserve) ||
	    (few && room_few(numvnodes)))
		return true;
	for (i = 0; i < ROUNDS; i++) {
		if (room_is_there(reserve))
			return true;
		before = numvnodes;
		vnode_shrink(SPARE_VNODES * 4, MAX(1, hz / 10));
		if (numvnodes < before)
			continue;
		if (written || !pagedaemon_wait())
			break;
		written = true;
	}
	return few || room_is_there(reserve);
}

static void
room_complain(const char *what)
{
	static const struct timeval often = { .tv_sec = 10 };
	static struct timeval last;

	if (ratecheck(&last, &often))
		printf("%s: table is full\n", what);
}

/* May a user hold one more file?  Sleeps; the caller has no locks. */
int
room_for_file(void)
{
	if (room_find(kpage_limit() / RESERVE_OPEN))
		return 0;
	room_complain("file");
	return ENFILE;
}

/* The same for a directory, which somebody reads who wants to clean up. */
int
room_for_directory(void)
{
	if (room_find(kpage_limit() / RESERVE_DIR))
		return 0;
	room_complain("file");
	return ENFILE;
}

/*
 * May there be one more vnode?  The caller may have locks, so that the drain
 * thread may have to wait for him: it is waited for a moment only.
 */
int
room_for_vnode(void)
{
	if (room_find(kpage_limit() / RESERVE_VNODE))
		return 0;
	room_complain("vnode");
	return ENFILE;
}
