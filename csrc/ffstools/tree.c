/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree that newfs puts into a file system: read from a directory of the
 * host, or added file by file by somebody who reads an archive.
 */

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ffstools.h"

#define	FFT_NONE	UINT32_MAX
#define	FFT_MAXDEPTH	4096	/* of a path, bytes */

/* Names and link targets: never freed one by one. */
struct fft_arena {
	struct fft_arena *next;
	size_t		used;
	size_t		size;
	char		data[];
};

static char *
fft_tree_copy(struct fft_tree *t, const char *s, size_t len)
{
	struct fft_arena *a = t->arena;
	char *p;

	if (a == NULL || a->size - a->used < len + 1) {
		const size_t size = len + 1 > 65536 ? len + 1 : 65536;

		a = malloc(sizeof(*a) + size);
		if (a == NULL)
			return NULL;
		a->next = t->arena;
		a->used = 0;
		a->size = size;
		t->arena = a;
	}
	p = a->data + a->used;
	a->used += len + 1;
	memcpy(p, s, len);
	p[len] = '\0';
	return p;
}

static int
fft_tree_nomem(struct fft_disk *d)
{
	return fft_fail(d, ENOMEM, "out of memory");
}

static int
fft_tree_newinode(struct fft_tree *t, struct fft_disk *d, uint32_t *idx)
{
	if (t->ninodes == t->maxinodes) {
		const size_t n = t->maxinodes == 0 ? 64 : 2 * t->maxinodes;
		struct fft_inode *p = realloc(t->inode, n * sizeof(*p));

		if (p == NULL || n >= FFT_NONE)
			return fft_tree_nomem(d);
		t->inode = p;
		t->maxinodes = n;
	}
	memset(&t->inode[t->ninodes], 0, sizeof(t->inode[0]));
	t->inode[t->ninodes].fd = -1;
	*idx = (uint32_t)t->ninodes++;
	return 0;
}

/* A name in a directory, for an inode. */
static int
fft_tree_enter(struct fft_tree *t, struct fft_disk *d, uint32_t parent,
    const char *name, size_t namelen, uint32_t inode, uint32_t *idx)
{
	struct fft_node *n;

	if (t->nnodes == t->maxnodes) {
		const size_t max = t->maxnodes == 0 ? 64 : 2 * t->maxnodes;
		struct fft_node *p = realloc(t->node, max * sizeof(*p));

		if (p == NULL || max >= FFT_NONE)
			return fft_tree_nomem(d);
		t->node = p;
		t->maxnodes = max;
	}
	n = &t->node[t->nnodes];
	memset(n, 0, sizeof(*n));
	n->name = fft_tree_copy(t, name, namelen);
	if (n->name == NULL)
		return fft_tree_nomem(d);
	n->namelen = (uint8_t)namelen;
	n->inode = inode;
	n->parent = parent;
	n->child = FFT_NONE;
	n->next = FFT_NONE;
	*idx = (uint32_t)t->nnodes;
	if (t->nnodes != 0) {
		n->next = t->node[parent].child;
		t->node[parent].child = *idx;
		t->node[parent].nchildren++;
		t->sorted = false;
	}
	if (t->inode[inode].nlink++ == 0)
		t->inode[inode].node = *idx;
	t->nnodes++;
	return 0;
}

struct fft_tree *
fft_tree_new(void)
{
	struct fft_tree *t = calloc(1, sizeof(*t));
	struct fft_disk d;
	uint32_t ino, node;

	if (t == NULL)
		return NULL;
	t->top = -1;
	if (fft_tree_newinode(t, &d, &ino) != 0 ||
	    fft_tree_enter(t, &d, 0, "", 0, ino, &node) != 0) {
		fft_tree_free(t);
		return NULL;
	}
	t->inode[0].st.mode = S_IFDIR | 0755;
	t->inode[0].st.time[0] = INT64_MIN;	/* the date */
	return t;
}

void
fft_tree_free(struct fft_tree *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < t->ninodes; i++) {
		free(t->inode[i].extents);
		free(t->inode[i].dir);
	}
	while (t->arena != NULL) {
		struct fft_arena *a = t->arena;

		t->arena = a->next;
		free(a);
	}
	if (t->top >= 0)
		(void)close(t->top);
	free(t->hash);
	free(t->node);
	free(t->inode);
	free(t);
}

void
fft_tree_owner(struct fft_tree *t, int64_t uid, int64_t gid)
{
	for (size_t i = 0; i < t->ninodes; i++) {
		if (uid >= 0)
			t->inode[i].st.uid = (uint32_t)uid;
		if (gid >= 0)
			t->inode[i].st.gid = (uint32_t)gid;
	}
}

/* The path of a node from the top, with a NUL; its length, or 0: too long. */
size_t
fft_tree_path(const struct fft_tree *t, uint32_t node, char *buf, size_t size)
{
	size_t at = size;

	if (node == 0 && size >= 2) {
		memcpy(buf, ".", 2);
		return 1;
	}
	buf[--at] = '\0';
	for (; node != 0; node = t->node[node].parent) {
		const struct fft_node *n = &t->node[node];

		if (at < (size_t)n->namelen + 1)
			return 0;
		at -= n->namelen;
		memcpy(buf + at, n->name, n->namelen);
		if (n->parent != 0)
			buf[--at] = '/';
	}
	memmove(buf, buf + at, size - at);
	return size - at - 1;
}

static bool
fft_name_ok(const char *name, size_t len)
{
	if (len == 0 || len > UFS_MAXNAMLEN || memchr(name, '/', len) != NULL ||
	    memchr(name, '\0', len) != NULL)
		return false;
	return !(name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
}

int
fft_tree_add(struct fft_tree *t, struct fft_disk *d, uint32_t parent,
    const char *name, size_t namelen, const struct fft_stat *st,
    const char *target, int fd, const struct fft_extent *extents,
    size_t count, uint32_t *node)
{
	struct fft_inode *ip;
	uint32_t idx = 0;
	int error = 0;

	if (parent >= t->nnodes ||
	    !S_ISDIR(t->inode[t->node[parent].inode].st.mode))
		return fft_fail(d, ENOTDIR, "%.*s: what it is in is no "
		    "directory", (int)namelen, name);
	*node = 0;
	if (namelen == 0 && !S_ISDIR(st->mode))
		return fft_fail(d, ENOTDIR, "the root is no directory");
	if (namelen != 0 && !fft_name_ok(name, namelen))
		return fft_fail(d, namelen > UFS_MAXNAMLEN ? ENAMETOOLONG :
		    EINVAL, "%.*s: no lawful name", (int)namelen, name);
	if (namelen != 0)
		error = fft_tree_newinode(t, d, &idx);
	if (error != 0)
		return error;
	ip = &t->inode[idx];
	ip->st = *st;
	ip->fd = fd;
	if (target != NULL) {
		ip->target = fft_tree_copy(t, target, (size_t)st->size);
		if (ip->target == NULL)
			return fft_tree_nomem(d);
	}
	if (extents != NULL) {
		ip->extents = malloc((count + 1) * sizeof(*extents));
		if (ip->extents == NULL)
			return fft_tree_nomem(d);
		memcpy(ip->extents, extents, count * sizeof(*extents));
		ip->nextents = (uint32_t)count;
	}
	if (namelen == 0)
		return 0;
	return fft_tree_enter(t, d, parent, name, namelen, idx, node);
}

int
fft_tree_link(struct fft_tree *t, struct fft_disk *d, uint32_t parent,
    const char *name, size_t namelen, uint32_t node)
{
	uint32_t new;

	if (parent >= t->nnodes || node >= t->nnodes ||
	    !fft_name_ok(name, namelen))
		return fft_fail(d, EINVAL, "%.*s: no lawful link",
		    (int)namelen, name);
	if (S_ISDIR(t->inode[t->node[node].inode].st.mode))
		return fft_fail(d, EPERM, "%.*s: a hard link to a directory",
		    (int)namelen, name);
	if (t->inode[t->node[node].inode].nlink >= UFS_LINK_MAX)
		return fft_fail(d, EMLINK, "%.*s: too many links",
		    (int)namelen, name);
	return fft_tree_enter(t, d, parent, name, namelen,
	    t->node[node].inode, &new);
}

/* Inodes of the host with several names, by device and number. */

static size_t
fft_tree_slot(const struct fft_tree *t, const uint64_t key[2])
{
	size_t i = (size_t)((key[0] * 31 + key[1]) * 0x9e3779b97f4a7c15ULL >>
	    20) & (t->hashsize - 1);

	while (t->hash[i] != 0) {
		const struct fft_inode *ip = &t->inode[t->hash[i]];

		if (ip->key[0] == key[0] && ip->key[1] == key[1])
			break;
		i = (i + 1) & (t->hashsize - 1);
	}
	return i;
}

static int
fft_tree_rehash(struct fft_tree *t, struct fft_disk *d)
{
	uint32_t *old = t->hash;
	const size_t n = t->hashsize;

	if (2 * t->hashed < t->hashsize)
		return 0;
	t->hashsize = n == 0 ? 256 : 2 * n;
	t->hash = calloc(t->hashsize, sizeof(*t->hash));
	if (t->hash == NULL) {
		t->hash = old;
		t->hashsize = n;
		return fft_tree_nomem(d);
	}
	for (size_t i = 0; i < n; i++)
		if (old[i] != 0)
			t->hash[fft_tree_slot(t, t->inode[old[i]].key)] =
			    old[i];
	free(old);
	return 0;
}

/* Scanning a directory of the host. */

static void
fft_stat_of(struct fft_stat *st, const struct stat *sb)
{
	memset(st, 0, sizeof(*st));
	st->mode = sb->st_mode;
	st->uid = sb->st_uid;
	st->gid = sb->st_gid;
	st->size = sb->st_size;
	st->time[0] = sb->st_atim.tv_sec;
	st->nsec[0] = (int32_t)sb->st_atim.tv_nsec;
	st->time[1] = st->time[3] = sb->st_mtim.tv_sec;
	st->nsec[1] = st->nsec[3] = (int32_t)sb->st_mtim.tv_nsec;
	st->time[2] = sb->st_ctim.tv_sec;
	st->nsec[2] = (int32_t)sb->st_ctim.tv_nsec;
	st->major = major(sb->st_rdev);
	st->minor = minor(sb->st_rdev);
	if (!S_ISREG(sb->st_mode) && !S_ISLNK(sb->st_mode))
		st->size = 0;
}

/* Where the data of a file with holes are. */
static int
fft_scan_holes(struct fft_disk *d, struct fft_inode *ip, int dirfd,
    const char *name)
{
	const int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct fft_extent *list = NULL;
	size_t n = 0, max = 0;
	off_t at = 0;

	if (fd < 0)
		return fft_fail(d, errno, "%s: %s", name, strerror(errno));
	while (at < ip->st.size) {
		const off_t from = lseek(fd, at, SEEK_DATA);
		off_t to;

		if (from < 0 || from >= ip->st.size)
			break;
		to = lseek(fd, from, SEEK_HOLE);
		if (to < 0 || to > ip->st.size)
			to = ip->st.size;
		if (n == max) {
			struct fft_extent *new;

			max = max == 0 ? 16 : 2 * max;
			new = realloc(list, max * sizeof(*list));
			if (new == NULL) {
				free(list);
				(void)close(fd);
				return fft_tree_nomem(d);
			}
			list = new;
		}
		list[n].at = list[n].source = from;
		list[n].length = to - from;
		n++;
		at = to;
	}
	(void)close(fd);
	if (list == NULL)
		list = malloc(sizeof(*list));
	if (list == NULL)
		return fft_tree_nomem(d);
	ip->extents = list;
	ip->nextents = (uint32_t)n;
	return 0;
}

static int
fft_scan_link(struct fft_tree *t, struct fft_disk *d, struct fft_inode *ip,
    int dirfd, const char *name)
{
	char buf[4096];
	const ssize_t n = readlinkat(dirfd, name, buf, sizeof(buf));

	if (n < 0)
		return fft_fail(d, errno, "%s: %s", name, strerror(errno));
	ip->st.size = n;
	ip->target = fft_tree_copy(t, buf, (size_t)n);
	return ip->target == NULL ? fft_tree_nomem(d) : 0;
}

static int
fft_scan_file(struct fft_tree *t, struct fft_disk *d, uint32_t parent,
    int dirfd, const char *name)
{
	struct fft_inode *ip;
	uint32_t idx, node;
	struct stat sb;
	size_t slot = 0;
	int error;

	if (fstatat(dirfd, name, &sb, AT_SYMLINK_NOFOLLOW) != 0)
		return fft_fail(d, errno, "%s: %s", name, strerror(errno));
	if (!S_ISDIR(sb.st_mode) && sb.st_nlink > 1) {
		const uint64_t key[2] = { sb.st_dev, sb.st_ino };

		error = fft_tree_rehash(t, d);
		if (error != 0)
			return error;
		slot = fft_tree_slot(t, key);
		idx = t->hash[slot];
		if (idx != 0 && t->inode[idx].nlink < UFS_LINK_MAX)
			return fft_tree_enter(t, d, parent, name,
			    strlen(name), idx, &node);
	}
	error = fft_tree_newinode(t, d, &idx);
	if (error != 0)
		return error;
	ip = &t->inode[idx];
	fft_stat_of(&ip->st, &sb);
	if (!S_ISDIR(sb.st_mode) && sb.st_nlink > 1) {
		ip->key[0] = sb.st_dev;
		ip->key[1] = sb.st_ino;
		t->hash[slot] = idx;
		t->hashed++;
	}
	if (S_ISLNK(sb.st_mode))
		error = fft_scan_link(t, d, ip, dirfd, name);
	else if (S_ISREG(sb.st_mode) &&
	    sb.st_blocks * 512 < sb.st_size)
		error = fft_scan_holes(d, ip, dirfd, name);
	if (error == 0)
		error = fft_tree_enter(t, d, parent, name, strlen(name), idx,
		    &node);
	return error;
}

static int
fft_scan_directory(struct fft_tree *t, struct fft_disk *d, uint32_t node)
{
	char path[FFT_MAXDEPTH];
	struct dirent *e;
	DIR *dir = NULL;
	int error = 0, fd;

	if (fft_tree_path(t, node, path, sizeof(path)) == 0)
		return fft_fail(d, ENAMETOOLONG, "too deep a tree");
	fd = openat(t->top, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC |
	    O_NOFOLLOW);
	if (fd >= 0)
		dir = fdopendir(fd);
	if (dir == NULL) {
		error = fft_fail(d, errno, "%s: %s", path, strerror(errno));
		if (fd >= 0)
			(void)close(fd);
		return error;
	}
	while (error == 0 && (errno = 0, e = readdir(dir)) != NULL) {
		if (fft_name_ok(e->d_name, strlen(e->d_name)))
			error = fft_scan_file(t, d, node, fd, e->d_name);
	}
	if (error == 0 && errno != 0)
		error = fft_fail(d, errno, "%s: %s", path, strerror(errno));
	(void)closedir(dir);
	return error;
}

int
fft_tree_scan(struct fft_tree *t, struct fft_disk *d, const char *path)
{
	struct stat sb;
	int error = 0;

	t->top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (t->top < 0 || fstat(t->top, &sb) != 0)
		return fft_fail(d, errno, "%s: %s", path, strerror(errno));
	fft_stat_of(&t->inode[0].st, &sb);
	/* What is added while this goes on is looked at as well. */
	for (uint32_t i = 0; i < t->nnodes && error == 0; i++)
		if (S_ISDIR(t->inode[t->node[i].inode].st.mode))
			error = fft_scan_directory(t, d, i);
	return error;
}

/* Sorting, so that the order of the host's directories does not matter. */

static int
fft_sort_compare(const void *a, const void *b, void *nodes)
{
	const struct fft_node *base = nodes;
	const struct fft_node *x = &base[*(const uint32_t *)a];
	const struct fft_node *y = &base[*(const uint32_t *)b];
	const size_t n = x->namelen < y->namelen ? x->namelen : y->namelen;
	const int c = memcmp(x->name, y->name, n);

	return c != 0 ? c : (int)x->namelen - (int)y->namelen;
}

/* Sort every directory; refuse names that occur twice. */
int
fft_tree_finish(struct fft_tree *t, struct fft_disk *d)
{
	uint32_t *list = NULL;
	int error = 0;

	if (t->sorted)
		return 0;
	list = malloc((t->nnodes + 1) * sizeof(*list));
	if (list == NULL)
		return fft_tree_nomem(d);
	for (uint32_t i = 0; i < t->nnodes && error == 0; i++) {
		uint32_t n = 0, *link = &t->node[i].child;

		for (uint32_t c = *link; c != FFT_NONE; c = t->node[c].next)
			list[n++] = c;
		qsort_r(list, n, sizeof(*list), fft_sort_compare, t->node);
		for (uint32_t k = 0; k < n; k++) {
			if (k > 0 && fft_sort_compare(&list[k - 1], &list[k],
			    t->node) == 0)
				error = fft_fail(d, EEXIST, "%s: twice in one "
				    "directory", t->node[list[k]].name);
			*link = list[k];
			link = &t->node[list[k]].next;
		}
		*link = FFT_NONE;
	}
	free(list);
	t->sorted = error == 0;
	return error;
}
