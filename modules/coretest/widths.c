/* SPDX-License-Identifier: BSD-2-Clause */

/* Every width of the atomic operations, and of fetches from user space. */

#include <sys/atomic.h>
#include <sys/errno.h>
#include <sys/sysctl.h>

#include "coretest.h"

/*
 * One width: each operation on a value whose neighbours must stay, with the
 * old and the new value that it answers.
 */
#define	ATOMIC_LOGIC(w, type)						\
static int								\
test_logic_##w(void)							\
{									\
	static const type most = (type)-1;				\
	volatile type v[3] = { most, 12, most };			\
									\
	atomic_or_##w(&v[1], 3);					\
	CHECK(v[1] == 15);						\
	CHECK(atomic_or_##w##_nv(&v[1], 16) == 31 && v[1] == 31);	\
	atomic_and_##w(&v[1], (type)~(type)1);				\
	CHECK(v[1] == 30);						\
	CHECK(atomic_and_##w##_nv(&v[1], 20) == 20 && v[1] == 20);	\
	CHECK(v[0] == most && v[2] == most);				\
	return 0;							\
}

#define	ATOMIC_COUNT(w, type)						\
static int								\
test_count_##w(void)							\
{									\
	static const type most = (type)-1;				\
	volatile type v[3] = { most, most, most };			\
									\
	atomic_inc_##w(&v[1]);						\
	CHECK(v[1] == 0);						\
	CHECK(atomic_inc_##w##_nv(&v[1]) == 1 && v[1] == 1);		\
	atomic_dec_##w(&v[1]);						\
	CHECK(v[1] == 0);						\
	CHECK(atomic_dec_##w##_nv(&v[1]) == most && v[1] == most);	\
	CHECK(atomic_swap_##w(&v[1], 7) == most && v[1] == 7);		\
	CHECK(atomic_cas_##w(&v[1], 8, 9) == 7 && v[1] == 7);		\
	CHECK(atomic_cas_##w(&v[1], 7, 9) == 7 && v[1] == 9);		\
	CHECK(atomic_cas_##w##_ni(&v[1], 1, 2) == 9 && v[1] == 9);	\
	CHECK(atomic_cas_##w##_ni(&v[1], 9, 2) == 9 && v[1] == 2);	\
	CHECK(v[0] == most && v[2] == most);				\
	return 0;							\
}

#define	ATOMIC_SUM(w, type)						\
static int								\
test_sum_##w(void)							\
{									\
	static const type most = (type)-1;				\
	volatile type v[3] = { most, 5, most };				\
									\
	atomic_add_##w(&v[1], -6);					\
	CHECK(v[1] == most);						\
	CHECK(atomic_add_##w##_nv(&v[1], 11) == 10 && v[1] == 10);	\
	CHECK(v[0] == most && v[2] == most);				\
	return 0;							\
}

ATOMIC_LOGIC(32, uint32_t)
ATOMIC_LOGIC(64, uint64_t)
ATOMIC_LOGIC(uint, unsigned int)
ATOMIC_LOGIC(ulong, unsigned long)
ATOMIC_COUNT(32, uint32_t)
ATOMIC_COUNT(64, uint64_t)
ATOMIC_COUNT(uint, unsigned int)
ATOMIC_COUNT(ulong, unsigned long)
ATOMIC_SUM(32, uint32_t)
ATOMIC_SUM(64, uint64_t)
ATOMIC_SUM(int, unsigned int)
ATOMIC_SUM(long, unsigned long)

static int
test_pointers(void)
{
	char text[8], *volatile p = text;

	atomic_inc_ptr(&p);
	CHECK(p == text + 1);
	CHECK(atomic_inc_ptr_nv(&p) == text + 2);
	atomic_dec_ptr(&p);
	CHECK(p == text + 1);
	CHECK(atomic_dec_ptr_nv(&p) == text);
	atomic_add_ptr(&p, 5);
	CHECK(p == text + 5);
	CHECK(atomic_add_ptr_nv(&p, -3) == text + 2);
	CHECK(atomic_cas_ptr_ni(&p, text, NULL) == text + 2);
	CHECK(atomic_cas_ptr_ni(&p, text + 2, text) == text + 2);
	CHECK(p == text);
	return 0;
}

/* What they order can't be seen on one CPU; that they return can. */
static int
test_barriers(void)
{
	volatile int before = 1, after;

	membar_enter();
	membar_acquire();
	membar_consumer();
	membar_datadep_consumer();
	after = before;
	membar_producer();
	membar_release();
	membar_exit();
	membar_sync();
	CHECK(after == 1);
	return 0;
}

int
test_atomic_widths(void)
{
	static int (*const all[])(void) = {
		test_logic_32, test_logic_64, test_logic_uint,
		test_logic_ulong, test_count_32, test_count_64,
		test_count_uint, test_count_ulong, test_sum_32, test_sum_64,
		test_sum_int, test_sum_long, test_pointers, test_barriers,
	};
	int line;

	for (size_t i = 0; i < __arraycount(all); i++) {
		line = (*all[i])();
		if (line != 0)
			return line;
	}
	return 0;
}

/* An address that nothing is mapped at. */
#define	NOWHERE	((void *)16)
#define	VALUE	0x1234567890abcdef

/* Fetch the low bytes of VALUE from user memory, and store others there. */
#define	USER(w, type)							\
static int								\
test_user_##w(void *user)						\
{									\
	uint64_t *const whole = user;					\
	type mine[2] = { 0, 1 }, got = 0;				\
									\
	CHECK(ustore_64(whole, VALUE) == 0);				\
	CHECK(ufetch_##w(user, &got) == 0 && got == (type)VALUE);	\
	CHECK(ustore_##w(user, (type)~VALUE) == 0);			\
	CHECK(ufetch_##w(user, &got) == 0 && got == (type)~VALUE);	\
	/* Nothing is mapped there, and ours is not a caller's. */	\
	CHECK(ufetch_##w(NOWHERE, &got) == EFAULT);			\
	CHECK(ustore_##w(NOWHERE, 1) == EFAULT);			\
	CHECK(ufetch_##w(&mine[1], &got) == EFAULT);			\
	CHECK(ustore_##w(&mine[1], 2) == EFAULT && mine[1] == 1);	\
	CHECK(got == (type)~VALUE);					\
	return 0;							\
}

USER(8, uint8_t)
USER(16, uint16_t)
USER(32, uint32_t)
USER(64, uint64_t)
USER(int, unsigned int)
USER(long, unsigned long)

/* Writing to the node coretest.user lends its handler 8 bytes of the caller. */
static int
sysctl_user(SYSCTLFN_ARGS)
{
	static int (*const all[])(void *) = {
		test_user_8, test_user_16, test_user_32, test_user_64,
		test_user_int, test_user_long,
	};
	struct sysctlnode node = *rnode;
	uint64_t value = 0;
	unsigned char got;

	if (newp == NULL || newlen != 8)
		return EINVAL;
	for (size_t i = 0; i < __arraycount(all); i++) {
		if ((*all[i])(__UNCONST(newp)) != 0)
			return EDOM;
	}
	if (ustore_8(__UNCONST(newp), 'A') != 0 ||
	    ufetch_char(newp, &got) != 0 || got != 'A' ||
	    ufetch_char(NOWHERE, &got) != EFAULT)
		return EDOM;
	node.sysctl_data = &value;
	return sysctl_lookup(SYSCTLFN_CALL(&node));
}

SYSCTL_SETUP(sysctl_coretest_setup, "sysctl coretest subtree")
{
	const struct sysctlnode *node = NULL;

	sysctl_createv(clog, 0, NULL, &node, 0, CTLTYPE_NODE, "coretest",
	    NULL, NULL, 0, NULL, 0, CTL_CREATE, CTL_EOL);
	sysctl_createv(clog, 0, &node, NULL, CTLFLAG_READWRITE, CTLTYPE_QUAD,
	    "user", NULL, sysctl_user, 0, NULL, 0, CTL_CREATE, CTL_EOL);
}
