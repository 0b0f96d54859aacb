/* SPDX-License-Identifier: BSD-2-Clause */
/* Extended attributes: name spaces, commands, helpers. */

#ifndef _SYS_EXTATTR_H_
#define _SYS_EXTATTR_H_

#include <sys/types.h>

#define EXTATTR_NAMESPACE_EMPTY	0
#define EXTATTR_NAMESPACE_USER	1
#define EXTATTR_NAMESPACE_SYSTEM	2
#define EXTATTR_NAMESPACE_EMPTY_STRING	"empty"
#define EXTATTR_NAMESPACE_USER_STRING	"user"
#define EXTATTR_NAMESPACE_SYSTEM_STRING	"system"

#define EXTATTR_MAXNAMELEN	255
#define EXTATTR_CMD_START	1
#define EXTATTR_CMD_STOP	2
#define EXTATTR_LIST_LENPREFIX	1

#ifdef _KERNEL
#include <sys/kauth.h>
struct vnode;

int extattr_check_cred(struct vnode *, int, kauth_cred_t, int);
#endif

#endif /* !_SYS_EXTATTR_H_ */
