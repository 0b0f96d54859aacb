/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef _OOPS_H_
#define	_OOPS_H_

int	oops_smash(void);

/* memory.c */
int	oops_overrun(void);
int	oops_underrun(void);
int	oops_afterfree(void);
int	oops_bigfree(void);
int	oops_freetwice(void);
int	oops_freesize(void);
int	oops_leak(void);
int	oops_poolrun(void);
int	oops_poolleak(void);

#endif /* _OOPS_H_ */
