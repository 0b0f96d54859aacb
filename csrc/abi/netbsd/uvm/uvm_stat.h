/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_stat.h: UVM's history log, which this kernel doesn't keep.
 */
#ifndef _UVM_UVM_STAT_H_
#define	_UVM_UVM_STAT_H_

#define	UVMHIST_DECL(hist)
#define	UVMHIST_FUNC(name)
#define	UVMHIST_CALLED(hist)
#define	UVMHIST_CALLARGS(hist, fmt, a, b, c, d)
#define	UVMHIST_LOG(hist, fmt, a, b, c, d)

#endif /* !_UVM_UVM_STAT_H_ */
