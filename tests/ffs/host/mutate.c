/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Damage to images that knows where things are: superblock, groups, inodes in
 * use, directories, indirect blocks, areas of extended attributes, and of a
 * journal its heads and records, the blocks in it, and where it is noted.
 * A few integers are changed, to values that code is often wrong about; check
 * hashes are mostly made right again, so that the damage is looked at.
 */

#include <stdlib.h>
#include <string.h>
#include <ufs/ffs_format.h>

#include "mutate.h"

enum kind { SUPER, GROUP, INODE, DIRECTORY, INDIRECT, EXTATTR, JOURNAL, LOGGED,
    LOGPLACE, KINDS };

/* How often each kind is taken; the rest of 32 is anywhere. */
static const unsigned weight[KINDS] = { 2, 4, 7, 6, 3, 3, 2, 2, 1 };

struct region {
	uint64_t off;
	uint32_t len;
};

struct targets {
	struct fs	fs;
	bool		swap;
	uint64_t	sbloc;
	struct region	*list[KINDS];
	size_t		n[KINDS];
	size_t		room[KINDS];
	const uint8_t	*data;
	size_t		size;
};

static uint64_t state;

static uint32_t
rnd(uint32_t n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return n == 0 ? 0 : (uint32_t)(state >> 32) % n;
}

static void
add(struct targets *t, enum kind kind, uint64_t off, uint64_t len)
{
	if (len == 0 || off + len > t->size || len > UINT32_MAX)
		return;
	if (t->n[kind] == t->room[kind]) {
		t->room[kind] = t->room[kind] * 2 + 64;
		t->list[kind] = realloc(t->list[kind],
		    t->room[kind] * sizeof(struct region));
	}
	t->list[kind][t->n[kind]++] = (struct region){ off, (uint32_t)len };
}

static uint64_t
get(const struct targets *t, uint64_t off, int width)
{
	uint64_t v64;
	uint32_t v32;
	uint16_t v16;

	if (width == 2) {
		memcpy(&v16, t->data + off, 2);
		return ffs_rw16(v16, t->swap);
	}
	if (width == 4) {
		memcpy(&v32, t->data + off, 4);
		return ffs_rw32(v32, t->swap);
	}
	memcpy(&v64, t->data + off, 8);
	return ffs_rw64(v64, t->swap);
}

static void
add_indirect(struct targets *t, uint64_t block, int level, bool isdir)
{
	const int width = ffs_isufs2(&t->fs) ? 8 : 4;
	const uint64_t off = block * (uint64_t)t->fs.fs_fsize;

	if (block == 0 || off + (uint64_t)t->fs.fs_bsize > t->size)
		return;
	add(t, INDIRECT, off, (uint64_t)t->fs.fs_bsize);
	for (int i = 0; i < t->fs.fs_nindir; i++) {
		const uint64_t next = get(t, off + (uint64_t)(i * width),
		    width);

		if (next != 0 && level > 1)
			add_indirect(t, next, level - 1, isdir);
		else if (next != 0 && isdir)
			add(t, DIRECTORY, next * (uint64_t)t->fs.fs_fsize,
			    (uint64_t)t->fs.fs_bsize);
	}
}

static void
add_inode(struct targets *t, uint64_t off)
{
	const bool v2 = ffs_isufs2(&t->fs);
	const int width = v2 ? 8 : 4;
	const uint64_t mode = get(t, off, 2);
	const uint64_t db = off + (v2 ? offsetof(struct ufs2_dinode, di_db) :
	    offsetof(struct ufs1_dinode, di_db));
	const uint64_t size = get(t, off + (v2 ?
	    offsetof(struct ufs2_dinode, di_size) :
	    offsetof(struct ufs1_dinode, di_size)), 8);
	const bool isdir = (mode & 0170000) == 0040000;

	if (mode == 0)
		return;
	add(t, INODE, off, v2 ? 256 : 128);
	/* Once more: there are many files. */
	if (isdir)
		add(t, INODE, off, v2 ? 256 : 128);
	if (v2 && get(t, off + 92, 4) != 0)
		for (int i = 0; i < 2; i++)
			if (get(t, off + 96 + (uint64_t)i * 8, 8) != 0)
				add(t, EXTATTR, get(t, off + 96 +
				    (uint64_t)i * 8, 8) *
				    (uint64_t)t->fs.fs_fsize, 512);
	if (!isdir && (mode & 0170000) != 0100000)
		return;
	for (int i = 0; i < 12 && isdir; i++) {
		const uint64_t b = get(t, db + (uint64_t)(i * width), width);

		if (b != 0 && size > (uint64_t)i * (uint64_t)t->fs.fs_bsize)
			add(t, DIRECTORY, b * (uint64_t)t->fs.fs_fsize,
			    (uint64_t)t->fs.fs_fsize);
	}
	for (int i = 0; i < 3; i++)
		add_indirect(t, get(t, db + (uint64_t)((12 + i) * width),
		    width), i + 1, isdir);
}

static bool
blank(const struct targets *t, uint64_t off)
{
	for (int i = 0; i < 512; i++)
		if (t->data[off + (uint64_t)i] != 0)
			return false;
	return true;
}

/* The two heads of a journal, and what it holds. */
static void
add_journal(struct targets *t)
{
	const uint64_t *loc = t->fs.fs_journallocs;
	const uint64_t at = loc[0] * loc[2];

	add(t, LOGPLACE, t->sbloc + offsetof(struct fs, fs_journal_version),
	    40);
	add(t, LOGPLACE, t->sbloc + offsetof(struct fs, fs_flags), 4);
	if (!ffs_sb_haswapbl(&t->fs) || loc[2] < 512 || loc[2] > 65536)
		return;
	for (int i = 0; i < 8; i++) {
		add(t, JOURNAL, at, 96);
		add(t, JOURNAL, at + loc[2], 96);
	}
	for (uint64_t off = at; off < at + loc[1] * loc[2] && off + 512 <
	    t->size; off += 512) {
		if (get(t, off, 4) != 0 && get(t, off, 4) < 16)
			add(t, JOURNAL, off, 256);
		else if (!blank(t, off))
			add(t, LOGGED, off, 512);
	}
}

struct targets *
targets_find(const void *data, size_t size)
{
	static const uint64_t places[] = { 65536, 8192, 0, 262144 };
	struct targets *t = calloc(1, sizeof(*t));
	const char *why;

	t->data = data;
	t->size = size;
	for (size_t i = 0; i < 4; i++) {
		t->sbloc = places[i];
		if (places[i] + FFS_SBLOCKSIZE <= size && ffs_sb_decode(&t->fs,
		    t->data + places[i], (int64_t)places[i], (int64_t)size,
		    &t->swap, &why) == FFS_SB_OK)
			break;
		if (i == 3) {
			free(t);
			return NULL;
		}
	}
	add(t, SUPER, t->sbloc, sizeof(struct fs));
	for (uint32_t c = 0; c < t->fs.fs_ncg; c++)
		add(t, GROUP, (uint64_t)ffs_cgtod(&t->fs, c) *
		    (uint64_t)t->fs.fs_fsize, (uint64_t)t->fs.fs_cgsize);
	for (uint64_t ino = 2; ino < (uint64_t)t->fs.fs_ncg * t->fs.fs_ipg;
	    ino++)
		add_inode(t, (uint64_t)ffs_ino_to_fsba(&t->fs, ino) *
		    (uint64_t)t->fs.fs_fsize + ffs_ino_to_fsbo(&t->fs, ino) *
		    (ffs_isufs2(&t->fs) ? 256UL : 128UL));
	add_journal(t);
	return t;
}

/* A new value for an integer of width bytes in host order. */
static uint64_t
newvalue(const struct targets *t, uint64_t old, int width)
{
	static const uint64_t odd[] = { 0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x7fff,
	    0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff,
	    0xfffffffffffffff8, 0x7fffffffffffffff, 0x8000000000000000,
	    UINT64_MAX };

	switch (rnd(8)) {
	case 0:
		return odd[rnd(17)];
	case 1:
		return old + 1 + rnd(16);
	case 2:
		return old - 1 - rnd(16);
	case 3:
		return old ^ (1ULL << rnd((uint32_t)width * 8));
	case 4:	/* a block of the file system */
		return rnd((uint32_t)t->fs.fs_size);
	case 5:	/* a round number */
		return 1ULL << rnd((uint32_t)width * 8);
	case 6:
		return old << rnd(16);
	default:
		return (uint64_t)rnd(UINT32_MAX) << 32 | rnd(UINT32_MAX);
	}
}

static void
note(uint8_t *data, uint64_t off, size_t len, mutate_note_t *tell)
{
	(void)data;
	(*tell)(off, len);
}

static void
change(const struct targets *t, uint8_t *data, uint64_t off, int width,
    mutate_note_t *tell)
{
	uint64_t v;
	uint32_t v32;
	uint16_t v16;

	if (off + (uint64_t)width > t->size)
		return;
	v = newvalue(t, width == 1 ? data[off] : get(t, off, width), width);
	note(data, off, (size_t)width, tell);
	switch (width) {
	case 1:
		data[off] = (uint8_t)v;
		break;
	case 2:
		v16 = ffs_rw16((uint16_t)v, t->swap);
		memcpy(data + off, &v16, 2);
		break;
	case 4:
		v32 = ffs_rw32((uint32_t)v, t->swap);
		memcpy(data + off, &v32, 4);
		break;
	default:
		v = ffs_rw64(v, t->swap);
		memcpy(data + off, &v, 8);
		break;
	}
}

/* CRC32C of len bytes with the field at hole taken as 0. */
static void
rehash(const struct targets *t, uint8_t *data, uint64_t off, size_t len,
    size_t hole, mutate_note_t *tell)
{
	uint32_t crc = 0;

	note(data, off + hole, 4, tell);
	memcpy(data + off + hole, &crc, 4);
	crc = ffs_rw32(ffs_crc32c(~0U, data + off, len), t->swap);
	memcpy(data + off + hole, &crc, 4);
}

static void
fixhash(const struct targets *t, uint8_t *data, enum kind kind,
    const struct region *r, mutate_note_t *tell)
{
	const uint32_t have = t->fs.fs_metackhash;

	if ((kind == SUPER || kind == LOGPLACE) &&
	    (have & FFS_CK_SUPERBLOCK) != 0)
		rehash(t, data, t->sbloc, (size_t)t->fs.fs_sbsize,
		    offsetof(struct fs, fs_ckhash), tell);
	if (kind == GROUP && (have & FFS_CK_CYLGRP) != 0)
		rehash(t, data, r->off, r->len, offsetof(struct cg,
		    cg_ckhash), tell);
	if (kind == INODE && (have & FFS_CK_INODE) != 0)
		rehash(t, data, r->off, r->len, offsetof(struct ufs2_dinode,
		    di_ckhash), tell);
}

static void
mutate_one(const struct targets *t, uint8_t *data, mutate_note_t *tell)
{
	static const int widths[] = { 1, 2, 4, 4, 4, 8, 8, 1 };
	const int width = widths[rnd(8)];
	uint32_t pick = rnd(32);
	const struct region *r;
	uint32_t len;
	int kind;

	for (kind = 0; kind < KINDS && pick >= weight[kind]; kind++)
		pick -= weight[kind];
	if (kind == KINDS || t->n[kind] == 0) {
		change(t, data, rnd((uint32_t)t->size), 1, tell);
		return;
	}
	r = &t->list[kind][rnd((uint32_t)t->n[kind])];
	len = r->len;
	/* The head of a group, and the first entries, more than the rest. */
	if (kind == GROUP && rnd(3) != 0)
		len = sizeof(struct cg);
	if (kind == DIRECTORY && rnd(2) != 0)
		len = len < 128 ? len : 128;
	if (len < (uint32_t)width)
		return;
	change(t, data, r->off + rnd(len / (uint32_t)width) *
	    (uint32_t)width, width, tell);
	if (rnd(16) != 0)
		fixhash(t, data, (enum kind)kind, r, tell);
}

unsigned
mutate_begin(uint64_t seed)
{
	static const unsigned counts[] = { 1, 1, 1, 2, 2, 3, 5, 8, 20, 100 };

	state = seed * 0x9e3779b97f4a7c15ULL + 0x1234567;
	for (int i = 0; i < 4; i++)
		(void)rnd(1);
	return counts[rnd(10)];
}

uint64_t
mutate_step(const struct targets *t, void *data, uint64_t word,
    mutate_note_t *tell)
{
	if (word != 0)
		state = word;
	word = state;
	mutate_one(t, data, tell);
	return word;
}

void
mutate(const struct targets *t, void *data, uint64_t seed,
    mutate_note_t *tell)
{
	unsigned n = mutate_begin(seed);

	while (n-- > 0)
		(void)mutate_step(t, data, 0, tell);
}
