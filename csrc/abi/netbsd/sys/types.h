/* SPDX-License-Identifier: BSD-2-Clause */

/* The system's types, as NetBSD/amd64 sizes them. */
#ifndef _SYS_TYPES_H_
#define	_SYS_TYPES_H_

#include <sys/cdefs.h>
#include <stdint.h>
#include <stddef.h>
#include <stdbool.h>
#include <machine/types.h>

typedef unsigned char	u_char;
typedef unsigned short	u_short;
typedef unsigned int	u_int;
typedef unsigned long	u_long;
typedef unsigned char	unchar;
typedef unsigned short	ushort;
typedef unsigned int	uint;
typedef unsigned long	ulong;
typedef uint8_t		u_int8_t;
typedef uint16_t	u_int16_t;
typedef uint32_t	u_int32_t;
typedef uint64_t	u_int64_t;
typedef uint64_t	u_quad_t;
typedef int64_t		quad_t;
typedef quad_t		*qaddr_t;
typedef int64_t		longlong_t;
typedef uint64_t	u_longlong_t;

typedef unsigned int	accmode_t;
typedef int64_t		blkcnt_t;
typedef int32_t		blksize_t;
typedef char		*caddr_t;
typedef unsigned int	clock_t;
typedef int		clockid_t;
typedef int64_t		daddr_t;
typedef uint64_t	dev_t;
typedef int32_t		devmajor_t;
typedef int32_t		devminor_t;
typedef uint32_t	fixpt_t;
typedef uint64_t	fsblkcnt_t;
typedef uint64_t	fsfilcnt_t;
typedef uint32_t	gid_t;
typedef uint32_t	id_t;
typedef uint64_t	ino_t;
typedef long		key_t;
typedef int32_t		lwpid_t;
typedef uint32_t	mode_t;
typedef uint32_t	nlink_t;
typedef int64_t		off_t;
typedef int32_t		pid_t;
typedef int		pri_t;
typedef int		psetid_t;
typedef uint64_t	rlim_t;
typedef int32_t		segsz_t;
typedef long		ssize_t;
typedef int		suseconds_t;
typedef int32_t		swblk_t;
typedef int64_t		time_t;
typedef int		timer_t;
typedef uint32_t	uid_t;
typedef unsigned int	useconds_t;
typedef int		boolean_t;
typedef const volatile void *wchan_t;
typedef off_t		voff_t;
typedef voff_t		pgoff_t;

#define	NODEVMAJOR	(-1)

#define	major(x)	((devmajor_t)(((uint32_t)(x) & 0x000fff00) >> 8))
#define	minor(x)	((devminor_t)((((uint32_t)(x) & 0xfff00000) >> 12) | \
			    ((uint32_t)(x) & 0x000000ff)))
#define	makedev(x, y)	((dev_t)((((dev_t)(x) << 8) & 0x000fff00U) | \
			    (((dev_t)(y) << 12) & 0xfff00000U) | \
			    ((dev_t)(y) & 0x000000ffU)))

struct lwp;
typedef struct lwp lwp_t;
struct proc;
typedef struct proc proc_t;
struct kauth_cred;
typedef struct kauth_cred *kauth_cred_t;
struct device;
typedef struct device *device_t;

#endif /* !_SYS_TYPES_H_ */
