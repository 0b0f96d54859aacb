/* SPDX-License-Identifier: BSD-2-Clause */

/* Trees, hash tables, hooks, sysctl, kauth, work queues, copies. */

#include <sys/cprng.h>
#include <sys/evcnt.h>
#include <sys/kauth.h>
#include <sys/once.h>
#include <sys/queue.h>
#include <sys/rbtree.h>
#include <sys/sysctl.h>
#include <sys/workqueue.h>

#include "coretest.h"

struct item {
	int	i_key;
	rb_node_t i_node;
};

static int
compare_nodes(void *ctx, const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return x->i_key < y->i_key ? -1 : x->i_key > y->i_key;
}

static int
compare_key(void *ctx, const void *a, const void *key)
{
	const struct item *x = a;
	const int *k = key;

	return x->i_key < *k ? -1 : x->i_key > *k;
}

static const rb_tree_ops_t item_ops = {
	.rbto_compare_nodes = compare_nodes,
	.rbto_compare_key = compare_key,
	.rbto_node_offset = offsetof(struct item, i_node),
};

/* The tree's height, or -1 if it is deeper than a red-black tree may be. */
static int
tree_depth(const rb_node_t *n)
{
	int l, r;

	if (n == NULL)
		return 0;
	l = tree_depth(n->rb_left);
	r = tree_depth(n->rb_right);
	return 1 + MAX(l, r);
}

#define	NITEMS	1000

int
test_rbtree(void)
{
	static struct item item[NITEMS], twin;
	struct item *it;
	rb_tree_t tree;
	int i, key, last;

	rb_tree_init(&tree, &item_ops);
	CHECK(RB_TREE_MIN(&tree) == NULL && RB_TREE_MAX(&tree) == NULL);
	for (i = 0; i < NITEMS; i++) {
		item[i].i_key = (i * 617) % NITEMS * 2;
		CHECK(rb_tree_insert_node(&tree, &item[i]) == &item[i]);
	}
	CHECK(tree_depth(tree.rbt_root) <= 20);
	twin.i_key = item[7].i_key;
	CHECK(rb_tree_insert_node(&tree, &twin) == &item[7]);
	last = -2;
	RB_TREE_FOREACH(it, &tree) {
		CHECK(it->i_key == last + 2);
		last = it->i_key;
	}
	CHECK(last == (NITEMS - 1) * 2);
	it = RB_TREE_MIN(&tree);
	CHECK(it->i_key == 0);
	it = RB_TREE_MAX(&tree);
	CHECK(it->i_key == last);
	key = 101;
	CHECK(rb_tree_find_node(&tree, &key) == NULL);
	it = rb_tree_find_node_geq(&tree, &key);
	CHECK(it->i_key == 102);
	it = rb_tree_find_node_leq(&tree, &key);
	CHECK(it->i_key == 100);
	for (i = 0; i < NITEMS; i++)
		if (item[i].i_key % 4 == 0)
			rb_tree_remove_node(&tree, &item[i]);
	last = -2;
	RB_TREE_FOREACH(it, &tree) {
		CHECK(it->i_key == last + 4);
		last = it->i_key;
	}
	CHECK(tree_depth(tree.rbt_root) <= 18);
	while ((it = RB_TREE_MAX(&tree)) != NULL)
		rb_tree_remove_node(&tree, it);
	CHECK(tree.rbt_root == NULL && RB_TREE_MIN(&tree) == NULL);
	return 0;
}

int
test_hash(void)
{
	TAILQ_HEAD(tail, item) *tails;
	u_long mask;
	void **lists;

	lists = hashinit(10, HASH_LIST, true, &mask);
	CHECK(mask == 15 && lists[0] == NULL && lists[15] == NULL);
	hashdone(lists, HASH_LIST, mask);
	tails = hashinit(8, HASH_TAILQ, true, &mask);
	CHECK(mask == 7 && TAILQ_EMPTY(&tails[7]));
	CHECK(tails[7].tqh_last == &tails[7].tqh_first);
	hashdone(tails, HASH_TAILQ, mask);
	return 0;
}

static int once_count;

static int
once_function(void)
{
	once_count++;
	return 7;
}

int
test_once(void)
{
	static ONCE_DECL(control);

	once_count = 0;
	CHECK(RUN_ONCE(&control, once_function) == 7);
	CHECK(RUN_ONCE(&control, once_function) == 7);
	CHECK(once_count == 1);
	return 0;
}

int
test_evcnt(void)
{
	static struct evcnt ev;
	struct evcnt *p;
	bool found = false;

	evcnt_attach_dynamic(&ev, EVCNT_TYPE_MISC, NULL, "coretest", "events");
	TAILQ_FOREACH(p, &allevents, ev_list)
		found |= p == &ev;
	CHECK(found && ev.ev_namelen == 6 && ev.ev_grouplen == 8);
	evcnt_detach(&ev);
	TAILQ_FOREACH(p, &allevents, ev_list)
		CHECK(p != &ev);
	return 0;
}

int
test_sysctl(void)
{
	struct sysctllog *log = NULL;
	const struct sysctlnode *node = NULL, *leaf = NULL;
	int value = 41, got = 0, name[2], error;
	size_t size = sizeof(got);

	error = sysctl_createv(&log, 0, NULL, &node, 0, CTLTYPE_NODE,
	    "coretest", NULL, NULL, 0, NULL, 0, CTL_DEBUG, CTL_CREATE,
	    CTL_EOL);
	CHECK(error == 0 && node != NULL);
	error = sysctl_createv(&log, 0, &node, &leaf, CTLFLAG_READWRITE,
	    CTLTYPE_INT, "value", NULL, NULL, 0, &value, 0, CTL_CREATE,
	    CTL_EOL);
	CHECK(error == 0 && leaf != NULL);
	name[0] = leaf->sysctl_num;
	error = sysctl_dispatch(name, 1, &got, &size, NULL, 0, name, NULL,
	    node);
	CHECK(error == 0 && got == 41 && size == sizeof(got));
	got = 42;
	error = sysctl_dispatch(name, 1, NULL, &size, &got, sizeof(got), name,
	    NULL, node);
	CHECK(error == 0 && value == 42);
	sysctl_teardown(&log);
	CHECK(log == NULL);
	return 0;
}

static int
deny_module(kauth_cred_t cred, kauth_action_t action, void *cookie,
    void *arg0, void *arg1, void *arg2, void *arg3)
{
	return action == KAUTH_SYSTEM_MODULE ? KAUTH_RESULT_DENY :
	    KAUTH_RESULT_DEFER;
}

int
test_kauth(void)
{
	kauth_cred_t root = kauth_cred_alloc(), user, copy;
	kauth_listener_t listener;
	gid_t groups[3] = { 10, 20, 30 };

	CHECK(kauth_authorize_system(root, KAUTH_SYSTEM_MODULE, 0, NULL, NULL,
	    NULL) == 0);
	listener = kauth_listen_scope(KAUTH_SCOPE_SYSTEM, deny_module, NULL);
	CHECK(kauth_authorize_system(root, KAUTH_SYSTEM_MODULE, 0, NULL, NULL,
	    NULL) == EPERM);
	CHECK(kauth_authorize_system(root, KAUTH_SYSTEM_REBOOT, 0, NULL, NULL,
	    NULL) == 0);
	kauth_unlisten_scope(listener);
	CHECK(kauth_authorize_system(root, KAUTH_SYSTEM_MODULE, 0, NULL, NULL,
	    NULL) == 0);

	user = kauth_cred_dup(root);
	kauth_cred_seteuid(user, 1000);
	CHECK(kauth_authorize_system(user, KAUTH_SYSTEM_MODULE, 0, NULL, NULL,
	    NULL) == EPERM);
	CHECK(kauth_cred_setgroups(user, groups, 3, (uid_t)-1,
	    UIO_SYSSPACE) == 0);
	CHECK(kauth_cred_ngroups(user) == 3 && kauth_cred_group(user, 1) == 20);
	CHECK(kauth_cred_getrefcnt(user) == 1);
	kauth_cred_hold(user);
	copy = kauth_cred_copy(user);
	CHECK(copy != user && kauth_cred_getrefcnt(user) == 1);
	CHECK(kauth_cred_geteuid(copy) == 1000);
	kauth_cred_free(copy);
	kauth_cred_free(user);
	kauth_cred_free(root);
	return 0;
}

#define	NWORK	100

static struct work work[NWORK];
static int work_done, work_order;

static void
do_work(struct work *wk, void *arg)
{
	if (wk - work != work_done)
		work_order++;
	work_done++;
}

int
test_workqueue(void)
{
	struct workqueue *wq;
	int i;

	work_done = work_order = 0;
	CHECK(workqueue_create(&wq, "coretest", do_work, NULL, PRI_NONE,
	    IPL_NONE, WQ_MPSAFE) == 0);
	for (i = 0; i < NWORK / 2; i++)
		workqueue_enqueue(wq, &work[i], NULL);
	workqueue_wait(wq, &work[NWORK / 2 - 1]);
	CHECK(work_done == NWORK / 2);
	for (; i < NWORK; i++)
		workqueue_enqueue(wq, &work[i], NULL);
	workqueue_destroy(wq);
	CHECK(work_done == NWORK && work_order == 0);
	return 0;
}

int
test_copy(void)
{
	char buf[64] = "", other[64];
	size_t done;
	uint32_t v = 1;

	/* Our own memory is not a caller's. */
	CHECK(copyin(buf, other, sizeof(buf)) == EFAULT);
	CHECK(copyout(buf, other, sizeof(buf)) == EFAULT);
	CHECK(copyin(&work_done, buf, 4) == EFAULT);
	/* Nothing is mapped there. */
	CHECK(copyin(NULL, buf, 1) == EFAULT);
	CHECK(copyin((void *)16, buf, sizeof(buf)) == EFAULT);
	CHECK(copyout(buf, (void *)16, sizeof(buf)) == EFAULT);
	CHECK(copyin((void *)0xdead000000000000, buf, 8) == EFAULT);
	CHECK(copyin((void *)-8L, buf, 64) == EFAULT);
	CHECK(copyinstr((void *)16, buf, sizeof(buf), &done) == EFAULT);
	CHECK(ufetch_32((void *)16, &v) == EFAULT && v == 1);
	CHECK(kcopy((void *)16, buf, 8) == EFAULT);
	CHECK(copystr("hello", buf, sizeof(buf), &done) == 0 && done == 6);
	CHECK(copystr("hello", buf, 5, &done) == ENAMETOOLONG && done == 5);
	return 0;
}
