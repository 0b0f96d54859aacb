/* SPDX-License-Identifier: BSD-2-Clause */

/* The tree of names and values that sysctl(7) walks (sysctl(9)). */
#ifndef _SYS_SYSCTL_H_
#define	_SYS_SYSCTL_H_

#include <sys/param.h>
#include <sys/proc.h>

#define	CTL_MAXNAME		12
#define	SYSCTL_NAMELEN		32
#define	CREATE_BASE		1024
#define	SYSCTL_DEFSIZE		8
#define	CTLTYPE_NODE		1
#define	CTLTYPE_INT		2
#define	CTLTYPE_STRING		3
#define	CTLTYPE_QUAD		4
#define	CTLTYPE_STRUCT		5
#define	CTLTYPE_BOOL		6
#define	CTLTYPE_LONG		4
#define	CTLFLAG_READONLY	0x0
#define	CTLFLAG_READWRITE	0x70
#define	CTLFLAG_ANYWRITE	0x80
#define	CTLFLAG_PRIVATE		0x100
#define	CTLFLAG_PERMANENT	0x200
#define	CTLFLAG_OWNDATA		0x400
#define	CTLFLAG_IMMEDIATE	0x800
#define	CTLFLAG_HEX		0x1000
#define	CTLFLAG_ROOT		0x2000
#define	CTLFLAG_ANYNUMBER	0x4000
#define	CTLFLAG_HIDDEN		0x8000
#define	CTLFLAG_ALIAS		0x10000
#define	CTLFLAG_MMAP		0x20000
#define	CTLFLAG_OWNDESC		0x40000
#define	CTLFLAG_UNSIGNED	0x80000
#define	SYSCTL_VERS_MASK	0xff000000
#define	SYSCTL_VERS_0		0x0
#define	SYSCTL_VERS_1		0x1000000
#define	SYSCTL_VERSION		0x1000000
#define	SYSCTL_USERFLAGS	0x9df0
#define	SYSCTL_TYPEMASK		0xf
#define	SYSCTL_FLAGMASK		0xfffff0
#define	CTL_EOL			(-1)
#define	CTL_QUERY		(-2)
#define	CTL_CREATE		(-3)
#define	CTL_CREATESYM		(-4)
#define	CTL_DESTROY		(-5)
#define	CTL_MMAP		(-6)
#define	CTL_DESCRIBE		(-7)
#define	CTL_UNSPEC		0
#define	CTL_KERN		1
#define	CTL_VM			2
#define	CTL_VFS			3
#define	CTL_NET			4
#define	CTL_DEBUG		5
#define	CTL_HW			6
#define	CTL_MACHDEP		7
#define	CTL_USER		8
#define	CTL_DDB			9
#define	CTL_PROC		10
#define	CTL_VENDOR		11
#define	CTL_EMUL		12
#define	CTL_SECURITY		13
#define	KERN_OSTYPE		1
#define	KERN_OSRELEASE		2
#define	KERN_OSREV		3
#define	KERN_VERSION		4
#define	KERN_MAXVNODES		5
#define	KERN_MAXPROC		6
#define	KERN_MAXFILES		7
#define	KERN_ARGMAX		8
#define	KERN_SECURELVL		9
#define	KERN_HOSTNAME		10
#define	KERN_HOSTID		11
#define	KERN_CLOCKRATE		12
#define	KERN_VNODE		13
#define	KERN_PROC		14
#define	KERN_FILE		15
#define	KERN_PROF		16
#define	KERN_POSIX1		17
#define	KERN_NGROUPS		18
#define	KERN_JOB_CONTROL	19
#define	KERN_SAVED_IDS		20
#define	KERN_OBOOTTIME		21
#define	KERN_DOMAINNAME		22
#define	KERN_MAXPARTITIONS	23
#define	KERN_RAWPARTITION	24
#define	KERN_NTPTIME		25
#define	KERN_TIMEX		26
#define	KERN_AUTONICETIME	27
#define	KERN_AUTONICEVAL	28
#define	KERN_RTC_OFFSET		29
#define	KERN_ROOT_DEVICE	30
#define	KERN_MSGBUFSIZE		31
#define	KERN_FSYNC		32
#define	KERN_OLDSYSVMSG		33
#define	KERN_OLDSYSVSEM		34
#define	KERN_OLDSYSVSHM		35
#define	KERN_OLDSHORTCORENAME	36
#define	KERN_SYNCHRONIZED_IO	37
#define	KERN_IOV_MAX		38
#define	KERN_MBUF		39
#define	KERN_MAPPED_FILES	40
#define	KERN_MEMLOCK		41
#define	KERN_MEMLOCK_RANGE	42
#define	KERN_MEMORY_PROTECTION	43
#define	KERN_LOGIN_NAME_MAX	44
#define	KERN_DEFCORENAME	45
#define	KERN_LOGSIGEXIT		46
#define	KERN_PROC2		47
#define	KERN_PROC_ARGS		48
#define	KERN_FSCALE		49
#define	KERN_CCPU		50
#define	KERN_CP_TIME		51
#define	KERN_OLDSYSVIPC_INFO	52
#define	KERN_MSGBUF		53
#define	KERN_CONSDEV		54
#define	KERN_MAXPTYS		55
#define	KERN_PIPE		56
#define	KERN_MAXPHYS		57
#define	KERN_SBMAX		58
#define	KERN_MONOTONIC_CLOCK	60
#define	KERN_URND		61
#define	KERN_LABELSECTOR	62
#define	KERN_LABELOFFSET	63
#define	KERN_LWP		64
#define	KERN_FORKFSLEEP		65
#define	KERN_POSIX_THREADS	66
#define	KERN_POSIX_SEMAPHORES	67
#define	KERN_POSIX_BARRIERS	68
#define	KERN_POSIX_TIMERS	69
#define	KERN_POSIX_SPIN_LOCKS	70
#define	KERN_POSIX_READER_WRITER_LOCKS	71
#define	KERN_DUMP_ON_PANIC	72
#define	KERN_SOMAXKVA		73
#define	KERN_ROOT_PARTITION	74
#define	KERN_DRIVERS		75
#define	KERN_BUF		76
#define	KERN_FILE2		77
#define	KERN_VERIEXEC		78
#define	KERN_CP_ID		79
#define	KERN_HARDCLOCK_TICKS	80
#define	KERN_ARND		81
#define	KERN_SYSVIPC		82
#define	KERN_BOOTTIME		83
#define	KERN_EVCNT		84
#define	KERN_SOFIXEDBUF		85
#define	KERN_PROC_ALL		0
#define	KERN_PROC_PID		1
#define	KERN_PROC_PGRP		2
#define	KERN_PROC_SESSION	3
#define	KERN_PROC_TTY		4
#define	KERN_PROC_UID		5
#define	KERN_PROC_RUID		6
#define	KERN_PROC_GID		7
#define	KERN_PROC_RGID		8
#define	KERN_PROC_TTY_NODEV	(-1)
#define	KERN_PROC_TTY_REVOKE	(-2)
#define	KERN_PROC_ARGV		1
#define	KERN_PROC_NARGV		2
#define	KERN_PROC_ENV		3
#define	KERN_PROC_NENV		4
#define	KERN_PROC_PATHNAME	5
#define	KERN_PROC_CWD		6
#define	KERN_EVCNT_COUNT_ANY	0
#define	KERN_EVCNT_COUNT_NONZERO	1
#define	HW_MACHINE		1
#define	HW_MODEL		2
#define	HW_NCPU			3
#define	HW_BYTEORDER		4
#define	HW_PHYSMEM		5
#define	HW_USERMEM		6
#define	HW_PAGESIZE		7
#define	HW_DISKNAMES		8
#define	HW_IOSTATS		9
#define	HW_MACHINE_ARCH		10
#define	HW_ALIGNBYTES		11
#define	HW_CNMAGIC		12
#define	HW_PHYSMEM64		13
#define	HW_USERMEM64		14
#define	HW_IOSTATNAMES		15
#define	HW_NCPUONLINE		16
#define	USER_CS_PATH		1
#define	USER_BC_BASE_MAX	2
#define	USER_BC_DIM_MAX		3
#define	USER_BC_SCALE_MAX	4
#define	USER_BC_STRING_MAX	5
#define	USER_COLL_WEIGHTS_MAX	6
#define	USER_EXPR_NEST_MAX	7
#define	USER_LINE_MAX		8
#define	USER_RE_DUP_MAX		9
#define	USER_POSIX2_VERSION	10
#define	USER_POSIX2_C_BIND	11
#define	USER_POSIX2_C_DEV	12
#define	USER_POSIX2_CHAR_TERM	13
#define	USER_POSIX2_FORT_DEV	14
#define	USER_POSIX2_FORT_RUN	15
#define	USER_POSIX2_LOCALEDEF	16
#define	USER_POSIX2_SW_DEV	17
#define	USER_POSIX2_UPE		18
#define	USER_STREAM_MAX		19
#define	USER_TZNAME_MAX		20
#define	USER_ATEXIT_MAX		21
#define	CTL_DEBUG_NAME		0
#define	CTL_DEBUG_VALUE		1

#define	SYSCTL_VERS(f)		((f) & SYSCTL_VERS_MASK)
#define	SYSCTL_TYPE(x)		((x) & SYSCTL_TYPEMASK)
#define	SYSCTL_FLAGS(x)		((x) & SYSCTL_FLAGMASK)

struct ctlname {
	const char *ctl_name;
	int	ctl_type;
};

struct sysctlnode;
struct sysctllog;

typedef int (*sysctlfn)(const int *, u_int, void *, size_t *, const void *,
	    size_t, const int *, struct lwp *, const struct sysctlnode *);

#define	SYSCTLFN_PROTO	const int *, u_int, void *, size_t *,		\
	const void *, size_t, const int *, struct lwp *,		\
	const struct sysctlnode *
#define	SYSCTLFN_ARGS	const int *name, u_int namelen, void *oldp,	\
	size_t *oldlenp, const void *newp, size_t newlen,		\
	const int *oname, struct lwp *l, const struct sysctlnode *rnode
#define	SYSCTLFN_CALL(node)	name, namelen, oldp, oldlenp, newp,	\
	newlen, oname, l, node

#define	__sysc_unionized(type)						\
	union {								\
		uint64_t __sysc_upad;					\
		struct {						\
			type __sysc_sdatum;				\
		} __sysc_ustr;						\
	}

struct sysctlnode {
	uint32_t sysctl_flags;
	int32_t	sysctl_num;
	char	sysctl_name[SYSCTL_NAMELEN];
	uint32_t sysctl_ver;
	uint32_t __rsvd;
	union {
		struct {
			uint32_t suc_csize;
			uint32_t suc_clen;
			__sysc_unionized(struct sysctlnode *) _suc_child;
		} scu_child;
		struct {
			__sysc_unionized(void *) _sud_data;
			__sysc_unionized(size_t) _sud_offset;
		} scu_data;
		int32_t	scu_alias;
		int32_t	scu_idata;
		u_quad_t scu_qdata;
		bool	scu_bdata;
	} sysctl_un;
	__sysc_unionized(size_t) _sysctl_size;
	__sysc_unionized(sysctlfn) _sysctl_func;
	__sysc_unionized(struct sysctlnode *) _sysctl_parent;
	__sysc_unionized(const char *) _sysctl_desc;
};

#define	__sysc_datum(u)	u.__sysc_ustr.__sysc_sdatum
#define	sysctl_csize	sysctl_un.scu_child.suc_csize
#define	sysctl_clen	sysctl_un.scu_child.suc_clen
#define	sysctl_child	__sysc_datum(sysctl_un.scu_child._suc_child)
#define	sysctl_data	__sysc_datum(sysctl_un.scu_data._sud_data)
#define	sysctl_offset	__sysc_datum(sysctl_un.scu_data._sud_offset)
#define	sysctl_alias	sysctl_un.scu_alias
#define	sysctl_idata	sysctl_un.scu_idata
#define	sysctl_qdata	sysctl_un.scu_qdata
#define	sysctl_bdata	sysctl_un.scu_bdata
#define	sysctl_size	__sysc_datum(_sysctl_size)
#define	sysctl_func	__sysc_datum(_sysctl_func)
#define	sysctl_parent	__sysc_datum(_sysctl_parent)
#define	sysctl_desc	__sysc_datum(_sysctl_desc)

/* What a CTL_DESCRIBE query returns, one after the other. */
struct sysctldesc {
	int32_t	descr_num;
	uint32_t descr_ver;
	uint32_t descr_len;
	char	descr_str[1];
};

#define	__sysc_desc_roundup(x)	((((x) - 1) | (sizeof(int32_t) - 1)) + 1)
#define	__sysc_desc_len(l)						\
	(offsetof(struct sysctldesc, descr_str) + __sysc_desc_roundup(l))
#define	__sysc_desc_adv(d, l)						\
	((struct sysctldesc *)(((char *)(d)) + __sysc_desc_len(l)))
#define	NEXT_DESCR(d)	__sysc_desc_adv((d), (d)->descr_len)

/*
 * A function in this link set runs when its image is loaded; the log it
 * fills is torn down when the image goes.
 */
#define	SYSCTL_SETUP_PROTO(name) void name(struct sysctllog **)
#define	SYSCTL_SETUP(name, desc)					\
	static void name(struct sysctllog **);				\
	__link_set_add_text(sysctl_funcs, name);			\
	static void name(struct sysctllog **clog)

void	sysctl_init(void);
void	sysctl_basenode_init(void);
void	sysctl_finalize(void);
int	sysctl_createv(struct sysctllog **, int, const struct sysctlnode **,
	    const struct sysctlnode **, int, int, const char *, const char *,
	    sysctlfn, u_quad_t, void *, size_t, ...);
int	sysctl_destroyv(struct sysctlnode *, ...);
void	sysctl_teardown(struct sysctllog **);
void	sysctl_lock(bool);
void	sysctl_relock(void);
void	sysctl_unlock(void);
int	sysctl_dispatch(SYSCTLFN_PROTO);
int	sysctl_lookup(SYSCTLFN_PROTO);
int	sysctl_query(SYSCTLFN_PROTO);
int	sysctl_create(SYSCTLFN_PROTO);
int	sysctl_destroy(SYSCTLFN_PROTO);
int	sysctl_describe(SYSCTLFN_PROTO);
int	sysctl_needfunc(SYSCTLFN_PROTO);
int	sysctl_notavail(SYSCTLFN_PROTO);
int	sysctl_null(SYSCTLFN_PROTO);
int	sysctl_copyin(struct lwp *, const void *, void *, size_t);
int	sysctl_copyout(struct lwp *, const void *, void *, size_t);
int	sysctl_copyinstr(struct lwp *, const void *, void *, size_t,
	    size_t *);

/* A process, for ps(1) and procfs; addresses are 0 here. */
typedef struct {
	uint32_t __bits[4];
} ki_sigset_t;

#define	KI_NGROUPS	16
#define	KI_MAXCOMLEN	24

#define	EPROC_CTTY	0x01
#define	EPROC_SLEADER	0x02
#define	L_INMEM		0x00000004	/* p_flag */

struct kinfo_proc2 {
	uint64_t p_forw, p_back, p_paddr, p_addr, p_fd, p_cwdi, p_stats,
	    p_limit, p_vmspace, p_sigacts, p_sess, p_tsess, p_ru;
	int32_t	p_eflag, p_exitsig, p_flag, p_pid, p_ppid, p_sid, p__pgid,
	    p_tpgid;
	uint32_t p_uid, p_ruid, p_gid, p_rgid, p_groups[KI_NGROUPS];
	int16_t	p_ngroups, p_jobc;
	uint32_t p_tdev, p_estcpu, p_rtime_sec, p_rtime_usec;
	int32_t	p_cpticks;
	uint32_t p_pctcpu, p_swtime, p_slptime;
	int32_t	p_schedflags;
	uint64_t p_uticks, p_sticks, p_iticks, p_tracep;
	int32_t	p_traceflag, p_holdcnt;
	ki_sigset_t p_siglist, p_sigmask, p_sigignore, p_sigcatch;
	int8_t	p_stat;
	uint8_t	p_priority, p_usrpri, p_nice;
	uint16_t p_xstat, p_acflag;
	char	p_comm[KI_MAXCOMLEN], p_wmesg[8];
	uint64_t p_wchan;
	char	p_login[24];
	int32_t	p_vm_rssize, p_vm_tsize, p_vm_dsize, p_vm_ssize;
	int64_t	p_uvalid;
	uint32_t p_ustart_sec, p_ustart_usec, p_uutime_sec, p_uutime_usec,
	    p_ustime_sec, p_ustime_usec;
	uint64_t p_uru_maxrss, p_uru_ixrss, p_uru_idrss, p_uru_isrss,
	    p_uru_minflt, p_uru_majflt, p_uru_nswap, p_uru_inblock,
	    p_uru_oublock, p_uru_msgsnd, p_uru_msgrcv, p_uru_nsignals,
	    p_uru_nvcsw, p_uru_nivcsw;
	uint32_t p_uctime_sec, p_uctime_usec;
	uint64_t p_cpuid, p_realflag, p_nlwps, p_nrlwps, p_realstat;
	uint32_t p_svuid, p_svgid;
	char	p_ename[16];
	int64_t	p_vm_vsize, p_vm_msize;
};

void	fill_kproc2(struct proc *, struct kinfo_proc2 *, bool, bool);

#endif /* !_SYS_SYSCTL_H_ */
