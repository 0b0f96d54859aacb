/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What our kernel and our drivers agree on beyond NetBSD's vnode operations.
 * Drivers that know nothing of it stay right: they see flags that they do not
 * look at, and a command that they refuse as any unknown one.
 */
#ifndef _RUMPY_VNODE_H_
#define	_RUMPY_VNODE_H_

/* Flags of the system call __rumpy_rename(). */
#define	RUMPY_RENAME_NOREPLACE	0x1	/* EEXIST if the new name is taken */
#define	RUMPY_RENAME_EXCHANGE	0x2	/* both are there, and change places */

#ifdef _KERNEL

/*
 * In va_vaflags, beside VA_UTIMES_NULL: Linux sets the times of a file to now,
 * which it allows for an append-only file, too.
 */
#define	RUMPY_VA_TOUCH		0x40000000

/*
 * In mnt_iflag: directories have no access times; and the driver heeds that.
 * NetBSD's mount(2) has no flag for it, and none is left.
 */
#define	RUMPY_IMNT_NODIRATIME	0x10000000
#define	RUMPY_IMNT_CAN_NODIRATIME 0x20000000

/* In the new name's cn_flags: genfs_rename(9) is not to replace. */
#define	RUMPY_CN_NOREPLACE	0x40000000

/*
 * Two names change places.  NetBSD has no operation for it, so a driver is
 * asked for the functions that do it, by VOP_FCNTL(9) of a directory with a
 * command that no caller of fcntl(2) can give.  The data are a rumpy_swap.
 */
#define	RUMPY_FCNTL_SWAP	0x72750001u
/* What a driver keeps of a lookup has this much room. */
#define	RUMPY_SWAP_ENTRY	128

struct componentname;
struct genfs_rename_ops;
struct kauth_cred;
struct mount;
struct vnode;

struct rumpy_swap {
	struct mount	*sw_mp;		/* out: whom the answer is about */
	const struct genfs_rename_ops *sw_ops;	/* out */
	/*
	 * out: let each of two names, in locked directories, lead to the
	 * other's locked file.  Either all of it happens or nothing.
	 */
	int	(*sw_swap)(struct mount *, struct kauth_cred *,
		    struct vnode *, struct componentname *, void *,
		    struct vnode *, struct vnode *, struct componentname *,
		    void *, struct vnode *);
};

int	vfs_exchange(struct vnode *, struct componentname *, struct vnode *,
	    struct componentname *);

#endif /* _KERNEL */
#endif /* !_RUMPY_VNODE_H_ */
