/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * fsck's phases about names: entries of directories, the tree they make, what
 * lost its name, and link counts.
 *
 * A directory block whose chain of entries is broken is read on from the next
 * place where entries fit to the block's end, so that one bad length costs one
 * entry at most.
 */

#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fsck.h"

#define	FSCK_WHITEOUT	14	/* d_type */

struct fsck_entry {
	uint32_t	ino;
	uint16_t	reclen;
	uint8_t		type;
	unsigned	namlen;
	const char	*name;
};

static void
fsck_entry_get(const struct fsck *f, const uint8_t *p, struct fsck_entry *e)
{
	const struct direct *d = (const struct direct *)(const void *)p;
	uint16_t old;

	e->ino = fsck_32(f, d->d_ino);
	e->reclen = fsck_16(f, d->d_reclen);
	e->type = d->d_type;
	e->namlen = d->d_namlen;
	e->name = d->d_name;
	if (f->old43) {
		memcpy(&old, p + 6, sizeof(old));
		e->type = 0;
		e->namlen = fsck_16(f, old);
	}
}

static void
fsck_entry_setlen(const struct fsck *f, uint8_t *p, unsigned reclen)
{
	((struct direct *)(void *)p)->d_reclen = fsck_16(f, (uint16_t)reclen);
}

static void
fsck_entry_setino(const struct fsck *f, uint8_t *p, uint64_t ino)
{
	((struct direct *)(void *)p)->d_ino = fsck_32(f, (uint32_t)ino);
}

/* Is the name of an entry lawful, and does it fit into room bytes? */
static bool
fsck_name_ok(const struct fsck_entry *e, unsigned room)
{
	return e->namlen > 0 && e->namlen <= UFS_MAXNAMLEN &&
	    UFS_DIRSIZ(e->namlen) <= room && e->name[e->namlen] == '\0' &&
	    memchr(e->name, '/', e->namlen) == NULL &&
	    memchr(e->name, '\0', e->namlen) == NULL;
}

/* Does an entry that a search stumbles over look real? */
static bool
fsck_plausible(struct fsck *f, const uint8_t *p, unsigned left)
{
	struct fsck_entry e;
	struct fsck_ino *ip;

	if (left < 12)
		return false;
	fsck_entry_get(f, p, &e);
	if (e.reclen < 12 || e.reclen % 4 != 0 || e.reclen > left)
		return false;
	if (e.ino < UFS_ROOTINO || e.ino >= f->ninodes)
		return false;
	ip = fsck_ino(f, e.ino, false);
	return ip != NULL && ip->fi_state != FI_FREE &&
	    (f->old43 || e.type == ip->fi_type) &&
	    fsck_name_ok(&e, e.reclen);
}

/* Mend the chain of a block of UFS_DIRBLKSIZ bytes; whether it was broken. */
static bool
fsck_chain(struct fsck *f, uint8_t *blk)
{
	bool broken = false;
	unsigned off = 0, next;

	for (; off < UFS_DIRBLKSIZ; off = next) {
		const unsigned left = UFS_DIRBLKSIZ - off;
		struct fsck_entry e;

		fsck_entry_get(f, blk + off, &e);
		next = off + e.reclen;
		/* No entry fits into less than 12 bytes at the end. */
		if (e.reclen >= 12 && e.reclen % 4 == 0 && (e.reclen == left ||
		    e.reclen + 12 <= (int)left))
			continue;
		broken = true;
		next = off + (fsck_name_ok(&e, left) ?
		    UFS_DIRSIZ(e.namlen) : 12);
		for (; next + 12 <= UFS_DIRBLKSIZ; next += 4)
			if (fsck_plausible(f, blk + next, UFS_DIRBLKSIZ -
			    next))
				break;
		if (next + 12 > UFS_DIRBLKSIZ)
			next = UFS_DIRBLKSIZ;
		if (e.ino != 0 && !fsck_name_ok(&e, next - off))
			fsck_entry_setino(f, blk + off, 0);
		fsck_entry_setlen(f, blk + off, next - off);
	}
	return broken;
}

/* Names that were seen in a directory, to find those that occur twice. */
struct fsck_names {
	uint64_t	*hash;
	size_t		mask;
	size_t		count;
};

static uint64_t
fsck_hash(const char *name, unsigned len)
{
	uint64_t h = 0xcbf29ce484222325ULL, g = len;

	for (unsigned i = 0; i < len; i++) {
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3ULL;
		g = (g + (uint8_t)name[i]) * 0x9e3779b97f4a7c15ULL;
	}
	return (h ^ (g >> 7)) | 1;
}

/*
 * Whether a name is new.  64 bits of hash stand for it: among the names of one
 * directory no two differ in less, but for a directory made for that.
 */
static bool
fsck_name_new(struct fsck *f, struct fsck_names *s, const char *name,
    unsigned len)
{
	const uint64_t h = fsck_hash(name, len);
	size_t i;

	if (2 * (s->count + 1) > s->mask) {
		const size_t n = s->mask == 0 ? 64 : 2 * (s->mask + 1);
		uint64_t *p = calloc(n, sizeof(*p));

		if (p == NULL) {
			f->fatal = fft_fail(f->d, 12, "out of memory");
			return true;
		}
		for (size_t k = 0; s->hash != NULL && k <= s->mask; k++) {
			if (s->hash[k] == 0)
				continue;
			i = (s->hash[k] >> 13) & (n - 1);
			while (p[i] != 0)
				i = (i + 1) & (n - 1);
			p[i] = s->hash[k];
		}
		free(s->hash);
		s->hash = p;
		s->mask = n - 1;
	}
	i = (h >> 13) & s->mask;
	while (s->hash[i] != 0) {
		if (s->hash[i] == h)
			return false;
		i = (i + 1) & s->mask;
	}
	s->hash[i] = h;
	s->count++;
	return true;
}

/* What a name must not be; NULL if it is fine. */
static const char *
fsck_entry_check(struct fsck *f, const struct fsck_entry *e,
    struct fsck_names *names)
{
	struct fsck_ino *ip;
	const bool dot = e->namlen <= 2 && e->name[0] == '.' &&
	    (e->namlen == 1 || e->name[1] == '.');

	if (!fsck_name_ok(e, e->reclen))
		return "with an unlawful name";
	if (e->ino < UFS_ROOTINO || e->ino >= f->ninodes)
		return "of an inode that cannot be";
	if (dot)
		return "that is . or .. at the wrong place";
	ip = fsck_ino(f, e->ino, false);
	if (ip == NULL || ip->fi_state == FI_FREE)
		return "of a free inode";
	if (!fsck_name_new(f, names, e->name, e->namlen))
		return "whose name occurs twice";
	return NULL;
}

static void
fsck_edge_add(struct fsck *f, uint32_t parent, uint32_t child, int64_t at)
{
	struct fsck_edge *p = fsck_grow(f, f->edge, f->nedges, &f->maxedges,
	    sizeof(*p));

	if (p == NULL)
		return;
	f->edge = p;
	p = &f->edge[f->nedges++];
	p->fe_parent = parent;
	p->fe_child = child;
	p->fe_at = at;
}

/* Count a good entry; whether its block was changed. */
static bool
fsck_entry_count(struct fsck *f, uint32_t dir, uint8_t *p,
    const struct fsck_entry *e, int64_t at)
{
	struct fsck_ino *ip = fsck_ino(f, e->ino, false);
	bool changed = false;

	if (e->type != ip->fi_type && e->type != 0 && !f->old43) {
		fsck_problem(f, "entry-type", 0, f->dir[dir].fd_ino,
		    "%.*s has type %u, not %u", (int)e->namlen, e->name,
		    e->type, ip->fi_type);
		((struct direct *)(void *)p)->d_type = ip->fi_type;
		changed = true;
	}
	if (f->dir[dir].fd_ino == UFS_ROOTINO && e->namlen == 10 &&
	    memcmp(e->name, "lost+found", 10) == 0) {
		f->lostfile = ip->fi_state != FI_DIR;
		if (!f->lostfile)
			f->lostfound = e->ino;
	}
	if (ip->fi_state == FI_DIR)
		fsck_edge_add(f, dir, ip->fi_dir, at);
	else
		ip->fi_names++;
	return changed;
}

/* The entries of one block of UFS_DIRBLKSIZ bytes, whose chain is whole. */
static bool
fsck_entries(struct fsck *f, uint32_t dir, uint8_t *blk, int64_t at,
    bool first, struct fsck_names *names)
{
	bool changed = false;
	unsigned off = 0;

	for (int n = 0; off < UFS_DIRBLKSIZ && f->fatal == 0; n++) {
		struct fsck_entry e;
		const char *why;

		fsck_entry_get(f, blk + off, &e);
		/* The dots were looked at before. */
		if (e.ino != 0 && !(first && n < 2) && !(e.ino == UFS_WINO &&
		    e.type == FSCK_WHITEOUT)) {
			why = fsck_entry_check(f, &e, names);
			if (why != NULL) {
				fsck_problem(f, "entry", 1,
				    f->dir[dir].fd_ino, "an entry %s "
				    "(inode %u): removed", why, e.ino);
				fsck_entry_setino(f, blk + off, 0);
				changed = true;
			} else
				changed |= fsck_entry_count(f, dir,
				    blk + off, &e, at + off);
		}
		off += e.reclen;
	}
	return changed;
}

/* Are . and .. the first two entries?  Then read what .. says. */
static bool
fsck_dots_ok(struct fsck *f, struct fsck_dir *d, uint8_t *blk, bool *changed)
{
	struct fsck_entry a, b;

	fsck_entry_get(f, blk, &a);
	if (a.reclen != 12 || a.namlen != 1 || a.name[0] != '.' ||
	    a.name[1] != '\0')
		return false;
	fsck_entry_get(f, blk + 12, &b);
	if (b.namlen != 2 || memcmp(b.name, "..\0", 3) != 0 || b.reclen < 12)
		return false;
	if (a.ino != d->fd_ino) {
		fsck_problem(f, "dot", 1, d->fd_ino,
		    ". leads to inode %u", a.ino);
		fsck_entry_setino(f, blk, d->fd_ino);
		*changed = true;
	}
	for (int i = 0; i < 2 && !f->old43; i++) {
		uint8_t *type = blk + 12 * i + 6;

		if (*type != 0 && *type != S_IFDIR >> 12) {
			fsck_problem(f, "entry-type", 0, d->fd_ino,
			    "%s has type %u", i == 0 ? "." : "..", *type);
			*type = S_IFDIR >> 12;
			*changed = true;
		}
	}
	d->fd_dotdot = b.ino;
	return true;
}

static unsigned
fsck_entry_make(const struct fsck *f, uint8_t *p, uint32_t ino, unsigned type,
    const char *name, unsigned len)
{
	struct direct *e = (struct direct *)(void *)p;
	const unsigned size = UFS_DIRSIZ(len);
	uint16_t old;

	memset(p, 0, size);
	e->d_ino = fsck_32(f, ino);
	e->d_reclen = fsck_16(f, (uint16_t)size);
	e->d_type = (uint8_t)type;
	e->d_namlen = (uint8_t)len;
	if (f->old43) {
		old = fsck_16(f, (uint16_t)len);
		memcpy(p + 6, &old, sizeof(old));
	}
	memcpy(e->d_name, name, len);
	return size;
}

/*
 * A first block without its dots: they are put in, and what does not fit behind
 * them any more loses its name here, to find one in lost+found.
 */
static void
fsck_dots_make(struct fsck *f, struct fsck_dir *d, uint8_t *blk)
{
	uint8_t new[UFS_DIRBLKSIZ + 264];
	unsigned at, last, off = 0;

	fsck_problem(f, "dots", 1, d->fd_ino, ". and .. are not where they "
	    "belong: put in");
	memset(new, 0, sizeof(new));
	at = fsck_entry_make(f, new, (uint32_t)d->fd_ino, S_IFDIR >> 12, ".",
	    1);
	last = at;
	at += fsck_entry_make(f, new + at, UFS_ROOTINO, S_IFDIR >> 12, "..",
	    2);
	while (off < UFS_DIRBLKSIZ) {
		struct fsck_entry e;

		fsck_entry_get(f, blk + off, &e);
		off += e.reclen;
		if (e.ino < UFS_ROOTINO || !fsck_name_ok(&e, e.reclen) ||
		    at + UFS_DIRSIZ(e.namlen) > UFS_DIRBLKSIZ ||
		    (e.namlen == 1 && e.name[0] == '.'))
			continue;
		if (e.namlen == 2 && e.name[0] == '.' && e.name[1] == '.') {
			d->fd_dotdot = e.ino;
			continue;
		}
		last = at;
		at += fsck_entry_make(f, new + at, e.ino, e.type, e.name,
		    e.namlen);
	}
	fsck_entry_setlen(f, new + last, UFS_DIRBLKSIZ - last);
	memcpy(blk, new, UFS_DIRBLKSIZ);
	if (d->fd_dotdot == 0)
		d->fd_dotdot = UFS_ROOTINO;
	fsck_entry_setino(f, blk + 12, d->fd_dotdot);
}

static void
fsck_directory(struct fsck *f, uint32_t dir)
{
	const struct fs *fs = f->fs;
	struct fsck_names names = { NULL, 0, 0 };
	struct fsck_node n;
	size_t count;

	if (fsck_ino(f, f->dir[dir].fd_ino, true)->fi_state != FI_DIR)
		return;
	fsck_node_get(f, f->dir[dir].fd_ino, &n);
	count = fsck_blockmap(f, &n);
	for (size_t lbn = 0; lbn < count && f->fatal == 0; lbn++) {
		const int64_t left = (int64_t)n.i.size -
		    ((int64_t)lbn << fs->fs_bshift);
		const int64_t at = f->map[lbn] << fs->fs_fshift;
		const int64_t size = left < fs->fs_bsize ? left :
		    fs->fs_bsize;

		if (f->map[lbn] == 0 ||
		    !fsck_read(f, at, f->buf, (size_t)size)) {
			fsck_stuck(f, "directory-hole", n.ino, "block %zu of "
			    "a directory can't be read", lbn);
			continue;
		}
		if (lbn == 0)
			f->dir[dir].fd_first = at;
		for (int64_t off = 0; off + UFS_DIRBLKSIZ <= size;
		    off += UFS_DIRBLKSIZ) {
			const bool first = lbn == 0 && off == 0;
			bool changed = fsck_chain(f, f->buf + off);

			if (changed)
				fsck_problem(f, "directory", 1, n.ino,
				    "a broken chain of entries at byte %lld",
				    (long long)(((int64_t)lbn <<
				    fs->fs_bshift) + off));
			if (first && !fsck_dots_ok(f, &f->dir[dir],
			    f->buf, &changed)) {
				fsck_dots_make(f, &f->dir[dir], f->buf);
				changed = true;
			}
			changed |= fsck_entries(f, dir, f->buf + off,
			    at + off, first, &names);
			if (changed)
				fsck_write(f, at + off, f->buf + off,
				    UFS_DIRBLKSIZ);
		}
	}
	free(names.hash);
}

/* Free bytes of an entry at AT: the name is gone, the space stays. */
static void
fsck_entry_erase(struct fsck *f, int64_t at)
{
	const uint32_t zero = 0;

	fsck_write(f, at, &zero, sizeof(zero));
}

/* Of several names of a directory the one that its .. confirms stays. */
static void
fsck_edges(struct fsck *f)
{
	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < f->nedges && f->fatal == 0; i++) {
			struct fsck_edge *e = &f->edge[i];
			struct fsck_dir *d = &f->dir[e->fe_child];
			const bool said = f->dir[e->fe_parent].fd_ino ==
			    d->fd_dotdot;

			if (e->fe_at == 0 || (pass == 0 && !said))
				continue;
			if (d->fd_ino != UFS_ROOTINO &&
			    d->fd_parent == FI_NODIR &&
			    e->fe_parent != e->fe_child) {
				d->fd_parent = e->fe_parent;
				d->fd_entry = e->fe_at;
			} else if (d->fd_entry != e->fe_at) {
				fsck_problem(f, "entry", 1,
				    f->dir[e->fe_parent].fd_ino, "a further "
				    "name of directory %llu: removed",
				    (unsigned long long)d->fd_ino);
				fsck_entry_erase(f, e->fe_at);
			}
			e->fe_at = 0;
		}
	}
}

/* A new directory in inode ino, whose one fragment is b. */
static void
fsck_makedir(struct fsck *f, uint64_t ino, uint64_t parent, uint32_t mode,
    int64_t b)
{
	const struct fs *fs = f->fs;
	const uint32_t gen = (uint32_t)(f->rep->now * 2654435761U) >> 1 | 1;
	struct fsck_ino *ip = fsck_ino(f, ino, true);
	struct ufs1_dinode *d1;
	struct ufs2_dinode *d2;
	struct fsck_node n;
	unsigned at;

	if (ip == NULL)
		return;
	fsck_node_get(f, ino, &n);
	memset(n.raw, 0, sizeof(n.raw));
	d1 = (struct ufs1_dinode *)(void *)n.raw;
	d2 = (struct ufs2_dinode *)(void *)n.raw;
	d1->di_mode = fsck_16(f, (uint16_t)(S_IFDIR | mode));
	if (f->v2) {
		d2->di_gen = (int32_t)fsck_32(f, gen);
		d2->di_blksize = fsck_32(f, (uint32_t)fs->fs_bsize);
		d2->di_atime = d2->di_mtime = d2->di_ctime =
		    d2->di_birthtime = (int64_t)ffs_rw64(
		    (uint64_t)f->rep->now, f->swap);
	} else {
		d1->di_gen = (int32_t)fsck_32(f, gen);
		d1->di_atime = d1->di_mtime = d1->di_ctime =
		    (int32_t)fsck_32(f, (uint32_t)f->rep->now);
	}
	fsck_set_nlink(&n, 2);
	fsck_set_size(&n, UFS_DIRBLKSIZ);
	fsck_set_blocks(&n, 1ULL << fs->fs_fsbtodb);
	fsck_set_ptr(&n, 0, b);
	fsck_node_put(&n);
	memset(f->buf, 0, (size_t)fs->fs_fsize);
	at = fsck_entry_make(f, f->buf, (uint32_t)ino, S_IFDIR >> 12, ".", 1);
	(void)fsck_entry_make(f, f->buf + at, (uint32_t)parent, S_IFDIR >> 12,
	    "..", 2);
	fsck_entry_setlen(f, f->buf + at, UFS_DIRBLKSIZ - at);
	fsck_write(f, b << fs->fs_fshift, f->buf, (size_t)fs->fs_fsize);
	memset(ip, 0, sizeof(*ip));
	ip->fi_state = FI_DIR;
	ip->fi_type = S_IFDIR >> 12;
	ip->fi_nlink = 2;
	ip->fi_dir = fsck_dir_add(f, ino);
	if (ip->fi_dir == FI_NODIR)
		return;
	f->dir[ip->fi_dir].fd_dotdot = parent;
	f->dir[ip->fi_dir].fd_first = b << fs->fs_fshift;
	f->rep->directories++;
}

/* A root to begin with. */
static void
fsck_root(struct fsck *f)
{
	struct fsck_ino *ip = fsck_ino(f, UFS_ROOTINO, true);
	int64_t b;

	if (ip == NULL || ip->fi_state == FI_DIR)
		return;
	if (ip->fi_state == FI_FILE) {
		fsck_problem(f, "root", 1, UFS_ROOTINO,
		    "the root is no directory: made anew");
		fsck_remove(f, UFS_ROOTINO);
		f->rep->files--;
	} else
		fsck_problem(f, "root", 1, UFS_ROOTINO,
		    "there is no root directory: made anew");
	memset(ip, 0, sizeof(*ip));
	b = fsck_alloc(f, 1);
	if (b == 0) {
		fsck_stuck(f, "no-space", UFS_ROOTINO, "no room for a root");
		return;
	}
	fsck_makedir(f, UFS_ROOTINO, UFS_ROOTINO, 0755, b);
}

void
fsck_directories(struct fsck *f)
{
	fsck_root(f);
	fsck_phase(f, 2, (int64_t)f->ndirs);
	for (size_t i = 0; i < f->ndirs && f->fatal == 0; i++) {
		fsck_tick(f, (int64_t)i);
		fsck_directory(f, (uint32_t)i);
	}
	fsck_edges(f);
}

/* Entering a name. */

/* Try to put a name into a block; the byte of its entry in it, or -1. */
static int
fsck_enter_block(struct fsck *f, uint8_t *blk, uint64_t ino, unsigned type,
    const char *name, unsigned len)
{
	const unsigned need = UFS_DIRSIZ(len);
	unsigned off = 0;

	while (off < UFS_DIRBLKSIZ) {
		struct fsck_entry e;
		unsigned used;

		fsck_entry_get(f, blk + off, &e);
		if (e.reclen < 12)
			return -1;
		used = e.ino == 0 ? 0 : UFS_DIRSIZ(e.namlen);
		if (e.reclen >= used + need) {
			if (used != 0)
				fsck_entry_setlen(f, blk + off, used);
			(void)fsck_entry_make(f, blk + off + used,
			    (uint32_t)ino, type, name, len);
			fsck_entry_setlen(f, blk + off + used,
			    e.reclen - used);
			return (int)(off + used);
		}
		off += e.reclen;
	}
	return -1;
}

/* One fragment more for the last block of a small directory. */
static int64_t
fsck_dir_fragment(struct fsck *f, struct fsck_node *n, int lbn, int have)
{
	const struct fs *fs = f->fs;
	const int64_t old = n->i.db[lbn];
	int64_t b = old;

	if (have != 0 && FFS_FRAGNUM(fs, old) + have < fs->fs_frag &&
	    !fft_isset(f->used, (uint64_t)(old + have)))
		fft_setbit(f->used, (uint64_t)(old + have));
	else {
		b = fsck_alloc(f, have + 1);
		if (b == 0)
			return 0;
		if (have != 0) {
			(void)fsck_read(f, old << fs->fs_fshift, f->buf,
			    (size_t)have << fs->fs_fshift);
			fsck_write(f, b << fs->fs_fshift, f->buf,
			    (size_t)have << fs->fs_fshift);
			fsck_release(f, old, have);
		}
		fsck_set_ptr(n, lbn, b);
	}
	memset(f->buf, 0, (size_t)fs->fs_fsize);
	fsck_write(f, (b + have) << fs->fs_fshift, f->buf,
	    (size_t)fs->fs_fsize);
	fsck_set_blocks(n, n->i.blocks + (1ULL << fs->fs_fsbtodb));
	return b;
}

static int64_t
fsck_zero_block(struct fsck *f)
{
	const int64_t b = fsck_alloc(f, f->fs->fs_frag);

	memset(f->buf, 0, (size_t)f->fs->fs_bsize);
	if (b != 0)
		fsck_write(f, b << f->fs->fs_fshift, f->buf,
		    (size_t)f->fs->fs_bsize);
	return b;
}

/* A block of a directory that an indirect block maps. */
static int64_t
fsck_dir_block(struct fsck *f, struct fsck_node *n, int64_t lbn)
{
	const struct fs *fs = f->fs;
	const uint64_t whole = (uint64_t)fs->fs_frag << fs->fs_fsbtodb;
	int64_t b;

	if (lbn >= UFS_NDADDR + fs->fs_nindir)
		return 0;
	if (n->i.ib[0] == 0) {
		b = fsck_zero_block(f);
		if (b == 0)
			return 0;
		fsck_set_ptr(n, UFS_NDADDR, b);
		fsck_set_blocks(n, n->i.blocks + whole);
	}
	b = fsck_zero_block(f);
	if (b == 0)
		return 0;
	fsck_ptr_store(f, (n->i.ib[0] << fs->fs_fshift) +
	    (lbn - UFS_NDADDR) * (f->v2 ? 8 : 4), b);
	fsck_set_blocks(n, n->i.blocks + whole);
	return b;
}

/* The block that the next 512 bytes of a directory lie in, or 0. */
static int64_t
fsck_dir_extend(struct fsck *f, struct fsck_node *n)
{
	const struct fs *fs = f->fs;
	const int64_t lbn = (int64_t)(n->i.size >> fs->fs_bshift);
	const int64_t off = (int64_t)n->i.size & (fs->fs_bsize - 1);

	if (off % fs->fs_fsize != 0 || (off != 0 && lbn >= UFS_NDADDR))
		return f->map[lbn];
	if (lbn < UFS_NDADDR)
		return fsck_dir_fragment(f, n, (int)lbn,
		    (int)(off >> fs->fs_fshift));
	return fsck_dir_block(f, n, lbn);
}

/* Put a name into a directory; the byte of the entry, or 0. */
static int64_t
fsck_enter(struct fsck *f, uint64_t dir, uint64_t ino, unsigned type,
    const char *name)
{
	const struct fs *fs = f->fs;
	const unsigned len = (unsigned)strlen(name);
	uint8_t blk[UFS_DIRBLKSIZ];
	struct fsck_node n;
	size_t count;
	int64_t at, off;
	int where;

	fsck_node_get(f, dir, &n);
	count = fsck_blockmap(f, &n);
	/* From the end: what is entered one by one goes there. */
	for (off = (int64_t)n.i.size - UFS_DIRBLKSIZ; off >= 0 &&
	    off > (int64_t)n.i.size - 4 * UFS_DIRBLKSIZ; off -=
	    UFS_DIRBLKSIZ) {
		const size_t lbn = (size_t)(off >> fs->fs_bshift);

		if (lbn >= count || f->map[lbn] == 0)
			continue;
		at = (f->map[lbn] << fs->fs_fshift) + (off & (fs->fs_bsize -
		    1));
		if (!fsck_read(f, at, blk, sizeof(blk)))
			continue;
		where = fsck_enter_block(f, blk, ino, type, name, len);
		if (where >= 0) {
			fsck_write(f, at, blk, sizeof(blk));
			return at + where;
		}
	}
	off = (int64_t)n.i.size & (fs->fs_bsize - 1);
	at = fsck_dir_extend(f, &n) << fs->fs_fshift;
	if (at != 0) {
		memset(blk, 0, sizeof(blk));
		fsck_entry_setlen(f, blk, UFS_DIRBLKSIZ);
		where = fsck_enter_block(f, blk, ino, type, name, len);
		fsck_write(f, at + off, blk, sizeof(blk));
		fsck_set_size(&n, n.i.size + UFS_DIRBLKSIZ);
	}
	/* An indirect block may be there although no block was. */
	fsck_node_put(&n);
	return at == 0 ? 0 : at + off + where;
}

/* lost+found. */

/* A free inode that has been written, or 0. */
static uint64_t
fsck_free_inode(struct fsck *f)
{
	for (uint32_t c = 0; c < f->fs->fs_ncg; c++)
		for (uint32_t i = c == 0 ? UFS_ROOTINO + 1 : 0;
		    i < f->inited[c]; i++)
			if (f->ino[c] == NULL ||
			    f->ino[c][i].fi_state == FI_FREE)
				return (uint64_t)c * f->fs->fs_ipg + i;
	return 0;
}

static uint64_t
fsck_lostfound(struct fsck *f)
{
	struct fsck_ino *ip;
	const uint32_t root = fsck_ino(f, UFS_ROOTINO, true)->fi_dir;
	const char *name = f->lostfile ? "lost+found.fsck" : "lost+found";
	uint64_t ino;
	int64_t b, at;

	if (f->lostfound != 0) {
		ip = fsck_ino(f, f->lostfound, false);
		if (ip != NULL && ip->fi_state == FI_DIR &&
		    f->dir[ip->fi_dir].fd_parent == root)
			return f->lostfound;
	}
	ino = fsck_free_inode(f);
	b = ino == 0 ? 0 : fsck_alloc(f, 1);
	if (b == 0)
		return 0;
	at = fsck_enter(f, UFS_ROOTINO, ino, S_IFDIR >> 12, name);
	if (at == 0) {
		fsck_release(f, b, 1);
		return 0;
	}
	fsck_makedir(f, ino, UFS_ROOTINO, 0700, b);
	ip = fsck_ino(f, ino, false);
	if (ip == NULL || ip->fi_dir == FI_NODIR)
		return 0;
	f->dir[ip->fi_dir].fd_parent = root;
	f->dir[ip->fi_dir].fd_entry = at;
	if (f->connected) {
		/* Too late to be counted with the others. */
		ip->fi_names = 2;
		fsck_ino(f, UFS_ROOTINO, true)->fi_names++;
	}
	f->lostfound = ino;
	return ino;
}

/*
 * Give what lost its name one: in lost+found or, where there is no room for
 * that, in the root.  The byte of its entry, or 0.
 */
static int64_t
fsck_reconnect(struct fsck *f, uint64_t ino, unsigned type, uint64_t *parent)
{
	char name[32];
	int64_t at = 0;

	*parent = fsck_lostfound(f);
	(void)snprintf(name, sizeof(name), "#%08llu", (unsigned long long)ino);
	if (*parent != 0)
		at = fsck_enter(f, *parent, ino, type, name);
	if (at == 0) {
		*parent = UFS_ROOTINO;
		at = fsck_enter(f, *parent, ino, type, name);
	}
	if (at == 0)
		fsck_stuck(f, "no-space", ino, "has no name, and there is no "
		    "room for one in lost+found");
	else
		fsck_problem(f, "no-name", 0, ino, "has no name: now %s/%s",
		    *parent == UFS_ROOTINO ? "" : "lost+found", name);
	return at;
}

/* The tree. */

#define	MARK_REACHED	1
#define	MARK_CYCLE	2
#define	MARK_STAMP	3	/* and above: being looked at */

/*
 * Climb from a directory.  Answers FI_NODIR if the root is above, else the
 * directory where the climb ends: one without a name, or one of a cycle.
 */
static uint32_t
fsck_climb(struct fsck *f, uint32_t i, uint32_t root)
{
	const uint32_t stamp = MARK_STAMP + i;
	uint32_t at = i, last = i;

	while (at != FI_NODIR && at != root &&
	    f->dir[at].fd_mark != MARK_REACHED) {
		if (f->dir[at].fd_mark == stamp)
			return at;
		f->dir[at].fd_mark = stamp;
		last = at;
		at = f->dir[at].fd_parent;
	}
	if (at == FI_NODIR)
		return last;
	for (at = i; at != root && f->dir[at].fd_mark != MARK_REACHED;
	    at = f->dir[at].fd_parent)
		f->dir[at].fd_mark = MARK_REACHED;
	return FI_NODIR;
}

/* Is there nothing but dots in a directory? */
static bool
fsck_dir_isempty(struct fsck *f, const struct fsck_dir *d)
{
	struct fsck_node n;
	uint8_t blk[UFS_DIRBLKSIZ];
	size_t count;

	fsck_node_get(f, d->fd_ino, &n);
	count = fsck_blockmap(f, &n);
	for (int64_t off = 0; off < (int64_t)n.i.size; off += UFS_DIRBLKSIZ) {
		const size_t lbn = (size_t)(off >> f->fs->fs_bshift);
		unsigned at = 0;

		if (lbn >= count || f->map[lbn] == 0 || !fsck_read(f,
		    (f->map[lbn] << f->fs->fs_fshift) +
		    (off & (f->fs->fs_bsize - 1)), blk, sizeof(blk)))
			return false;
		while (at < UFS_DIRBLKSIZ) {
			struct fsck_entry e;

			fsck_entry_get(f, blk + at, &e);
			if (e.reclen < 12)
				return false;
			if (e.ino != 0 && (off != 0 || at > 12))
				return false;
			at += e.reclen;
		}
	}
	return true;
}

/* A directory that the root does not reach. */
static void
fsck_orphan(struct fsck *f, uint32_t i)
{
	struct fsck_dir *d = &f->dir[i];
	struct fsck_ino *ip = fsck_ino(f, d->fd_ino, false);
	uint64_t parent;
	int64_t at;

	d->fd_mark = MARK_REACHED;
	if (ip->fi_state != FI_DIR)
		return;		/* it was given up */
	if (d->fd_unnamed && (ip->fi_flags & FI_SUNATTR) != 0)
		return;		/* a file points to it */
	if (d->fd_entry != 0) {
		fsck_problem(f, "cycle", 1, d->fd_ino,
		    "a directory that contains itself: its name is removed");
		fsck_entry_erase(f, d->fd_entry);
		d->fd_parent = FI_NODIR;
		d->fd_entry = 0;
	} else if (ip->fi_nlink <= 0 && fsck_dir_isempty(f, d)) {
		fsck_problem(f, "unlinked", 0, d->fd_ino,
		    "a removed directory that was still open: freed");
		fsck_remove(f, d->fd_ino);
		f->rep->directories--;
		return;
	}
	at = fsck_reconnect(f, d->fd_ino, S_IFDIR >> 12, &parent);
	d = &f->dir[i];		/* lost+found may have moved the array */
	if (at == 0)
		return;
	d->fd_entry = at;
	d->fd_parent = fsck_ino(f, parent, true)->fi_dir;
}

/* Every directory gets a way to the root, and .. goes that way. */
void
fsck_connect(struct fsck *f)
{
	uint32_t root = fsck_ino(f, UFS_ROOTINO, true)->fi_dir;

	if (fsck_ino(f, UFS_ROOTINO, true)->fi_state != FI_DIR)
		return;
	fsck_phase(f, 3, (int64_t)f->ndirs);
	f->dir[root].fd_parent = root;
	f->dir[root].fd_mark = MARK_REACHED;
	for (size_t i = 0; i < f->ndirs && f->fatal == 0; i++) {
		const uint32_t end = fsck_climb(f, (uint32_t)i, root);

		if (end != FI_NODIR) {
			fsck_orphan(f, end);
			(void)fsck_climb(f, (uint32_t)i, root);
		}
	}
	for (size_t i = 0; i < f->ndirs && f->fatal == 0; i++) {
		struct fsck_dir *d = &f->dir[i];
		struct fsck_ino *ip = fsck_ino(f, d->fd_ino, false);
		uint32_t v;

		if (ip->fi_state != FI_DIR || d->fd_parent == FI_NODIR)
			continue;
		ip->fi_names += 1 + (i != root);
		fsck_ino(f, f->dir[d->fd_parent].fd_ino, true)->fi_names++;
		if (d->fd_dotdot == f->dir[d->fd_parent].fd_ino)
			continue;
		fsck_problem(f, "dotdot", 0, d->fd_ino, ".. leads to inode "
		    "%llu, not %llu", (unsigned long long)d->fd_dotdot,
		    (unsigned long long)f->dir[d->fd_parent].fd_ino);
		v = fsck_32(f, (uint32_t)f->dir[d->fd_parent].fd_ino);
		if (d->fd_first != 0)
			fsck_write(f, d->fd_first + 12, &v, sizeof(v));
	}
	f->connected = true;
}

/* Link counts. */

/* A file without a name: it was removed, or it gets one. */
static void
fsck_nameless(struct fsck *f, uint64_t ino, struct fsck_ino *ip)
{
	uint64_t parent;

	if (ip->fi_state != FI_FILE || ip->fi_names != 0 ||
	    (ip->fi_flags & FI_SYSTEM) != 0)
		return;
	if (ip->fi_nlink > 0) {
		if (fsck_reconnect(f, ino, ip->fi_type, &parent) != 0)
			ip->fi_names = 1;
		return;
	}
	fsck_problem(f, "unlinked", 0, ino,
	    "a removed file that was still open: freed");
	fsck_remove(f, ino);
	f->rep->files--;
}

static void
fsck_link(struct fsck *f, uint64_t ino, struct fsck_ino *ip)
{
	struct fsck_node n;

	if (ip->fi_state == FI_FREE || ip->fi_names == ip->fi_nlink ||
	    ip->fi_names == 0 || (ip->fi_flags & FI_SUNATTR) != 0)
		return;
	fsck_problem(f, "link-count", 0, ino, "%d links, %d names",
	    ip->fi_nlink, ip->fi_names);
	fsck_node_get(f, ino, &n);
	fsck_set_nlink(&n, ip->fi_names);
	fsck_node_put(&n);
}

/* First names, then counts: lost+found may have been made meanwhile. */
void
fsck_links(struct fsck *f)
{
	static void (*const rounds[])(struct fsck *, uint64_t,
	    struct fsck_ino *) = { fsck_nameless, fsck_link };

	for (int k = 0; k < 2; k++) {
		fsck_phase(f, 4, f->fs->fs_ncg);
		for (uint32_t c = 0; c < f->fs->fs_ncg && f->fatal == 0; c++) {
			fsck_tick(f, c);
			for (uint32_t i = 0; f->ino[c] != NULL &&
			    i < f->fs->fs_ipg; i++)
				rounds[k](f, (uint64_t)c * f->fs->fs_ipg + i,
				    &f->ino[c][i]);
		}
	}
}
