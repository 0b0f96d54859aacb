/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _KERNEL_VFS_SELECT_IMPL_H_
#define _KERNEL_VFS_SELECT_IMPL_H_

void select_init(void);

#endif /* !_KERNEL_VFS_SELECT_IMPL_H_ */
