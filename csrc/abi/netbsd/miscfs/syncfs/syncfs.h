/* SPDX-License-Identifier: BSD-2-Clause */
/* The syncer daemon, kept under its historic name. */

#ifndef _MISCFS_SYNCFS_SYNCFS_H_
#define _MISCFS_SYNCFS_SYNCFS_H_

#include <sys/types.h>

extern time_t syncdelay;
extern time_t filedelay;
extern time_t dirdelay;
extern time_t metadelay;

#endif /* !_MISCFS_SYNCFS_SYNCFS_H_ */
