/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NetBSD's errno numbers as Linux's.  The first 34 are the same in both;
 * numbers that Linux has no word for become the nearest one.
 */

#include <errno.h>

#include "server.h"

#define	NETBSD_SAME	34	/* EPERM to ERANGE */
#define	NETBSD_LAST	98

static const short errno_map[NETBSD_LAST + 1] = {
	[11] = EDEADLK,
	[35] = EAGAIN,
	[36] = EINPROGRESS,
	[37] = EALREADY,
	[38] = ENOTSOCK,
	[39] = EDESTADDRREQ,
	[40] = EMSGSIZE,
	[41] = EPROTOTYPE,
	[42] = ENOPROTOOPT,
	[43] = EPROTONOSUPPORT,
	[44] = ESOCKTNOSUPPORT,
	[45] = EOPNOTSUPP,
	[46] = EPFNOSUPPORT,
	[47] = EAFNOSUPPORT,
	[48] = EADDRINUSE,
	[49] = EADDRNOTAVAIL,
	[50] = ENETDOWN,
	[51] = ENETUNREACH,
	[52] = ENETRESET,
	[53] = ECONNABORTED,
	[54] = ECONNRESET,
	[55] = ENOBUFS,
	[56] = EISCONN,
	[57] = ENOTCONN,
	[58] = ESHUTDOWN,
	[59] = ETOOMANYREFS,
	[60] = ETIMEDOUT,
	[61] = ECONNREFUSED,
	[62] = ELOOP,
	[63] = ENAMETOOLONG,
	[64] = EHOSTDOWN,
	[65] = EHOSTUNREACH,
	[66] = ENOTEMPTY,
	[67] = EAGAIN,		/* EPROCLIM */
	[68] = EUSERS,
	[69] = EDQUOT,
	[70] = ESTALE,
	[71] = EREMOTE,
	[72] = EPROTO,		/* EBADRPC */
	[73] = EPROTO,		/* ERPCMISMATCH */
	[74] = EPROTO,		/* EPROGUNAVAIL */
	[75] = EPROTO,		/* EPROGMISMATCH */
	[76] = EPROTO,		/* EPROCUNAVAIL */
	[77] = ENOLCK,
	[78] = ENOSYS,
	[79] = EINVAL,		/* EFTYPE */
	[80] = EACCES,		/* EAUTH */
	[81] = EACCES,		/* ENEEDAUTH */
	[82] = EIDRM,
	[83] = ENOMSG,
	[84] = EOVERFLOW,
	[85] = EILSEQ,
	[86] = EOPNOTSUPP,	/* ENOTSUP */
	[87] = ECANCELED,
	[88] = EBADMSG,
	[89] = ENODATA,
	[90] = ENOSR,
	[91] = ENOSTR,
	[92] = ETIME,
	[93] = ENODATA,		/* ENOATTR */
	[94] = EMULTIHOP,
	[95] = ENOLINK,
	[96] = EPROTO,
	[97] = EOWNERDEAD,
	[98] = ENOTRECOVERABLE,
};

int
fuse_errno_from_netbsd(int error)
{

	/* ERESTART and its like are negative: a sleep was interrupted. */
	if (error < 0)
		return EINTR;
	if (error > NETBSD_LAST)
		return EIO;
	if (errno_map[error] != 0)
		return errno_map[error];
	return error <= NETBSD_SAME ? error : EIO;
}
