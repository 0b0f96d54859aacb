/* SPDX-License-Identifier: BSD-2-Clause */

/* Address space limits of NetBSD/amd64. */
#ifndef _MACHINE_VMPARAM_H_
#define	_MACHINE_VMPARAM_H_

#define	PAGE_SHIFT		12
#define	PAGE_SIZE		(1 << PAGE_SHIFT)
#define	PAGE_MASK		(PAGE_SIZE - 1)
#define	UBC_WINSHIFT		16
#define	UBC_NWINS		4096
#define	USRSTACK		0x7f7ffffff000UL
#define	MAXTSIZ			0x200000000UL
#define	DFLDSIZ			0x10000000UL
#define	MAXDSIZ			0x200000000UL
#define	DFLSSIZ			0x400000UL
#define	MAXSSIZ			0x8000000UL
#define	VM_MIN_ADDRESS		0UL
#define	VM_MAXUSER_ADDRESS	0x7f7ffffff000UL
#define	VM_MAX_ADDRESS		0x7fbfdfeff000UL

#endif /* !_MACHINE_VMPARAM_H_ */
