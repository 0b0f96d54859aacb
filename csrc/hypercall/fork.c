/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A child of fork has none of its parent's kernels: their memory is not
 * inherited and their threads are gone.  A word in a page that fork wipes
 * tells doors and returning hypercalls where they are, for the price of a
 * load; getpid() would be a system call, and this sees raw clone() too.
 */

#include <errno.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "internal.h"

static uint32_t fork_none;	/* until fork_init() */
static uint32_t fork_serial;	/* inherited: counts generations */
volatile uint32_t *hyp_process = &fork_none;

/*
 * Start the books of this process: at its first kernel, and again at the first
 * kernel of a child.
 */
int
fork_init(void)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE);
	void *page;

	if (hyp_process == &fork_none) {
		page = mmap(NULL, size, PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (page == MAP_FAILED)
			return errno;
		if (madvise(page, size, MADV_WIPEONFORK) != 0)
			return errno;
		if (pthread_atfork(NULL, NULL, host_fork_child) != 0)
			return ENOMEM;
		hyp_process = page;
	}
	if (*hyp_process == 0)
		*hyp_process = ++fork_serial;
	return 0;
}
