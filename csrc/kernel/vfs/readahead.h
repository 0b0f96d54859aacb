/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Reading ahead of a reader.
 */
#ifndef _VFS_READAHEAD_H_
#define	_VFS_READAHEAD_H_

#include <sys/types.h>

struct uvm_object;

void	readahead_miss(struct uvm_object *, off_t, int);
void	readahead_continue(struct uvm_object *, off_t);

#endif /* !_VFS_READAHEAD_H_ */
