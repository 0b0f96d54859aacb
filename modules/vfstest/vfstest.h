/* SPDX-License-Identifier: BSD-2-Clause */
/* Unit tests of the vnode layer, run when the module is initialised. */
#ifndef _VFSTEST_H_
#define _VFSTEST_H_

#include <sys/param.h>
#include <sys/systm.h>

/* A test answers 0, or the line that failed. */
#define CHECK(e) do {							\
	if (!(e)) {							\
		printf("vfstest: %s:%d: %s\n", __FILE__, __LINE__, #e);	\
		return __LINE__;					\
	}								\
} while (0)

struct vnode;
int vfstest_file(const char *, struct vnode **);

int test_posix1e_rules(void);
int test_posix1e_access(void);
int test_oldacl(void);
int test_nfs4_modes(void);
int test_nfs4_access(void);
int test_nfs4_check(void);
int test_nfs4_inherit(void);
int test_dirhash(void);
int test_dirhash_empty(void);
int test_dirhash_limit(void);
int test_kernel_files(void);
int test_relookup(void);
int test_lookup_exclusive(void);
int test_names(void);
int test_iterator(void);
int test_suspend(void);

#endif /* !_VFSTEST_H_ */
