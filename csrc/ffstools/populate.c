/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where the files of a new file system go, and copying them there.
 *
 * The layout is made in memory, from the first group to the last: each
 * directory, its files in the order of their names, then what is below it.
 * The tails of files share blocks.  What is to be copied becomes a list of
 * segments in the order of the disk, which several threads then fill and write
 * in large pieces.
 */

#include <sys/stat.h>

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ffstools.h"

#define	FFT_NONE	UINT32_MAX
#define	FFT_PIECE	(1 << 20)	/* of what is written at once, bytes */
#define	FFT_MAXTHREADS	8
#define	FFT_MAXPATH	4096	/* of Linux, with the NUL */
#define	FFT_LOGFLAG	0x400000	/* SF_LOG */

struct fft_segment {
	int64_t		at;		/* on the disk, bytes */
	int64_t		length;
	const void	*memory;	/* or */
	uint32_t	inode;		/* of the tree, and where in the file */
	int64_t		source;
};

struct fft_layout {
	struct fft_disk	*d;
	const struct fft_newfs *p;
	struct fs	fs;
	bool		swap;
	bool		dry;		/* counts blocks only */
	struct fft_tree	*tree;
	uint8_t		*used;		/* a bit for each fragment */
	uint8_t		*inoused;
	uint32_t	*inext;		/* of each group: inodes taken */
	uint32_t	*ndir;
	int64_t		blk;		/* next block to look at */
	int64_t		nblks;
	int64_t		taken;		/* whole blocks */
	int64_t		tail[FFS_MAXFRAG + 1];	/* free ends of blocks */
	uint64_t	inos;		/* dry: how many */
	struct fft_segment *seg;
	size_t		nseg, maxseg;
	void		**mem;		/* indirect blocks */
	size_t		nmem, maxmem;
	struct fft_inode journal;
	int64_t		now;
	int64_t		files;
};

/* While the blocks of one file are set. */
struct fft_filler {
	struct fft_layout *l;
	struct fft_inode *ip;
	uint32_t	idx;
	void		*ind[UFS_NIADDR];	/* open indirect blocks */
	int64_t		first[UFS_NIADDR];	/* first block each maps */
	int64_t		frags;
};

static int
fft_nomem(struct fft_layout *l)
{
	return fft_fail(l->d, ENOMEM, "out of memory");
}

/* Space. */

static int
fft_take_block(struct fft_layout *l, int64_t *fragp)
{
	const struct fs *fs = &l->fs;

	l->taken++;
	if (l->dry) {
		*fragp = l->taken << fs->fs_fragshift;
		return 0;
	}
	while (l->blk < l->nblks &&
	    fft_blkbits(l->used, fs->fs_frag, (uint64_t)l->blk) != 0)
		l->blk++;
	if (l->blk >= l->nblks)
		return fft_fail(l->d, ENOSPC, "the tree does not fit into "
		    "%lld bytes", (long long)l->d->size);
	*fragp = l->blk++ << fs->fs_fragshift;
	for (int i = 0; i < fs->fs_frag; i++)
		fft_setbit(l->used, (uint64_t)(*fragp + i));
	return 0;
}

/* n fragments: the end of a block that has enough left, or a new one. */
static int
fft_take_frags(struct fft_layout *l, int n, int64_t *fragp)
{
	const int frag = l->fs.fs_frag;
	int have = frag, error;

	if (n == frag)
		return fft_take_block(l, fragp);
	for (int i = n; i < frag; i++)
		if (l->tail[i] != 0) {
			have = i;
			break;
		}
	if (have < frag) {
		*fragp = l->tail[have];
		l->tail[have] = 0;
	} else {
		error = fft_take_block(l, fragp);
		if (error != 0)
			return error;
		if (!l->dry)
			for (int i = 0; i < frag; i++)
				fft_clrbit(l->used, (uint64_t)(*fragp + i));
	}
	if (!l->dry)
		for (int i = 0; i < n; i++)
			fft_setbit(l->used, (uint64_t)(*fragp + i));
	if (have > n)
		l->tail[have - n] = *fragp + n;
	return 0;
}

static int
fft_take_inode(struct fft_layout *l, bool isdir, uint32_t *inop)
{
	const struct fs *fs = &l->fs;
	uint32_t c;

	if (l->dry) {
		*inop = (uint32_t)++l->inos;
		return 0;
	}
	c = l->blk < l->nblks ?
	    FFS_DTOG(fs, l->blk << fs->fs_fragshift) : 0;
	for (uint32_t i = 0; i < fs->fs_ncg; i++, c = (c + 1) % fs->fs_ncg) {
		if (l->inext[c] == fs->fs_ipg)
			continue;
		*inop = c * fs->fs_ipg + l->inext[c]++;
		fft_setbit(l->inoused, *inop);
		l->ndir[c] += isdir;
		return 0;
	}
	return fft_fail(l->d, ENOSPC, "too few inodes for the tree");
}

/* What is to be written. */

static const char fft_zeros[FFS_MAXBSIZE];

/* From memory, or from a file of the tree. */
static int
fft_segment_at(struct fft_layout *l, int64_t at, int64_t length,
    const void *memory, uint32_t inode, int64_t source)
{
	struct fft_segment *s;

	if (l->dry || length == 0)
		return 0;
	if (l->nseg > 0 && memory == NULL) {
		s = &l->seg[l->nseg - 1];
		if (s->memory == NULL && s->inode == inode &&
		    s->at + s->length == at &&
		    s->source + s->length == source) {
			s->length += length;
			return 0;
		}
	}
	if (l->nseg == l->maxseg) {
		const size_t n = l->maxseg == 0 ? 1024 : 2 * l->maxseg;

		s = realloc(l->seg, n * sizeof(*s));
		if (s == NULL)
			return fft_nomem(l);
		l->seg = s;
		l->maxseg = n;
	}
	s = &l->seg[l->nseg++];
	s->at = at;
	s->length = length;
	s->memory = memory;
	s->inode = inode;
	s->source = source;
	return 0;
}

static int
fft_segment_add(struct fft_layout *l, int64_t frag, int64_t length,
    const void *memory, uint32_t inode, int64_t source)
{
	return fft_segment_at(l, frag << l->fs.fs_fshift, length, memory,
	    inode, source);
}

static void *
fft_memory(struct fft_layout *l, size_t size)
{
	if (l->nmem == l->maxmem) {
		const size_t n = l->maxmem == 0 ? 64 : 2 * l->maxmem;
		void **p = realloc(l->mem, n * sizeof(*p));

		if (p == NULL)
			return NULL;
		l->mem = p;
		l->maxmem = n;
	}
	l->mem[l->nmem] = calloc(1, size);
	return l->mem[l->nmem] == NULL ? NULL : l->mem[l->nmem++];
}

/* A new indirect block; *fragp is where. */
static int
fft_new_indirect(struct fft_filler *f, int64_t *fragp, void **datap)
{
	struct fft_layout *l = f->l;
	int error = fft_take_block(l, fragp);

	if (error != 0)
		return error;
	f->frags += l->fs.fs_frag;
	*datap = l->used;		/* dry: anything but NULL */
	if (l->dry)
		return 0;
	*datap = fft_memory(l, (size_t)l->fs.fs_bsize);
	if (*datap == NULL)
		return fft_nomem(l);
	return fft_segment_add(l, *fragp, l->fs.fs_bsize, *datap, FFT_NONE,
	    0);
}

static void
fft_store_pointer(struct fft_layout *l, void *block, int64_t i, int64_t v)
{
	if (l->dry)
		return;
	if (ffs_isufs2(&l->fs))
		((uint64_t *)block)[i] = ffs_rw64((uint64_t)v, l->swap);
	else
		((uint32_t *)block)[i] = ffs_rw32((uint32_t)v, l->swap);
}

/*
 * Make block lbn of the file lie at a fragment.  Blocks come in ascending
 * order, so one open indirect block of each level is enough.
 */
static int
fft_set_pointer(struct fft_filler *f, int64_t lbn, int64_t frag)
{
	struct fft_layout *l = f->l;
	const int64_t n = l->fs.fs_nindir;
	int64_t rel = lbn - UFS_NDADDR, span = n, base = UFS_NDADDR;
	int level = 0, error;

	if (lbn < UFS_NDADDR) {
		f->ip->db[lbn] = frag;
		return 0;
	}
	while (rel >= span) {
		rel -= span;
		base += span;
		span *= n;
		if (++level == UFS_NIADDR)
			return fft_fail(l->d, EFBIG, "too large a file");
	}
	/* From the top: ind[k] maps n^(k+1) blocks from first[k] on. */
	for (int k = level; k >= 0; k--, span /= n) {
		const int64_t first = base + rel / span * span;
		int64_t where;
		void *data;

		if (f->ind[k] != NULL && f->first[k] == first)
			continue;
		error = fft_new_indirect(f, &where, &data);
		if (error != 0)
			return error;
		if (k == level)
			f->ip->ib[level] = where;
		else
			fft_store_pointer(l, f->ind[k + 1],
			    (first - f->first[k + 1]) / span, where);
		f->ind[k] = data;
		f->first[k] = first;
		for (int j = 0; j < k; j++)
			f->ind[j] = NULL;
	}
	fft_store_pointer(l, f->ind[0], lbn - f->first[0], frag);
	return 0;
}

/* Take one block of a file: it holds from this file offset on. */
static int
fft_fill_block(struct fft_filler *f, int64_t lbn, const void *memory,
    int64_t source, int64_t wanted)
{
	struct fft_layout *l = f->l;
	const struct fs *fs = &l->fs;
	const int64_t off = lbn << fs->fs_bshift;
	int64_t length = f->ip->st.size - off, frag;
	int n = fs->fs_frag, error;

	if (length > fs->fs_bsize)
		length = fs->fs_bsize;
	if (lbn < UFS_NDADDR)
		n = (int)((length + fs->fs_fsize - 1) >> fs->fs_fshift);
	/* As NetBSD: an indirect block lies before what it maps. */
	if (lbn >= UFS_NDADDR) {
		error = fft_set_pointer(f, lbn, 0);
		if (error != 0)
			return error;
	}
	error = fft_take_frags(l, n, &frag);
	if (error == 0)
		error = fft_set_pointer(f, lbn, frag);
	if (error != 0)
		return error;
	f->frags += n;
	if (memory != NULL)
		return fft_segment_add(l, frag, length,
		    (const char *)memory + off, FFT_NONE, 0);
	return fft_segment_add(l, frag, wanted < length ? wanted : length,
	    NULL, f->idx, source);
}

/* A file without holes. */
static int
fft_fill_dense(struct fft_filler *f, const void *memory)
{
	const struct fs *fs = &f->l->fs;
	const int64_t n = (f->ip->st.size + fs->fs_bsize - 1) >> fs->fs_bshift;
	int error = 0;

	for (int64_t lbn = 0; lbn < n && error == 0; lbn++)
		error = fft_fill_block(f, lbn, memory, lbn << fs->fs_bshift,
		    fs->fs_bsize);
	return error;
}

/*
 * A block that extents reach into may have several pieces and gaps; what is
 * not in any is zero.
 */
static int
fft_fill_pieces(struct fft_filler *f, int64_t lbn, uint32_t *ei)
{
	const struct fs *fs = &f->l->fs;
	const int64_t from = lbn << fs->fs_bshift;
	const struct fft_extent *e = f->ip->extents;
	struct fft_inode *ip = f->ip;
	int64_t frag, base, at = from, to = from + fs->fs_bsize;
	int error;

	if (to > ip->st.size)
		to = ip->st.size;
	error = fft_fill_block(f, lbn, NULL, 0, 0);
	if (error != 0 || f->l->dry)
		return error;
	if (lbn < UFS_NDADDR)
		frag = ip->db[lbn];
	else if (ffs_isufs2(fs))
		frag = (int64_t)ffs_rw64(((uint64_t *)f->ind[0])[lbn -
		    f->first[0]], f->l->swap);
	else
		frag = (int32_t)ffs_rw32(((uint32_t *)f->ind[0])[lbn -
		    f->first[0]], f->l->swap);
	base = frag << fs->fs_fshift;
	while (*ei < ip->nextents && e[*ei].at + e[*ei].length <= from)
		++*ei;
	for (uint32_t i = *ei; i < ip->nextents && e[i].at < to &&
	    error == 0; i++) {
		const int64_t a = e[i].at > from ? e[i].at : from;
		int64_t b = e[i].at + e[i].length;

		if (b > to)
			b = to;
		if (b <= a)
			continue;
		error = fft_segment_at(f->l, base + a - from, b - a, NULL,
		    f->idx, e[i].source + (a - e[i].at));
		if (error == 0 && a > at)
			error = fft_segment_at(f->l, base + at - from,
			    a - at, fft_zeros, FFT_NONE, 0);
		at = b;
	}
	if (error == 0 && to > at)
		error = fft_segment_at(f->l, base + at - from, to - at,
		    fft_zeros, FFT_NONE, 0);
	return error;
}

/* A file with holes: blocks with data, and always the last one. */
static int
fft_fill_sparse(struct fft_filler *f)
{
	const struct fs *fs = &f->l->fs;
	const struct fft_inode *ip = f->ip;
	const int64_t last = (ip->st.size - 1) >> fs->fs_bshift;
	uint32_t ei = 0;
	int64_t next = 0;
	int error = 0;

	if (ip->st.size == 0)
		return 0;
	for (uint32_t i = 0; i < ip->nextents && error == 0; i++) {
		int64_t lbn = ip->extents[i].at >> fs->fs_bshift;
		const int64_t end = (ip->extents[i].at +
		    ip->extents[i].length - 1) >> fs->fs_bshift;

		if (lbn < next)
			lbn = next;
		for (; lbn <= end && lbn <= last && error == 0; lbn++)
			error = fft_fill_pieces(f, lbn, &ei);
		if (lbn > next)
			next = lbn;
	}
	if (error == 0 && next <= last)
		error = fft_fill_pieces(f, last, &ei);
	return error;
}

/* Directories. */

static size_t
fft_dirent_put(uint8_t *dir, size_t *at, size_t *prev, size_t namelen)
{
	const size_t need = UFS_DIRSIZ(namelen);
	const size_t end = (*at + UFS_DIRBLKSIZ - 1) / UFS_DIRBLKSIZ *
	    UFS_DIRBLKSIZ;
	size_t off = *at;

	if (off + need > end) {
		/* The entry before takes what is left of its block. */
		if (dir != NULL && off > 0)
			((struct direct *)(void *)(dir + *prev))->d_reclen =
			    (uint16_t)(end - *prev);
		off = end;
	}
	*prev = off;
	*at = off + need;
	return off;
}

static void
fft_dirent_set(uint8_t *dir, size_t off, uint32_t ino, uint32_t mode,
    const char *name, size_t namelen)
{
	struct direct *e = (struct direct *)(void *)(dir + off);

	e->d_ino = ino;
	e->d_reclen = (uint16_t)UFS_DIRSIZ(namelen);
	e->d_type = (uint8_t)((mode & S_IFMT) >> 12);
	e->d_namlen = (uint8_t)namelen;
	memcpy(e->d_name, name, namelen);
}

/* Bytes of a directory. */
static int64_t
fft_dir_size(const struct fft_tree *t, const struct fft_node *n)
{
	size_t at = 24, prev = 12;

	for (uint32_t c = n->child; c != FFT_NONE; c = t->node[c].next)
		(void)fft_dirent_put(NULL, &at, &prev, t->node[c].namelen);
	return (int64_t)((at + UFS_DIRBLKSIZ - 1) / UFS_DIRBLKSIZ *
	    UFS_DIRBLKSIZ);
}

static void
fft_dir_swap(uint8_t *dir, size_t size)
{
	for (size_t at = 0; at < size; ) {
		struct direct *e = (struct direct *)(void *)(dir + at);

		at += e->d_reclen;
		e->d_ino = __builtin_bswap32(e->d_ino);
		e->d_reclen = __builtin_bswap16(e->d_reclen);
	}
}

/* The contents, once all inodes have their numbers. */
static void
fft_dir_fill(struct fft_layout *l, uint32_t node)
{
	const struct fft_tree *t = l->tree;
	const struct fft_node *n = &t->node[node];
	struct fft_inode *ip = &t->inode[n->inode];
	size_t at = 24, prev = 12;

	fft_dirent_set(ip->dir, 0, ip->ino, S_IFDIR, ".", 1);
	fft_dirent_set(ip->dir, 12, t->inode[t->node[n->parent].inode].ino,
	    S_IFDIR, "..", 2);
	for (uint32_t c = n->child; c != FFT_NONE; c = t->node[c].next) {
		const struct fft_node *cn = &t->node[c];
		const size_t off = fft_dirent_put(ip->dir, &at, &prev,
		    cn->namelen);

		fft_dirent_set(ip->dir, off, t->inode[cn->inode].ino,
		    t->inode[cn->inode].st.mode, cn->name, cn->namelen);
	}
	((struct direct *)(void *)(ip->dir + prev))->d_reclen =
	    (uint16_t)((size_t)ip->st.size - prev);
	if (l->swap)
		fft_dir_swap(ip->dir, (size_t)ip->st.size);
}

static int
fft_place_dir(struct fft_layout *l, struct fft_filler *f, uint32_t node)
{
	struct fft_inode *ip = f->ip;
	const struct fft_tree *t = l->tree;
	uint32_t subdirs = 0;

	for (uint32_t c = t->node[node].child; c != FFT_NONE;
	    c = t->node[c].next)
		subdirs += S_ISDIR(t->inode[t->node[c].inode].st.mode);
	ip->nlink = 2 + subdirs;
	if (ip->nlink > UFS_LINK_MAX)
		return fft_fail(l->d, EMLINK, "a directory has %u "
		    "subdirectories: 32765 is the limit", subdirs);
	ip->st.size = fft_dir_size(t, &t->node[node]);
	if (!l->dry) {
		ip->dir = calloc(1, (size_t)ip->st.size);
		if (ip->dir == NULL)
			return fft_nomem(l);
	}
	return fft_fill_dense(f, l->dry ? (void *)l : ip->dir);
}

/* Inode and contents of one file. */
static int
fft_place(struct fft_layout *l, uint32_t node)
{
	struct fft_tree *t = l->tree;
	const uint32_t idx = t->node[node].inode;
	struct fft_inode *ip = &t->inode[idx];
	struct fft_filler f = { .l = l, .ip = ip, .idx = idx };
	int error;

	error = fft_take_inode(l, S_ISDIR(ip->st.mode), &ip->ino);
	if (error != 0)
		return error;
	memset(ip->db, 0, sizeof(ip->db));
	memset(ip->ib, 0, sizeof(ip->ib));
	l->files++;
	if ((uint64_t)ip->st.size > l->fs.fs_maxfilesize)
		return fft_fail(l->d, EFBIG, "%s: too large for this format",
		    t->node[node].name);
	if (S_ISDIR(ip->st.mode))
		error = fft_place_dir(l, &f, node);
	else if (S_ISLNK(ip->st.mode) && ip->st.size >= FFT_MAXPATH)
		error = fft_fail(l->d, ENAMETOOLONG, "%s: a symbolic link of "
		    "%lld bytes: 4095 is the limit", t->node[node].name,
		    (long long)ip->st.size);
	else if (S_ISLNK(ip->st.mode) &&
	    ip->st.size >= l->fs.fs_maxsymlinklen)
		error = fft_fill_dense(&f, ip->target);
	else if (S_ISREG(ip->st.mode))
		error = ip->extents != NULL ? fft_fill_sparse(&f) :
		    fft_fill_dense(&f, NULL);
	ip->blocks = f.frags << l->fs.fs_fsbtodb;
	return error;
}

/* The journal: one run of blocks, before all other files. */
static int
fft_place_journal(struct fft_layout *l)
{
	struct fs *fs = &l->fs;
	struct fft_filler f = { .l = l, .ip = &l->journal, .idx = FFT_NONE };
	const int64_t n = (l->p->log + fs->fs_bsize - 1) >> fs->fs_bshift;
	int64_t run = 0, longest = 0, b;
	int error;

	error = fft_take_inode(l, false, &l->journal.ino);
	if (error != 0)
		return error;
	for (b = l->blk; !l->dry && b < l->nblks && run < n; b++) {
		run = fft_blkbits(l->used, fs->fs_frag, (uint64_t)b) == 0 ?
		    run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	if (!l->dry && run < n)
		return fft_fail(l->d, ENOSPC, "no %lld bytes in one piece for "
		    "the journal: between the maps of cylinder groups are "
		    "%lld; larger blocks make larger groups",
		    (long long)l->p->log,
		    (long long)(longest << fs->fs_bshift));
	b = l->dry ? 1 : (b - n) << fs->fs_fragshift;
	for (int64_t i = 0; !l->dry && i < n << fs->fs_fragshift; i++)
		fft_setbit(l->used, (uint64_t)(b + i));
	l->taken += n;
	for (int64_t lbn = 0; lbn < n && error == 0; lbn++)
		error = fft_set_pointer(&f, lbn,
		    b + (lbn << fs->fs_fragshift));
	/* Whatever lay there is no journal. */
	if (error == 0)
		error = fft_segment_add(l, b, fs->fs_bsize, fft_zeros,
		    FFT_NONE, 0);
	l->journal.st.mode = S_IFREG | 0400;
	l->journal.st.flags = FFT_LOGFLAG;
	l->journal.st.size = n << fs->fs_bshift;
	for (int i = 0; i < 4; i++)
		l->journal.st.time[i] = l->now;
	l->journal.nlink = 1;
	l->journal.blocks = (f.frags + (n << fs->fs_fragshift)) <<
	    fs->fs_fsbtodb;
	fs->fs_journal_version = FFS_JOURNAL_VERSION;
	fs->fs_journal_location = FFS_JOURNAL_INFS;
	fs->fs_journallocs[0] = (uint64_t)FFS_FSBTODB(fs, b);
	fs->fs_journallocs[1] = (uint64_t)(n << fs->fs_bshift) >>
	    FFS_DEV_BSHIFT;
	fs->fs_journallocs[2] = 1 << FFS_DEV_BSHIFT;
	fs->fs_journallocs[3] = l->journal.ino;
	return error;
}

/* Everything: a directory, its files, its directories. */
static int
fft_place_all(struct fft_layout *l)
{
	struct fft_tree *t = l->tree;
	uint32_t *stack = malloc((t->nnodes + 1) * sizeof(*stack));
	size_t n = 0;
	int error = 0;

	if (stack == NULL)
		return fft_nomem(l);
	stack[n++] = 0;
	while (n > 0 && error == 0) {
		const uint32_t node = stack[--n];
		size_t from = n;

		error = fft_place(l, node);
		if (node == 0 && error == 0 && l->p->log > 0)
			error = fft_place_journal(l);
		for (uint32_t c = t->node[node].child; c != FFT_NONE &&
		    error == 0; c = t->node[c].next) {
			const struct fft_inode *ip =
			    &t->inode[t->node[c].inode];

			if (S_ISDIR(ip->st.mode))
				stack[n++] = c;
			else if (ip->node == c)
				error = fft_place(l, c);
		}
		/* The first is to come out first. */
		for (size_t to = n; from + 1 < to; from++, to--) {
			const uint32_t c = stack[from];

			stack[from] = stack[to - 1];
			stack[to - 1] = c;
		}
	}
	free(stack);
	return error;
}

/* How many blocks the tree needs, with such blocks and fragments. */
int
fft_layout_count(struct fft_disk *d, const struct fft_newfs *p,
    struct fft_tree *t, int32_t bsize, int32_t fsize, int64_t *blocks)
{
	struct fft_layout l = { .d = d, .p = p, .tree = t, .dry = true };
	struct fs *fs = &l.fs;
	int error;

	fs->fs_magic = p->version == 2 ? FFS_UFS2_MAGIC : FFS_UFS1_MAGIC;
	fs->fs_bsize = bsize;
	fs->fs_fsize = fsize;
	fs->fs_frag = bsize / fsize;
	fs->fs_bshift = __builtin_ctz((unsigned)bsize);
	fs->fs_fshift = __builtin_ctz((unsigned)fsize);
	fs->fs_fragshift = fs->fs_bshift - fs->fs_fshift;
	fs->fs_fsbtodb = fs->fs_fshift - FFS_DEV_BSHIFT;
	fs->fs_nindir = bsize / (p->version == 2 ? 8 : 4);
	fs->fs_maxfilesize = INT64_MAX;
	fs->fs_maxsymlinklen = p->version == 2 ? UFS2_MAXSYMLINKLEN :
	    UFS1_MAXSYMLINKLEN;
	l.used = (uint8_t *)&l;		/* stands for an indirect block */
	error = fft_place_all(&l);
	*blocks = l.taken;
	return error;
}

int
fft_layout_make(struct fft_disk *d, const struct fft_newfs *p,
    const struct fs *fs, struct fft_tree *t, struct fft_layout **lp)
{
	struct fft_layout *l = calloc(1, sizeof(*l));
	const uint64_t inodes = (uint64_t)fs->fs_ipg * fs->fs_ncg;
	int error;

	*lp = l;
	if (l == NULL)
		return fft_fail(d, ENOMEM, "out of memory");
	l->d = d;
	l->p = p;
	l->fs = *fs;
	l->tree = t;
	l->swap = p->big_endian != 0;
	l->now = fs->fs_time;
	l->nblks = fs->fs_size >> fs->fs_fragshift;
	l->used = calloc(1, (size_t)fs->fs_size / 8 + 16);
	l->inoused = calloc(1, (size_t)inodes / 8 + 16);
	l->inext = calloc(fs->fs_ncg, sizeof(*l->inext));
	l->ndir = calloc(fs->fs_ncg, sizeof(*l->ndir));
	if (l->used == NULL || l->inoused == NULL || l->inext == NULL ||
	    l->ndir == NULL)
		return fft_nomem(l);
	fft_reserve(fs, l->used);
	fft_setbit(l->inoused, 0);
	fft_setbit(l->inoused, 1);
	l->inext[0] = UFS_ROOTINO;
	error = fft_place_all(l);
	if (error != 0)
		return error;
	for (uint32_t i = 0; i < t->nnodes; i++)
		if (S_ISDIR(t->inode[t->node[i].inode].st.mode))
			fft_dir_fill(l, i);
	return 0;
}

void
fft_layout_free(struct fft_layout *l)
{
	if (l == NULL)
		return;
	for (size_t i = 0; i < l->nmem; i++)
		free(l->mem[i]);
	free(l->mem);
	free(l->seg);
	free(l->used);
	free(l->inoused);
	free(l->inext);
	free(l->ndir);
	free(l);
}

/* Inodes. */

/* A date as far as it is not later than the one that was asked for. */
static void
fft_times(const struct fft_layout *l, const struct fft_stat *st,
    int64_t time[4], int32_t nsec[4])
{
	for (int i = 0; i < 4; i++) {
		/* A fixed date: what the host changes by itself is left out. */
		const int k = l->p->date == INT64_MIN ? i : 1;

		time[i] = st->time[k];
		nsec[i] = st->nsec[k];
		if (st->time[0] == INT64_MIN || (l->p->date != INT64_MIN &&
		    time[i] >= l->now)) {
			time[i] = l->now;
			nsec[i] = 0;
		}
	}
}

/* NetBSD's dev_t. */
static uint64_t
fft_device(const struct fft_stat *st)
{
	return ((uint64_t)(st->major << 8) & 0xfff00) |
	    ((uint64_t)(st->minor << 12) & 0xfff00000) | (st->minor & 0xff);
}

static int32_t
fft_generation(const struct fft_layout *l, uint32_t ino)
{
	uint64_t x = ((uint64_t)l->p->fsid << 32 | ino) *
	    0x9e3779b97f4a7c15ULL;

	x ^= x >> 29;
	x *= 0xbf58476d1ce4e5b9ULL;
	return (int32_t)(x >> 33 | 1);
}

static int32_t
fft_time32(int64_t t)
{
	return t > INT32_MAX ? INT32_MAX : t < INT32_MIN ? INT32_MIN :
	    (int32_t)t;
}

static void
fft_encode2(const struct fft_layout *l, const struct fft_inode *ip,
    struct ufs2_dinode *dp)
{
	int64_t time[4];
	int32_t nsec[4];

	fft_times(l, &ip->st, time, nsec);
#define	PUT16(m, v)	(dp->m = ffs_rw16((uint16_t)(v), l->swap))
#define	PUT32(m, v)	(dp->m = ffs_rw32((uint32_t)(v), l->swap))
#define	PUT64(m, v)	(dp->m = ffs_rw64((uint64_t)(v), l->swap))
	PUT16(di_mode, ip->st.mode);
	PUT16(di_nlink, ip->nlink);
	PUT32(di_uid, ip->st.uid);
	PUT32(di_gid, ip->st.gid);
	PUT32(di_blksize, l->fs.fs_bsize);
	PUT64(di_size, ip->st.size);
	PUT64(di_blocks, ip->blocks);
	PUT64(di_atime, time[0]);
	PUT64(di_mtime, time[1]);
	PUT64(di_ctime, time[2]);
	PUT64(di_birthtime, time[3]);
	PUT32(di_atimensec, nsec[0]);
	PUT32(di_mtimensec, nsec[1]);
	PUT32(di_ctimensec, nsec[2]);
	PUT32(di_birthnsec, nsec[3]);
	PUT32(di_gen, fft_generation(l, ip->ino));
	PUT32(di_flags, ip->st.flags);
	for (int i = 0; i < UFS_NDADDR; i++)
		PUT64(di_db[i], ip->db[i]);
	for (int i = 0; i < UFS_NIADDR; i++)
		PUT64(di_ib[i], ip->ib[i]);
	if (S_ISCHR(ip->st.mode) || S_ISBLK(ip->st.mode))
		PUT64(di_db[0], fft_device(&ip->st));
	if (S_ISLNK(ip->st.mode) && ip->blocks == 0)
		memcpy(dp->di_db, ip->target, (size_t)ip->st.size);
}

static void
fft_encode1(const struct fft_layout *l, const struct fft_inode *ip,
    struct ufs1_dinode *dp)
{
	int64_t time[4];
	int32_t nsec[4];

	fft_times(l, &ip->st, time, nsec);
	PUT16(di_mode, ip->st.mode);
	PUT16(di_nlink, ip->nlink);
	PUT16(di_oldids[0], ip->st.uid > 0xffff ? 0xffff : ip->st.uid);
	PUT16(di_oldids[1], ip->st.gid > 0xffff ? 0xffff : ip->st.gid);
	PUT64(di_size, ip->st.size);
	PUT32(di_atime, fft_time32(time[0]));
	PUT32(di_mtime, fft_time32(time[1]));
	PUT32(di_ctime, fft_time32(time[2]));
	PUT32(di_atimensec, nsec[0]);
	PUT32(di_mtimensec, nsec[1]);
	PUT32(di_ctimensec, nsec[2]);
	PUT32(di_flags, ip->st.flags);
	PUT32(di_blocks, ip->blocks);
	PUT32(di_gen, fft_generation(l, ip->ino));
	PUT32(di_uid, ip->st.uid);
	PUT32(di_gid, ip->st.gid);
	for (int i = 0; i < UFS_NDADDR; i++)
		PUT32(di_db[i], ip->db[i]);
	for (int i = 0; i < UFS_NIADDR; i++)
		PUT32(di_ib[i], ip->ib[i]);
	if (S_ISCHR(ip->st.mode) || S_ISBLK(ip->st.mode))
		PUT32(di_db[0], fft_device(&ip->st));
	if (S_ISLNK(ip->st.mode) && ip->blocks == 0)
		memcpy(dp->di_db, ip->target, (size_t)ip->st.size);
}

static int
fft_by_number(const void *a, const void *b)
{
	const struct fft_inode *x = *(const struct fft_inode *const *)a;
	const struct fft_inode *y = *(const struct fft_inode *const *)b;

	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

/* Inodes of a group that are written: what is used, and a little more. */
static uint32_t
fft_inited(const struct fft_layout *l, uint32_t c)
{
	const struct fs *fs = &l->fs;
	uint32_t n = (l->inext[c] + fs->fs_inopb - 1) / fs->fs_inopb *
	    fs->fs_inopb;

	if (n < 2 * fs->fs_inopb)
		n = 2 * fs->fs_inopb;
	if (n > fs->fs_ipg || !ffs_isufs2(fs))
		n = fs->fs_ipg;
	return n;
}

/* The inodes of a group, from list on. */
static int
fft_write_inodes(struct fft_layout *l, uint32_t c, struct fft_inode ***list,
    struct fft_inode **end, uint8_t *buf)
{
	const struct fs *fs = &l->fs;
	const size_t size = (size_t)fs->fs_bsize / fs->fs_inopb;
	const uint32_t step = FFT_PIECE / (uint32_t)size;
	uint32_t n = fft_inited(l, c);
	int error = 0;

	/* On a disk of zeros only what is used has to be written. */
	if (l->d->fresh && n > l->inext[c])
		n = (l->inext[c] + fs->fs_inopb - 1) / fs->fs_inopb *
		    fs->fs_inopb;
	for (uint32_t i = 0; i < n && error == 0; i += step) {
		const uint32_t m = n - i < step ? n - i : step;
		const uint64_t first = (uint64_t)c * fs->fs_ipg + i;

		memset(buf, 0, m * size);
		for (; *list < end && (**list)->ino < first + m; ++*list) {
			void *dp = buf + ((**list)->ino - first) * size;

			if (ffs_isufs2(fs))
				fft_encode2(l, **list, dp);
			else
				fft_encode1(l, **list, dp);
		}
		error = fft_write(l->d, (ffs_cgimin(fs, c) << fs->fs_fshift) +
		    (int64_t)(i * size), buf, m * size);
	}
	return error;
}

/*
 * A superblock of what was here before, at one of the other places, could be
 * found first.
 */
static int
fft_wipe_supers(struct fft_layout *l)
{
	static const int64_t places[] = FFS_SBLOCKSEARCH;
	static const uint32_t none;
	int error = 0;

	for (int i = 0; places[i] >= 0 && error == 0 && !l->d->fresh; i++) {
		const int64_t at = places[i] +
		    (int64_t)offsetof(struct fs, fs_magic);
		struct fs probe = { 0 };
		uint32_t magic;

		if (places[i] == l->fs.fs_sblockloc ||
		    at + (int64_t)sizeof(magic) > l->d->size)
			continue;
		error = fft_read(l->d, at, &magic, sizeof(magic));
		for (int k = 0; k < 2 && error == 0; k++) {
			probe.fs_magic = (int32_t)ffs_rw32(magic, k != 0);
			if (probe.fs_magic == FFS_UFS1_MAGIC ||
			    ffs_isufs2(&probe))
				error = fft_write(l->d, at, &none,
				    sizeof(none));
		}
	}
	return error;
}

static int
fft_write_super(struct fft_layout *l)
{
	uint8_t buf[FFS_SBLOCKSIZE] = { 0 };
	struct fs *fs = &l->fs, back;
	const char *why;
	int error = 0;
	bool swap;

	if (!ffs_isufs2(fs)) {
		fs->fs_old_cstotal.cs_ndir = (int32_t)fs->fs_cstotal.cs_ndir;
		fs->fs_old_cstotal.cs_nbfree =
		    (int32_t)fs->fs_cstotal.cs_nbfree;
		fs->fs_old_cstotal.cs_nifree =
		    (int32_t)fs->fs_cstotal.cs_nifree;
		fs->fs_old_cstotal.cs_nffree =
		    (int32_t)fs->fs_cstotal.cs_nffree;
	}
	ffs_sb_encode(buf, fs, l->swap);
	if (ffs_sb_decode(&back, buf, fs->fs_sblockloc, l->d->size, &swap,
	    &why) != FFS_SB_OK)
		return fft_fail(l->d, EINVAL, "the new superblock has a bad "
		    "%s", why == NULL ? "magic" : why);
	for (uint32_t c = 0; c < fs->fs_ncg && error == 0; c++)
		error = fft_write(l->d, ffs_cgsblock(fs, c) << fs->fs_fshift,
		    buf, sizeof(buf));
	/* The one that makes it a file system comes last. */
	if (error == 0)
		error = fft_write(l->d, fs->fs_sblockloc, buf, sizeof(buf));
	return error;
}

/* Groups, inodes and summary. */
static int
fft_write_groups(struct fft_layout *l, struct fft_inode **list, size_t n)
{
	struct fs *fs = &l->fs;
	struct fft_inode **end = list + n;
	uint8_t *buf = malloc(FFT_PIECE);
	struct csum *sums = calloc(1, (size_t)fs->fs_cssize);
	struct fft_cgplaces places;
	int error = 0;

	fft_cg_places(fs, &places);
	if (buf == NULL || sums == NULL)
		error = fft_nomem(l);
	for (uint32_t c = 0; c < fs->fs_ncg && error == 0; c++) {
		struct fft_group g = {
			.cgx = c,
			.inoused = l->inoused + (size_t)c * fs->fs_ipg / 8,
			.used = l->used,
			.ndir = l->ndir[c],
			.inited = fft_inited(l, c),
			.time = l->now,
		};

		error = fft_write_inodes(l, c, &list, end, buf);
		if (error != 0)
			break;
		fft_copy_bits(buf + FFT_PIECE / 2, l->used,
		    (uint64_t)FFS_CGBASE(fs, c), ffs_cgfrags(fs, c));
		g.used = buf + FFT_PIECE / 2;
		fft_cg_build(fs, l->swap, &places, &g, buf, &sums[c]);
		error = fft_write(l->d, ffs_cgtod(fs, c) << fs->fs_fshift,
		    buf, (size_t)fs->fs_cgsize);
		fs->fs_cstotal.cs_ndir += sums[c].cs_ndir;
		fs->fs_cstotal.cs_nbfree += sums[c].cs_nbfree;
		fs->fs_cstotal.cs_nifree += sums[c].cs_nifree;
		fs->fs_cstotal.cs_nffree += sums[c].cs_nffree;
	}
	for (uint32_t i = 0; error == 0 && l->swap &&
	    i < fs->fs_ncg * 4; i++)
		((uint32_t *)sums)[i] =
		    __builtin_bswap32(((uint32_t *)sums)[i]);
	if (error == 0)
		error = fft_write(l->d, fs->fs_csaddr << fs->fs_fshift, sums,
		    (size_t)fs->fs_cssize);
	free(sums);
	free(buf);
	return error;
}

/* Copying. */

struct fft_copier {
	struct fft_layout *l;
	atomic_size_t	next;		/* segment */
	pthread_mutex_t	lock;
	atomic_int	error;
	atomic_llong	changed;
};

struct fft_source {			/* what a thread has open */
	uint32_t	inode;
	int		fd;
	bool		owned;
};

static int
fft_compare_segments(const void *a, const void *b)
{
	const struct fft_segment *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

static int
fft_source_open(struct fft_copier *c, struct fft_source *s, uint32_t inode)
{
	const struct fft_tree *t = c->l->tree;
	const struct fft_inode *ip = &t->inode[inode];
	char path[4096];

	if (s->inode == inode)
		return 0;
	if (s->owned)
		(void)close(s->fd);
	s->inode = inode;
	s->owned = ip->fd < 0;
	s->fd = ip->fd;
	if (s->fd >= 0)
		return 0;
	if (fft_tree_path(t, ip->node, path, sizeof(path)) == 0)
		return ENAMETOOLONG;
	s->fd = openat(t->top, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0) {
		const int error = errno;

		s->owned = false;
		s->inode = FFT_NONE;
		(void)pthread_mutex_lock(&c->lock);
		(void)fft_fail(c->l->d, error, "%s: %s", path,
		    strerror(error));
		(void)pthread_mutex_unlock(&c->lock);
		return error;
	}
	return 0;
}

/* Read what a segment wants; a file that got shorter ends with zeros. */
static int
fft_source_read(struct fft_copier *c, struct fft_source *s,
    const struct fft_segment *seg, int64_t skip, char *to, int64_t length)
{
	int error;

	if (seg->memory != NULL) {
		memcpy(to, (const char *)seg->memory + skip, (size_t)length);
		return 0;
	}
	error = fft_source_open(c, s, seg->inode);
	while (length > 0 && error == 0) {
		const ssize_t n = pread(s->fd, to, (size_t)length,
		    seg->source + skip);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno;
		if (n == 0) {
			memset(to, 0, (size_t)length);
			atomic_fetch_add(&c->changed, 1);
			break;
		}
		to += n;
		skip += n;
		length -= n;
	}
	return error;
}

/* Write what was gathered, the last fragment to its end. */
static int
fft_copy_flush(const struct fft_layout *l, int64_t start, int64_t at,
    char *buf)
{
	const int64_t pad = -at & (l->fs.fs_fsize - 1);

	if (at == start)
		return 0;
	memset(buf + (at - start), 0, (size_t)pad);
	return fft_write(l->d, start, buf, (size_t)(at + pad - start));
}

/*
 * Fill and write the piece of the disk that begins with segment i.  Pieces end
 * at multiples of FFT_PIECE, where segments are divided; small gaps are free
 * fragments and become zeros.
 */
static int
fft_copy_piece(struct fft_copier *c, struct fft_source *s, size_t i,
    int64_t from, int64_t end, char *buf)
{
	const struct fft_layout *l = c->l;
	int64_t start = from, at = from;
	int error = 0;

	for (; i < l->nseg && l->seg[i].at < end && error == 0; i++) {
		const struct fft_segment *seg = &l->seg[i];
		const int64_t a = seg->at > from ? seg->at : from;
		int64_t b = seg->at + seg->length;

		if (b > end)
			b = end;
		if (a - at >= FFS_MAXBSIZE) {
			error = fft_copy_flush(l, start, at, buf);
			start = at = a;
		}
		if (a > at)
			memset(buf + (at - start), 0, (size_t)(a - at));
		if (error == 0)
			error = fft_source_read(c, s, seg, a - seg->at,
			    buf + (a - start), b - a);
		at = b;
	}
	if (error == 0)
		error = fft_copy_flush(l, start, at, buf);
	return error;
}

static void *
fft_copy_thread(void *arg)
{
	struct fft_copier *c = arg;
	const struct fft_layout *l = c->l;
	struct fft_source s = { .inode = FFT_NONE, .fd = -1 };
	char *buf = malloc(FFT_PIECE + FFS_MAXBSIZE);
	int error = buf == NULL ? ENOMEM : 0;

	while (error == 0 && atomic_load(&c->error) == 0) {
		size_t i, j;
		int64_t from, end, last;

		/* Take all segments up to the next border. */
		(void)pthread_mutex_lock(&c->lock);
		i = j = atomic_load(&c->next);
		from = end = last = 0;
		if (i < l->nseg) {
			from = l->seg[i].at;
			end = (from / FFT_PIECE + 1) * FFT_PIECE;
			last = from;
			while (j < l->nseg && l->seg[j].at < end) {
				last = l->seg[j].at + l->seg[j].length;
				j++;
			}
		}
		atomic_store(&c->next, j);
		(void)pthread_mutex_unlock(&c->lock);
		if (i >= l->nseg)
			break;
		error = fft_copy_piece(c, &s, i, from, end, buf);
		/* The last one may be a long file. */
		for (; error == 0 && last > end; end += FFT_PIECE)
			error = fft_copy_piece(c, &s, j - 1, end,
			    end + FFT_PIECE < last ? end + FFT_PIECE : last,
			    buf);
	}
	if (s.owned)
		(void)close(s.fd);
	free(buf);
	if (error != 0) {
		int none = 0;

		(void)atomic_compare_exchange_strong(&c->error, &none, error);
	}
	return NULL;
}

static int
fft_copy_all(struct fft_layout *l, struct fft_made *made)
{
	struct fft_copier c = { .l = l };
	pthread_t thread[FFT_MAXTHREADS];
	int n = l->p->threads != 0 ? l->p->threads :
	    (int)sysconf(_SC_NPROCESSORS_ONLN), started = 0;

	if (n > FFT_MAXTHREADS)
		n = FFT_MAXTHREADS;
	(void)pthread_mutex_init(&c.lock, NULL);
	qsort(l->seg, l->nseg, sizeof(*l->seg), fft_compare_segments);
	while (started + 1 < n && l->nseg > 64 &&
	    pthread_create(&thread[started], NULL, fft_copy_thread, &c) == 0)
		started++;
	(void)fft_copy_thread(&c);
	while (started > 0)
		(void)pthread_join(thread[--started], NULL);
	(void)pthread_mutex_destroy(&c.lock);
	made->changed = atomic_load(&c.changed);
	if (atomic_load(&c.error) != 0 && l->d->error[0] == '\0')
		(void)fft_fail(l->d, atomic_load(&c.error), "copying: %s",
		    strerror(atomic_load(&c.error)));
	return atomic_load(&c.error);
}

int
fft_layout_write(struct fft_layout *l, struct fft_made *made)
{
	struct fft_tree *t = l->tree;
	const struct fs *fs = &l->fs;
	struct fft_inode **list = malloc((t->ninodes + 1) * sizeof(*list));
	size_t n = 0;
	int error;

	if (list == NULL)
		return fft_nomem(l);
	for (; n < t->ninodes; n++)
		list[n] = &t->inode[n];
	if (l->p->log > 0)
		list[n++] = &l->journal;
	qsort(list, n, sizeof(*list), fft_by_number);
	l->d->error[0] = '\0';
	error = fft_wipe_supers(l);
	if (error == 0)
		error = fft_copy_all(l, made);
	if (error == 0)
		error = fft_write_groups(l, list, n);
	if (error == 0)
		error = fft_write_super(l);
	free(list);
	made->size = fs->fs_size << fs->fs_fshift;
	made->bsize = fs->fs_bsize;
	made->fsize = fs->fs_fsize;
	made->groups = fs->fs_ncg;
	made->inodes = (int64_t)fs->fs_ipg * fs->fs_ncg;
	made->used_inodes = made->inodes - fs->fs_cstotal.cs_nifree;
	made->free = ((fs->fs_cstotal.cs_nbfree << fs->fs_fragshift) +
	    fs->fs_cstotal.cs_nffree) << fs->fs_fshift;
	made->files = l->files;
	return error;
}
