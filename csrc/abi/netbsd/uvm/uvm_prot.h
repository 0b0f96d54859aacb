/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * uvm/uvm_prot.h: kinds of access to memory.
 */
#ifndef _UVM_UVM_PROT_H_
#define	_UVM_UVM_PROT_H_

typedef int	vm_prot_t;

#define	VM_PROT_NONE	((vm_prot_t)0x00)
#define	VM_PROT_READ	((vm_prot_t)0x01)
#define	VM_PROT_WRITE	((vm_prot_t)0x02)
#define	VM_PROT_EXECUTE	((vm_prot_t)0x04)
#define	VM_PROT_DEFAULT	(VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE)
#define	VM_PROT_ALL	(VM_PROT_READ | VM_PROT_WRITE | VM_PROT_EXECUTE)

#define	UVM_PROT_MASK	0x07
#define	UVM_PROT_NONE	0x00
#define	UVM_PROT_ALL	0x07
#define	UVM_PROT_READ	0x01
#define	UVM_PROT_WRITE	0x02
#define	UVM_PROT_EXEC	0x04
#define	UVM_PROT_R	0x01
#define	UVM_PROT_W	0x02
#define	UVM_PROT_RW	0x03
#define	UVM_PROT_X	0x04
#define	UVM_PROT_RX	0x05
#define	UVM_PROT_WX	0x06
#define	UVM_PROT_RWX	0x07

#endif /* !_UVM_UVM_PROT_H_ */
