/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * noxstate COMMAND [ARG ...]: run a command for which the register set
 * NT_X86_XSTATE does not exist.
 *
 * User-mode Linux 6.1 reserves 2696 bytes for it and dies where the processor
 * has more (AMX: 11 KiB).  Told that there is none, it uses the older
 * floating-point register set, which is all that its processes here need.
 */
#define _GNU_SOURCE
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>

#include <elf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#define	LOAD(field)							\
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define	UNLESS(value, skip)						\
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (value), 0, (skip))

int
main(int argc, char **argv)
{
	struct sock_filter code[] = {
		LOAD(nr),
		UNLESS(SYS_ptrace, 5),
		LOAD(args[0]),
		UNLESS(PTRACE_GETREGSET, 3),
		LOAD(args[2]),
		UNLESS(NT_X86_XSTATE, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = {
		.len = sizeof(code) / sizeof(code[0]),
		.filter = code,
	};

	if (argc < 2)
		return 2;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) != 0) {
		perror("noxstate");
		return 1;
	}
	execvp(argv[1], argv + 1);
	perror(argv[1]);
	return 127;
}
