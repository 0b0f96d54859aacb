/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags and commands of open(2), fcntl(2), flock(2) and the *at calls. */

#ifndef _SYS_FCNTL_H_
#define _SYS_FCNTL_H_

#include <abi/versions.h>
#include <sys/types.h>

#define O_RDONLY	0
#define O_WRONLY	1
#define O_RDWR		2
#define O_ACCMODE	3

/* Inside the kernel a file is open for FREAD, FWRITE or both. */
#define FREAD		0x00000001
#define FWRITE		0x00000002

#define O_NONBLOCK	4
#define O_APPEND	8
#define O_SHLOCK	0x10
#define O_EXLOCK	0x20
#define O_ASYNC		0x40
#define O_SYNC		0x80
#define O_NOFOLLOW	0x100
#define O_CREAT		0x200
#define O_TRUNC		0x400
#define O_EXCL		0x800
#define O_NOCTTY	0x8000
#define O_DSYNC		0x10000
#define O_RSYNC		0x20000
#define O_ALT_IO	0x40000
#define O_DIRECT	0x80000
#define O_DIRECTORY	0x200000
#define O_CLOEXEC	0x400000
#define O_SEARCH	0x800000
#define O_NOSIGPIPE	0x1000000
#define O_REGULAR	0x2000000
#define O_EXEC		0x4000000

#ifdef _KERNEL
/* OFLAGS turns O_RDONLY.. into FREAD.., FFLAGS back again. */
#define FFLAGS(oflags)	((oflags) + 1)
#define OFLAGS(fflags)	((fflags) - 1)

#define O_MASK		NETBSD_O_MASK
#define FMARK		0x1000
#define FDEFER		0x2000
#define FHASLOCK	0x4000
#define FSCAN		0x100000
#define FSILENT		0x40000000
#define FKIOCTL		0x80000000U
#define FCNTLFLAGS \
	(FAPPEND | FASYNC | FFSYNC | FNONBLOCK | FDSYNC | FRSYNC | FALTIO | \
	    FDIRECT | FNOSIGPIPE)
#define FMASK		(FREAD | FWRITE | FCNTLFLAGS | FEXEC)
#endif

#define FAPPEND		O_APPEND
#define FASYNC		O_ASYNC
#define O_FSYNC		O_SYNC
#define FNDELAY		O_NONBLOCK
#define O_NDELAY	O_NONBLOCK
#define FNOSIGPIPE	O_NOSIGPIPE
#define FNONBLOCK	O_NONBLOCK
#define FFSYNC		O_SYNC
#define FDSYNC		O_DSYNC
#define FRSYNC		O_RSYNC
#define FALTIO		O_ALT_IO
#define FDIRECT		O_DIRECT
#define FEXEC		O_EXEC

#define F_DUPFD		0
#define F_GETFD		1
#define F_SETFD		2
#define F_GETFL		3
#define F_SETFL		4
#define F_GETOWN	5
#define F_SETOWN	6
#define F_GETLK		7
#define F_SETLK		8
#define F_SETLKW	9
#define F_CLOSEM	0xa
#define F_MAXFD		0xb
#define F_DUPFD_CLOEXEC	0xc
#define F_GETNOSIGPIPE	0xd
#define F_SETNOSIGPIPE	0xe
#define F_GETPATH	0xf
#define FD_CLOEXEC	1
#define F_RDLCK		1
#define F_UNLCK		2
#define F_WRLCK		3
#ifdef _KERNEL
#define F_WAIT		0x10
#define F_FLOCK		0x20
#define F_POSIX		0x40
#endif

/* File system specific fcntls carry direction and size like an ioctl. */
#define F_PARAM_MASK	0xfff
#define F_PARAM_MAX	0xfff
#define F_PARAM_LEN(x)	(((x) >> 16) & F_PARAM_MASK)
#define F_FSCTL		((int)0x80000000)
#define F_FSVOID	((int)0x40000000)
#define F_FSOUT		((int)0x20000000)
#define F_FSIN		((int)0x10000000)
#define F_FSINOUT	(F_FSIN | F_FSOUT)
#define F_FSDIRMASK	((int)0x70000000)
#define F_FSPRIV	((int)0x00008000)
#define _FCN(inout, num, len) \
	(F_FSCTL | (inout) | (((len) & F_PARAM_MASK) << 16) | (num))
#define _FCNO(c)	_FCN(F_FSVOID, (c), 0)
#define _FCNR(c, t)	_FCN(F_FSIN, (c), (int)sizeof(t))
#define _FCNW(c, t)	_FCN(F_FSOUT, (c), (int)sizeof(t))
#define _FCNRW(c, t)	_FCN(F_FSINOUT, (c), (int)sizeof(t))

struct flock {
	off_t l_start;
	off_t l_len;			/* 0: to the end of the file */
	pid_t l_pid;
	short l_type;
	short l_whence;
};

#define LOCK_SH		1
#define LOCK_EX		2
#define LOCK_NB		4
#define LOCK_UN		8

#define AT_FDCWD	(-100)
#define AT_EACCESS	0x100
#define AT_SYMLINK_NOFOLLOW	0x200
#define AT_SYMLINK_FOLLOW	0x400
#define AT_REMOVEDIR	0x800

#define POSIX_FADV_NORMAL	0
#define POSIX_FADV_RANDOM	1
#define POSIX_FADV_SEQUENTIAL	2
#define POSIX_FADV_WILLNEED	3
#define POSIX_FADV_DONTNEED	4
#define POSIX_FADV_NOREUSE	5

#endif /* !_SYS_FCNTL_H_ */
