/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the kernel promises to NetBSD's own modules and ours don't need, tested
 * when the module is initialised.
 */
#ifndef _ABITEST_H_
#define	_ABITEST_H_

#include <sys/param.h>
#include <sys/systm.h>

/* A test answers 0, or the line that failed. */
#define	CHECK(e) do {							\
	if (!(e)) {							\
		printf("abitest: %s:%d: %s\n", __FILE__, __LINE__, #e);	\
		return __LINE__;					\
	}								\
} while (0)

/* Every test: int test_NAME(void). */
#define	ABI_TESTS(T)							\
	T(disk) T(label) T(bounds) T(pty) T(hook) T(lock_none)		\
	T(clocks) T(timers) T(ppsratecheck) T(signals) T(processes)	\
	T(limits) T(levels) T(mtsleep) T(nothings) T(hooks) T(counter)	\
	T(random) T(syscalls) T(devices)				\
	T(humanize) T(hexdump) T(aprint) T(msgbuf) T(devsw) T(devvp)	\
	T(scope) T(authorize) T(uucred) T(sysctl_nodes) T(sysctl_lock)	\
	T(copies) T(pool_stock) T(cache_stock) T(arena) T(module_hold)	\
	T(fd_clone) T(fd_alloc) T(fd_closeexec) T(sharing) T(fd_vnode)	\
	T(transfers) T(vnode_life) T(rekey) T(vnode_sharing) T(names)	\
	T(extattrs) T(mounts) T(paths) T(file_pages) T(pages) T(memory)	\
	T(bufq) T(nested) T(mediasize) T(spec) T(acl_modes) T(holes)	\
	T(fstrans_end) T(busy_page) T(vectors) T(trying) T(sleeping)		\
	T(ratecheck) T(cred_groups) T(fd_dup) T(klist) T(mount_list)	\
	T(answers) T(cdev_calls)

#define	ABI_DECLARE(name) int test_##name(void);
ABI_TESTS(ABI_DECLARE)

#endif /* !_ABITEST_H_ */
