/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A file tree in memory, as small and fast as is reasonable: what the FUSE
 * toys serve, so that they measure their servers and nothing else.
 */

#ifndef _MEMTREE_H_
#define _MEMTREE_H_

#include <sys/stat.h>
#include <sys/types.h>

#include <stdint.h>

struct mt_dent {
	struct mt_dent	*md_hnext;	/* hash chain */
	struct mt_dent	*md_next;	/* order of the directory */
	struct mt_dent	*md_prev;
	struct mt_node	*md_dir;
	struct mt_node	*md_node;
	uint64_t	md_seq;		/* readdir cookie */
	uint32_t	md_hash;
	uint32_t	md_namelen;
	char		md_name[];
};

struct mt_node {
	struct stat	mn_st;
	uint64_t	mn_refs;	/* look-ups and opens */
	char		*mn_data;
	size_t		mn_cap;
	struct mt_dent	*mn_first;	/* directories */
	struct mt_dent	*mn_last;
	struct mt_dent	*mn_cursor;	/* where the last readdir stopped */
	struct mt_node	*mn_parent;
	uint64_t	mn_seq;
};

struct mt_node *mt_init(mode_t, uid_t, gid_t);	/* the root */
struct mt_node *mt_lookup(struct mt_node *dir, const char *, size_t);
int	mt_create(struct mt_node *dir, const char *, size_t, mode_t, uid_t,
	    gid_t, dev_t, struct mt_node **);
int	mt_link(struct mt_node *dir, const char *, size_t, struct mt_node *);
int	mt_remove(struct mt_node *dir, const char *, size_t, int isdir);
int	mt_rename(struct mt_node *, const char *, size_t, struct mt_node *,
	    const char *, size_t, int noreplace);
int	mt_resize(struct mt_node *, uint64_t);
ssize_t	mt_read(struct mt_node *, uint64_t off, size_t, char **);
int	mt_write(struct mt_node *, uint64_t off, const void *, size_t);
void	mt_release(struct mt_node *, uint64_t refs);
struct mt_dent *mt_dent_after(struct mt_node *dir, uint64_t seq);

#endif /* !_MEMTREE_H_ */
