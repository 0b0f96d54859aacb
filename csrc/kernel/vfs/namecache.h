/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside of the name cache, for the walk that asks it without a function
 * call and without references.
 */
#ifndef _KERNEL_VFS_NAMECACHE_H_
#define _KERNEL_VFS_NAMECACHE_H_

#include <sys/param.h>
#include <sys/queue.h>
#include <sys/systm.h>
#include <sys/vnode.h>

/* A name in a directory: of a vnode, or known not to exist. */
struct ncentry {
	LIST_ENTRY(ncentry) nc_hash;
	LIST_ENTRY(ncentry) nc_child;	/* in nc_dvp's vi_nc_children */
	LIST_ENTRY(ncentry) nc_parent;	/* in nc_vp's vi_nc_parents */
	TAILQ_ENTRY(ncentry) nc_lru;
	struct vnode *nc_dvp;
	struct vnode *nc_vp;		/* NULL: negative */
	uint32_t nc_key;
	uint16_t nc_nlen;
	bool nc_whiteout;
	bool nc_used;			/* since eviction last looked */
	char nc_name[];
};
LIST_HEAD(nchead, ncentry);

extern struct nchead *nc_table;
extern uint32_t nc_mask;
extern struct nchstats nc_stats;

static __inline uint64_t
nc_load(const char *p, size_t n)
{
	uint64_t v = 0;

	__builtin_memcpy(&v, p, n);
	return v;
}

/* Words, the last ones overlapping: no loop over bytes. */
static __inline uint32_t
nc_hash_name(const struct vnode *dvp, const char *name, size_t len)
{
	const uint64_t k = 0x9e3779b97f4a7c15ULL;
	uint64_t h = ((uintptr_t)dvp >> 6) ^ (len << 56);

	if (len >= 8) {
		for (size_t i = 0; i + 8 < len; i += 8)
			h = (h ^ nc_load(name + i, 8)) * k;
		h = (h ^ nc_load(name + len - 8, 8)) * k;
	} else if (len >= 4) {
		h = (h ^ nc_load(name, 4) ^
		    (nc_load(name + len - 4, 4) << 32)) * k;
	} else if (len > 0) {
		h = (h ^ (uint8_t)name[0] ^
		    ((uint64_t)(uint8_t)name[len / 2] << 8) ^
		    ((uint64_t)(uint8_t)name[len - 1] << 16)) * k;
	}
	return (uint32_t)(h >> 32) ^ (uint32_t)h;
}

static __inline bool
nc_same(const char *a, const char *b, size_t len)
{
	if (len >= 8) {
		for (size_t i = 0; i + 8 < len; i += 8)
			if (nc_load(a + i, 8) != nc_load(b + i, 8))
				return false;
		return nc_load(a + len - 8, 8) == nc_load(b + len - 8, 8);
	}
	if (len >= 4)
		return nc_load(a, 4) == nc_load(b, 4) &&
		    nc_load(a + len - 4, 4) == nc_load(b + len - 4, 4);
	for (size_t i = 0; i < len; i++)
		if (a[i] != b[i])
			return false;
	return true;
}

static __inline struct ncentry *
nc_find(const struct vnode *dvp, const char *name, size_t len)
{
	uint32_t key = nc_hash_name(dvp, name, len);
	struct ncentry *nc;

	LIST_FOREACH(nc, &nc_table[key & nc_mask], nc_hash) {
		if (nc->nc_key == key && nc->nc_dvp == dvp &&
		    nc->nc_nlen == len && nc_same(nc->nc_name, name, len)) {
			nc->nc_used = true;
			return nc;
		}
	}
	return NULL;
}

#endif /* !_KERNEL_VFS_NAMECACHE_H_ */
