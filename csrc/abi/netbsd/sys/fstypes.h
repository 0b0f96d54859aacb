/* SPDX-License-Identifier: BSD-2-Clause */
/* Mount flags, file handles and the identity of a file system. */

#ifndef _SYS_FSTYPES_H_
#define _SYS_FSTYPES_H_

#include <sys/types.h>

#ifndef _FSID_T_DEFINED
#define _FSID_T_DEFINED
typedef struct {
	int __fsid_val[2];
} fsid_t;
#endif

/* Part of a file handle that the file system fills and understands. */
struct fid {
	unsigned short fid_len;		/* all of it, this header included */
	unsigned short fid_reserved;
	char fid_data[0];
};

/* A file handle: which file system, then which file in it. */
struct fhandle {
	fsid_t fh_fsid;
	struct fid fh_fid;
};
typedef struct fhandle fhandle_t;

#define FHANDLE_SIZE_COMPAT	0x1c
#define FHANDLE_SIZE_MAX	0x400
#define FHANDLE_SIZE_MIN	0x1c
#define FHANDLE_FSID(fh)	(&(fh)->fh_fsid)
#define FHANDLE_FILEID(fh)	(&(fh)->fh_fid)
#define FHANDLE_SIZE(fh)	\
	(offsetof(fhandle_t, fh_fid) + FHANDLE_FILEID(fh)->fid_len)

/* Flags of mount(2) that stay with the mount. */
#define MNT_RDONLY	1
#define MNT_SYNCHRONOUS	2
#define MNT_NOEXEC	4
#define MNT_NOSUID	8
#define MNT_NODEV	0x10
#define MNT_UNION	0x20
#define MNT_ASYNC	0x40
#define MNT_NOCOREDUMP	0x8000
#define MNT_RELATIME	0x20000
#define MNT_IGNORE	0x100000
#define MNT_NFS4ACLS	0x200000
#define MNT_DISCARD	0x800000
#define MNT_EXTATTR	0x1000000
#define MNT_LOG		0x2000000
#define MNT_NOATIME	0x4000000
#define MNT_AUTOMOUNTED	0x10000000
#define MNT_SYMPERM	0x20000000
#define MNT_NODEVMTIME	0x40000000
#define MNT_SOFTDEP	0x80000000U
#define MNT_POSIX1EACLS	0x800
#define MNT_ACLS	0x800
#define MNT_BASIC_FLAGS	0xf7a2887fU

/* Export flags. */
#define MNT_EXRDONLY	0x80
#define MNT_EXPORTED	0x100
#define MNT_DEFEXPORTED	0x200
#define MNT_EXPORTANON	0x400
#define MNT_EXKERB	0x800
#define MNT_EXNORESPORT	0x8000000
#define MNT_EXPUBLIC	0x10000000

/* Flags that the kernel sets. */
#define MNT_LOCAL	0x1000
#define MNT_QUOTA	0x2000
#define MNT_ROOTFS	0x4000
#define MNT_VISFLAGMASK	0xffb0ffffU

/* Commands of mount(2), not properties of the mount. */
#define MNT_UPDATE	0x10000
#define MNT_RELOAD	0x40000
#define MNT_FORCE	0x80000
#define MNT_GETARGS	0x400000
#define MNT_OP_FLAGS	0x4d0000

/* mnt_iflag: the kernel's own state of a mount. */
#define IMNT_GONE	1
#define IMNT_UNMOUNT	2
#define IMNT_WANTRDWR	4
#define IMNT_WANTRDONLY	8
#define IMNT_NCLOOKUP	0x20
#define IMNT_DTYPE	0x40
#define IMNT_SHRLOOKUP	0x80
#define IMNT_MPSAFE	0x100
#define IMNT_CAN_RWTORO	0x200
#define IMNT_ONWORKLIST	0x400

/* How long VFS_SYNC and getvfsstat may take. */
#define MNT_WAIT	1
#define MNT_NOWAIT	2
#define MNT_LAZY	3

#define __MNT_BASIC_FLAGS_BITS \
	"\20\01RDONLY\02SYNCHRONOUS\03NOEXEC\04NOSUID\05NODEV\06UNION\07ASYNC"

#endif /* !_SYS_FSTYPES_H_ */
