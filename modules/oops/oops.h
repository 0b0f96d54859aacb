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

/* undefined.c */
int	oops_ub_add(void);
int	oops_ub_sub(void);
int	oops_ub_mul(void);
int	oops_ub_negate(void);
int	oops_ub_divide(void);
int	oops_ub_shift(void);
int	oops_ub_index(void);
int	oops_ub_align(void);
int	oops_ub_null(void);
int	oops_ub_value(void);
int	oops_ub_unreachable(void);
int	oops_ub_bits(void);
int	oops_ub_argument(void);
int	oops_ub_return(void);
int	oops_ub_pointer(void);
int	oops_ub_array(void);

#endif /* _OOPS_H_ */
