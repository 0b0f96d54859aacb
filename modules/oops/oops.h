/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _OOPS_H_
#define	_OOPS_H_

int	oops_smash(void);

#endif /* _OOPS_H_ */
