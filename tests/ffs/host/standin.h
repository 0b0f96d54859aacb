/* SPDX-License-Identifier: BSD-2-Clause */
/* What main.c, which sees the host's headers, may ask of standin.c. */
#ifndef STANDIN_H
#define STANDIN_H

#ifndef _KERNEL
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#endif

struct vnode;

enum { HI_REG = 1, HI_DIR, HI_BLK, HI_CHR, HI_LNK, HI_SOCK, HI_FIFO };
enum { HI_LOOKUP, HI_CREATE, HI_DELETE, HI_RENAME };
#define	HI_RDONLY	1
#define	HI_SYNC		2
#define	HI_ACLS		0x800
#define	HI_NFS4ACLS	0x200000
#define	HI_EXTATTR	0x1000000
#define	HI_LOG		0x2000000

struct hi_attr {
	int		ha_type;
	unsigned	ha_mode;
	int64_t		ha_size;
	uint64_t	ha_ino;
	unsigned	ha_nlink;
};

void	hi_start(int (*)(int, void *), bool);
/* Told before a part of the image is written; may be NULL. */
extern void (*hi_onwrite)(uint64_t off, size_t len);
/* What the disk does after so many writes, of this mount only. */
enum hi_fate { HI_WELL, HI_LOSES, HI_FAILS };
void	hi_fate(enum hi_fate, unsigned);
int	hi_domount(void *, size_t, int);
int	hi_dounmount(void);
int	hi_sync(void);
int	hi_root(struct vnode **);
int	hi_lookup(struct vnode *, const char *, size_t, int, struct vnode **);
int	hi_make(struct vnode *, const char *, size_t, int, char *,
	    struct vnode **);
int	hi_remove(struct vnode *, const char *, size_t);
int	hi_link(struct vnode *, struct vnode *, const char *, size_t);
int	hi_rdwr(struct vnode *, void *, size_t *, int64_t, bool);
int	hi_readlink(struct vnode *, void *, size_t *);
int	hi_readdir(struct vnode *, void *, size_t *, int64_t *, int *);
int	hi_getattr(struct vnode *, struct hi_attr *);
int	hi_truncate(struct vnode *, int64_t);
int	hi_fsync(struct vnode *);
int	hi_listattr(struct vnode *, int);
int	hi_setattr(struct vnode *, int, const char *, int);
int	hi_acl(struct vnode *, int);
void	hi_rele(struct vnode *);

#endif /* STANDIN_H */
