/* SPDX-License-Identifier: BSD-2-Clause */
/* What an object that can be polled keeps about its waiters. */

#ifndef _SYS_SELINFO_H_
#define _SYS_SELINFO_H_

#include <sys/types.h>
#include <sys/event.h>

struct selinfo {
	uint64_t sel_collision;		/* more than one waiter */
	struct klist sel_klist;
	void *sel_cluster;
	struct lwp *sel_lwp;		/* the first waiter */
	uintptr_t sel_fdinfo;
	SLIST_ENTRY(selinfo) sel_chain;
	uintptr_t sel_reserved[2];
};

#endif /* !_SYS_SELINFO_H_ */
