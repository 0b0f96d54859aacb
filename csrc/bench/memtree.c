/* SPDX-License-Identifier: BSD-2-Clause */
/* See memtree.h. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "memtree.h"

#define	HASH_SIZE	(1u << 18)

static struct mt_dent *hash_table[HASH_SIZE];
static uint64_t next_ino = 2;

static uint32_t
hash_name(const struct mt_node *dir, const char *name, size_t len)
{
	uint32_t h = 2166136261u ^ (uint32_t)((uintptr_t)dir >> 5);

	for (size_t i = 0; i < len; i++)
		h = (h ^ (unsigned char)name[i]) * 16777619u;
	return h;
}

static struct mt_dent *
hash_find(const struct mt_node *dir, const char *name, size_t len)
{
	const uint32_t h = hash_name(dir, name, len);

	for (struct mt_dent *d = hash_table[h % HASH_SIZE]; d != NULL;
	    d = d->md_hnext) {
		if (d->md_hash == h && d->md_dir == dir &&
		    d->md_namelen == len && memcmp(d->md_name, name, len) == 0)
			return d;
	}
	return NULL;
}

static void
touch(struct mt_node *n)
{

	clock_gettime(CLOCK_REALTIME_COARSE, &n->mn_st.st_mtim);
	n->mn_st.st_ctim = n->mn_st.st_mtim;
}

static struct mt_node *
node_new(mode_t mode, uid_t uid, gid_t gid, dev_t rdev)
{
	struct mt_node *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return NULL;
	n->mn_st.st_ino = next_ino++;
	n->mn_st.st_mode = mode;
	n->mn_st.st_uid = uid;
	n->mn_st.st_gid = gid;
	n->mn_st.st_rdev = rdev;
	n->mn_st.st_blksize = 4096;
	n->mn_st.st_nlink = S_ISDIR(mode) ? 2 : 0;
	touch(n);
	n->mn_st.st_atim = n->mn_st.st_mtim;
	return n;
}

static void
node_reap(struct mt_node *n)
{

	if (n->mn_refs != 0 || n->mn_st.st_nlink != 0)
		return;
	free(n->mn_data);
	free(n);
}

struct mt_node *
mt_init(mode_t mode, uid_t uid, gid_t gid)
{
	struct mt_node *root = node_new(mode, uid, gid, 0);

	root->mn_parent = root;
	root->mn_refs = 1;
	return root;
}

struct mt_node *
mt_lookup(struct mt_node *dir, const char *name, size_t len)
{
	struct mt_dent *d = hash_find(dir, name, len);

	return d == NULL ? NULL : d->md_node;
}

static int
dent_add(struct mt_node *dir, const char *name, size_t len, struct mt_node *n)
{
	struct mt_dent *d = malloc(sizeof(*d) + len + 1);

	if (d == NULL)
		return ENOMEM;
	d->md_dir = dir;
	d->md_node = n;
	d->md_seq = ++dir->mn_seq;
	d->md_hash = hash_name(dir, name, len);
	d->md_namelen = (uint32_t)len;
	memcpy(d->md_name, name, len);
	d->md_name[len] = '\0';
	d->md_hnext = hash_table[d->md_hash % HASH_SIZE];
	hash_table[d->md_hash % HASH_SIZE] = d;
	d->md_next = NULL;
	d->md_prev = dir->mn_last;
	if (dir->mn_last != NULL)
		dir->mn_last->md_next = d;
	else
		dir->mn_first = d;
	dir->mn_last = d;
	touch(dir);
	return 0;
}

static void
dent_remove(struct mt_dent *d)
{
	struct mt_node *dir = d->md_dir;
	struct mt_dent **p = &hash_table[d->md_hash % HASH_SIZE];

	while (*p != d)
		p = &(*p)->md_hnext;
	*p = d->md_hnext;
	if (d->md_prev != NULL)
		d->md_prev->md_next = d->md_next;
	else
		dir->mn_first = d->md_next;
	if (d->md_next != NULL)
		d->md_next->md_prev = d->md_prev;
	else
		dir->mn_last = d->md_prev;
	if (dir->mn_cursor == d)
		dir->mn_cursor = d->md_prev;
	free(d);
	touch(dir);
}

int
mt_create(struct mt_node *dir, const char *name, size_t len, mode_t mode,
    uid_t uid, gid_t gid, dev_t rdev, struct mt_node **np)
{

	if (hash_find(dir, name, len) != NULL)
		return EEXIST;
	struct mt_node *n = node_new(mode, uid, gid, rdev);
	if (n == NULL)
		return ENOMEM;
	const int error = dent_add(dir, name, len, n);
	if (error != 0) {
		free(n);
		return error;
	}
	n->mn_parent = dir;
	if (S_ISDIR(mode))
		dir->mn_st.st_nlink++;
	else
		n->mn_st.st_nlink = 1;
	*np = n;
	return 0;
}

int
mt_link(struct mt_node *dir, const char *name, size_t len, struct mt_node *n)
{

	if (S_ISDIR(n->mn_st.st_mode))
		return EPERM;
	if (hash_find(dir, name, len) != NULL)
		return EEXIST;
	const int error = dent_add(dir, name, len, n);
	if (error == 0) {
		n->mn_st.st_nlink++;
		touch(n);
	}
	return error;
}

static int
remove_dent(struct mt_dent *d, int isdir)
{
	struct mt_node *n = d->md_node, *dir = d->md_dir;

	if (isdir && !S_ISDIR(n->mn_st.st_mode))
		return ENOTDIR;
	if (!isdir && S_ISDIR(n->mn_st.st_mode))
		return EISDIR;
	if (isdir && n->mn_first != NULL)
		return ENOTEMPTY;
	if (isdir) {
		n->mn_st.st_nlink = 0;
		dir->mn_st.st_nlink--;
	} else
		n->mn_st.st_nlink--;
	clock_gettime(CLOCK_REALTIME_COARSE, &n->mn_st.st_ctim);
	dent_remove(d);
	node_reap(n);
	return 0;
}

int
mt_remove(struct mt_node *dir, const char *name, size_t len, int isdir)
{
	struct mt_dent *d = hash_find(dir, name, len);

	return d == NULL ? ENOENT : remove_dent(d, isdir);
}

int
mt_rename(struct mt_node *from, const char *name, size_t len,
    struct mt_node *to, const char *name2, size_t len2, int noreplace)
{
	struct mt_dent *d = hash_find(from, name, len);
	struct mt_dent *old = hash_find(to, name2, len2);

	if (d == NULL)
		return ENOENT;
	struct mt_node *n = d->md_node;
	const int isdir = S_ISDIR(n->mn_st.st_mode);
	if (old != NULL && noreplace)
		return EEXIST;
	if (old != NULL && old->md_node == n)
		return 0;
	if (old != NULL) {
		const int error = remove_dent(old, isdir);
		if (error != 0)
			return error;
	}
	const int error = dent_add(to, name2, len2, n);
	if (error != 0)
		return error;
	dent_remove(d);
	if (isdir && from != to) {
		from->mn_st.st_nlink--;
		to->mn_st.st_nlink++;
		n->mn_parent = to;
	}
	return 0;
}

static int
data_grow(struct mt_node *n, uint64_t size)
{

	if (size <= n->mn_cap)
		return 0;
	size_t cap = n->mn_cap < 4096 ? 4096 : n->mn_cap;
	while (cap < size)
		cap += cap < (64u << 20) ? cap : (64u << 20);
	char *p = realloc(n->mn_data, cap);
	if (p == NULL)
		return ENOSPC;
	n->mn_data = p;
	n->mn_cap = cap;
	return 0;
}

int
mt_resize(struct mt_node *n, uint64_t size)
{
	const uint64_t old = (uint64_t)n->mn_st.st_size;
	const int error = data_grow(n, size);

	if (error != 0)
		return error;
	if (size > old)
		memset(n->mn_data + old, 0, size - old);
	n->mn_st.st_size = (off_t)size;
	n->mn_st.st_blocks = (blkcnt_t)((size + 511) / 512);
	touch(n);
	return 0;
}

ssize_t
mt_read(struct mt_node *n, uint64_t off, size_t len, char **p)
{
	const uint64_t size = (uint64_t)n->mn_st.st_size;

	*p = n->mn_data + off;
	if (off >= size)
		return 0;
	return (ssize_t)(len < size - off ? len : size - off);
}

int
mt_write(struct mt_node *n, uint64_t off, const void *p, size_t len)
{
	const uint64_t size = (uint64_t)n->mn_st.st_size;
	const int error = data_grow(n, off + len);

	if (error != 0)
		return error;
	if (off > size)
		memset(n->mn_data + size, 0, off - size);
	memcpy(n->mn_data + off, p, len);
	if (off + len > size) {
		n->mn_st.st_size = (off_t)(off + len);
		n->mn_st.st_blocks = (blkcnt_t)((off + len + 511) / 512);
	}
	touch(n);
	return 0;
}

void
mt_release(struct mt_node *n, uint64_t refs)
{

	n->mn_refs = refs < n->mn_refs ? n->mn_refs - refs : 0;
	node_reap(n);
}

/* The first entry whose cookie is greater than seq. */
struct mt_dent *
mt_dent_after(struct mt_node *dir, uint64_t seq)
{
	struct mt_dent *d = dir->mn_first;

	if (dir->mn_cursor != NULL && dir->mn_cursor->md_seq <= seq)
		d = dir->mn_cursor;
	while (d != NULL && d->md_seq <= seq)
		d = d->md_next;
	if (d != NULL)
		dir->mn_cursor = d;
	return d;
}
