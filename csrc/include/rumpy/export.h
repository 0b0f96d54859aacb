/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The vnode door: how an exporter outside the kernel (the /dev/fuse server)
 * asks for one vnode operation by node id, without a path walk.
 *
 * The exporter fills a struct export_req, submits kern_export(req) as an
 * unbound context and forgets about it; the context does the operation, ends
 * with the hypercall hyp_export_reply(req), and that calls req->er_reply.
 *
 * Seen by host C and by the freestanding kernel alike: fixed-width members,
 * neutral constants (neither side's O_* or errno numbers, except er_error,
 * which is a NetBSD errno), and no includes but <stdint.h>/<sys/types.h>.
 *
 * Entries and directory records have the very layout that the FUSE protocol
 * puts on the wire, so that listing a directory costs no conversion;
 * csrc/fuse asserts the equality.
 *
 * Node ids.  An id *is* the file handle (inode and generation) wherever that
 * fits into 64 bits, so that a node known to the host costs nothing here.
 * Only open and unlinked nodes, and file handles of other shapes, take a
 * table entry.  The root is always EXPORT_ROOT.
 */

#ifndef _RUMPY_EXPORT_H_
#define _RUMPY_EXPORT_H_

#ifdef _KERNEL
#include <sys/types.h>
#else
#include <stdint.h>
#endif

#define	EXPORT_ROOT		1	/* node id of the root directory */
#define	EXPORT_NGROUPS		32	/* supplementary groups of a caller */
#define	EXPORT_NAME_MAX		255
#define	EXPORT_NOID		UINT32_MAX	/* "no such uid or gid" */

enum export_op {
	EXPORT_NOP = 0,
	EXPORT_LOOKUP,		/* node, name -> entry */
	EXPORT_FORGET,		/* data: array of struct export_forget */
	EXPORT_GETATTR,		/* node | handle -> entry.attr, btime */
	EXPORT_SETATTR,		/* node | handle, set -> entry.attr */
	EXPORT_READLINK,	/* node, data -> done */
	EXPORT_SYMLINK,		/* node, name, name2 = target -> entry */
	EXPORT_MKNOD,		/* node, name, mode, rdev -> entry */
	EXPORT_MKDIR,		/* node, name, mode -> entry */
	EXPORT_UNLINK,		/* node, name */
	EXPORT_RMDIR,		/* node, name */
	EXPORT_RENAME,		/* node, name, node2, name2, flags */
	EXPORT_LINK,		/* node2 = file; node, name -> entry */
	EXPORT_OPEN,		/* node, oflags -> handle */
	EXPORT_CREATE,		/* node, name, mode, oflags -> entry, handle */
	EXPORT_TMPFILE,		/* node, mode, oflags -> entry, handle */
	EXPORT_READ,		/* node | handle, offset, data -> done | iov */
	EXPORT_WRITE,		/* handle, offset, data -> done */
	EXPORT_FLUSH,		/* handle, owner: drop its POSIX locks */
	EXPORT_RELEASE,		/* handle */
	EXPORT_FSYNC,		/* node | handle, flags */
	EXPORT_SYNCFS,
	EXPORT_STATFS,		/* -> statfs */
	EXPORT_OPENDIR,		/* node -> handle */
	EXPORT_READDIR,		/* node | handle, offset, data -> done */
	EXPORT_READDIRPLUS,	/* the same with entries */
	EXPORT_RELEASEDIR,	/* handle */
	EXPORT_GETLK,		/* handle, owner, lock -> lock */
	EXPORT_SETLK,		/* handle, owner, lock, flags */
	EXPORT_LSEEK,		/* handle, offset, flags = whence -> offset */
	EXPORT_FALLOCATE,	/* handle, offset, length, flags */
	EXPORT_GETXATTR,	/* node, name, data -> done */
	EXPORT_SETXATTR,	/* node, name, data, flags */
	EXPORT_LISTXATTR,	/* node, data -> done */
	EXPORT_REMOVEXATTR,	/* node, name */
	EXPORT_GETFLAGS,	/* node | handle -> mode (EXPORT_FL_*) */
	EXPORT_SETFLAGS,	/* node | handle, mode (EXPORT_FL_*) */
	EXPORT_INTERRUPT,	/* node2 = er_unique of the request to wake */
	EXPORT_SHUTDOWN,	/* wake all requests, close all handles */
	EXPORT_NOPS
};

/* er_oflags: how a file is opened. */
#define	EXPORT_O_READ		0x0001
#define	EXPORT_O_WRITE		0x0002
#define	EXPORT_O_APPEND		0x0004
#define	EXPORT_O_TRUNC		0x0008
#define	EXPORT_O_EXCL		0x0010
#define	EXPORT_O_SYNC		0x0020
#define	EXPORT_O_DSYNC		0x0040
#define	EXPORT_O_DIRECT		0x0080
#define	EXPORT_O_NONBLOCK	0x0100
#define	EXPORT_O_EXEC		0x0200	/* to be run: execve(2) */
#define	EXPORT_O_NOATIME	0x0400	/* reading is no access */

/* er_flags, by operation. */
#define	EXPORT_F_HANDLE		0x00000001u	/* er_handle is valid */
#define	EXPORT_F_DATAONLY	0x00000002u	/* FSYNC: fdatasync */
#define	EXPORT_F_NOREPLACE	0x00000004u	/* RENAME */
#define	EXPORT_F_EXCHANGE	0x00004000u	/* RENAME: both ways */
#define	EXPORT_F_CACHED		0x00000008u	/* WRITE: from a page cache; no
						   appending */
#define	EXPORT_F_KILLPRIV	0x00000010u	/* WRITE, SETATTR, OPEN: drop
						   set-id bits; FALLOCATE, out:
						   done */
#define	EXPORT_F_WAIT		0x00000020u	/* SETLK: sleep for it */
#define	EXPORT_F_FLOCK		0x00000040u	/* *LK: whole-file BSD lock */
#define	EXPORT_F_UNLOCK		0x00000080u	/* RELEASE: drop BSD lock */
#define	EXPORT_F_SEEKHOLE	0x00000100u	/* LSEEK: a hole, else data */
#define	EXPORT_F_KEEPSIZE	0x00000200u	/* FALLOCATE */
#define	EXPORT_F_PUNCH		0x00000400u	/* FALLOCATE: make a hole */
#define	EXPORT_F_ZERO		0x00002000u	/* FALLOCATE: make zeros */
#define	EXPORT_F_XCREATE	0x00000800u	/* SETXATTR: must not exist */
#define	EXPORT_F_XREPLACE	0x00001000u	/* SETXATTR: must exist */

/* GETFLAGS, SETFLAGS. */
#define	EXPORT_FL_IMMUTABLE	0x0001
#define	EXPORT_FL_APPEND	0x0002
#define	EXPORT_FL_NODUMP	0x0004

/* The FUSE protocol's struct fuse_attr. */
struct export_attr {
	uint64_t	ea_ino;
	uint64_t	ea_size;
	uint64_t	ea_blocks;	/* of 512 bytes */
	uint64_t	ea_atime;
	uint64_t	ea_mtime;
	uint64_t	ea_ctime;
	uint32_t	ea_atimensec;
	uint32_t	ea_mtimensec;
	uint32_t	ea_ctimensec;
	uint32_t	ea_mode;
	uint32_t	ea_nlink;
	uint32_t	ea_uid;
	uint32_t	ea_gid;
	uint32_t	ea_rdev;	/* export_makedev() */
	uint32_t	ea_blksize;
	uint32_t	ea_flags;	/* zero */
};

/* The FUSE protocol's struct fuse_entry_out. */
struct export_entry {
	uint64_t	ee_node;	/* 0: no such name (a cached "no") */
	uint64_t	ee_generation;
	uint64_t	ee_entry_valid;	/* seconds */
	uint64_t	ee_attr_valid;
	uint32_t	ee_entry_valid_nsec;
	uint32_t	ee_attr_valid_nsec;
	struct export_attr ee_attr;
};

/* The FUSE protocol's struct fuse_dirent; records are padded to 8 bytes. */
struct export_dirent {
	uint64_t	ed_ino;
	uint64_t	ed_next;	/* er_offset of the record after this */
	uint32_t	ed_namelen;
	uint32_t	ed_type;	/* DT_* (the same numbers everywhere) */
	char		ed_name[];
};

#define	EXPORT_DIRENT_SIZE(namelen)					\
	((sizeof(struct export_dirent) + (namelen) + 7) & ~(uint64_t)7)

/* SETATTR: what to change. */
#define	EXPORT_SET_MODE		0x0001
#define	EXPORT_SET_UID		0x0002
#define	EXPORT_SET_GID		0x0004
#define	EXPORT_SET_SIZE		0x0008
#define	EXPORT_SET_ATIME	0x0010
#define	EXPORT_SET_MTIME	0x0020
#define	EXPORT_SET_ATIME_NOW	0x0040
#define	EXPORT_SET_MTIME_NOW	0x0080

struct export_setattr {
	uint32_t	es_valid;
	uint32_t	es_mode;
	uint32_t	es_uid;
	uint32_t	es_gid;
	uint64_t	es_size;
	int64_t		es_atime;
	int64_t		es_mtime;
	uint32_t	es_atimensec;
	uint32_t	es_mtimensec;
};

struct export_statfs {
	uint64_t	ef_blocks;
	uint64_t	ef_bfree;
	uint64_t	ef_bavail;
	uint64_t	ef_files;
	uint64_t	ef_ffree;
	uint32_t	ef_bsize;
	uint32_t	ef_frsize;
	uint32_t	ef_namemax;
	uint32_t	ef_flags;
};

enum export_locktype {
	EXPORT_LOCK_READ = 1,
	EXPORT_LOCK_WRITE,
	EXPORT_LOCK_NONE
};

struct export_lock {
	uint64_t	el_start;
	uint64_t	el_end;		/* inclusive; UINT64_MAX: to the end */
	uint32_t	el_type;	/* enum export_locktype */
	uint32_t	el_pid;
};

struct export_forget {
	uint64_t	ef_node;
	uint64_t	ef_count;
};

struct export_iov {
	void		*ei_base;
	uint64_t	ei_len;
};

struct export_cred {
	uint32_t	ec_uid;
	uint32_t	ec_gid;
	uint32_t	ec_ngroups;
	uint32_t	ec_groups[EXPORT_NGROUPS];
};

struct export_req {
	/* The question. */
	uint32_t	er_op;
	uint32_t	er_flags;	/* EXPORT_F_* */
	uint64_t	er_export;	/* from kern_export_attach */
	uint64_t	er_unique;	/* names the request for INTERRUPT */
	uint64_t	er_node;
	uint64_t	er_node2;
	uint64_t	er_handle;	/* in, or out of OPEN and the like */
	uint64_t	er_offset;	/* in; LSEEK: out */
	uint64_t	er_length;
	uint64_t	er_owner;	/* lock owner */
	const char	*er_name;	/* not terminated */
	const char	*er_name2;
	uint32_t	er_namelen;
	uint32_t	er_namelen2;
	uint32_t	er_mode;
	uint32_t	er_rdev;	/* export_makedev() */
	uint32_t	er_oflags;	/* EXPORT_O_* */
	uint32_t	er_pid;
	struct export_setattr er_set;
	struct export_cred er_cred;

	/* Bytes in, or room for bytes out. */
	void		*er_data;
	uint64_t	er_datalen;

	/* The answer. */
	int32_t		er_error;	/* NetBSD errno */
	uint32_t	er_niov;	/* > 0: the data lies in er_iov */
	struct export_iov *er_iov;	/* valid until er_reply returns */
	uint64_t	er_done;	/* bytes in er_data that count */
	struct export_entry er_entry;
	int64_t		er_btime;	/* GETATTR; seconds, -1: unknown */
	uint32_t	er_btimensec;
	uint32_t	er_pad;
	struct export_statfs er_statfs;
	struct export_lock er_lock;

	/* Called by hyp_export_reply, in host C, perhaps on another thread. */
	void		(*er_reply)(struct export_req *);
	void		*er_host[4];	/* the exporter's own */

	/* The kernel's own. */
	void		*er_kern[4];
};

/* kern_export_attach: make the mount at a path of the kernel exportable. */
#define	EXPORT_RDONLY		0x0001	/* answer EROFS to all changes */
#define	EXPORT_MAPPED		0x0002	/* show all as uid:gid, act as root */
#define	EXPORT_NEGATIVE		0x0004	/* a failed lookup may be cached */

struct door_export {
	const char	*path;		/* mount point, NUL-terminated */
	uint32_t	flags;		/* EXPORT_*; out: RDONLY, too */
	uint32_t	map_uid;
	uint32_t	map_gid;
	uint32_t	xattr;		/* out: the driver has them */
	uint32_t	entry_valid;	/* seconds */
	uint32_t	attr_valid;
	uint32_t	acl;		/* out: it has POSIX.1e lists */
	uint32_t	trivial_open;	/* out: an open has no side effect */
	uint64_t	handle;		/* out; in for kern_export_detach */
};

/* Device numbers travel as Linux packs them into 32 bits. */
static inline uint32_t
export_makedev(uint32_t maj, uint32_t min)
{

	return (min & 0xff) | ((maj & 0xfff) << 8) | ((min & ~0xffu) << 12);
}

static inline uint32_t
export_major(uint32_t dev)
{

	return (dev >> 8) & 0xfff;
}

static inline uint32_t
export_minor(uint32_t dev)
{

	return (dev & 0xff) | ((dev >> 12) & 0xfff00);
}

#endif /* !_RUMPY_EXPORT_H_ */
