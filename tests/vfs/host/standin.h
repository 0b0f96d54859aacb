/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The kernel around buffers and pages, as an ordinary program: one thread, a
 * file system of one file, and a disk whose answers come late, out of order
 * or as errors.
 */
#ifndef _STANDIN_H_
#define	_STANDIN_H_

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/vnode.h>

#define	FSHIFT_BLOCK	13			/* 8 KiB blocks */
#define	FS_BLOCK	(1 << FSHIFT_BLOCK)
#define	FS_NBLOCKS	8192			/* of the disk */
#define	FS_RESERVED	512			/* for tests of buffers */
#define	FS_MAXFILE	4096			/* blocks of the file */

extern struct vnode *file_vp;
extern struct vnode *disk_vp;
extern unsigned char *disk;

/* How the disk behaves, and how much memory there is (pages). */
extern bool disk_late;
extern int disk_failrate;	/* one of so many transfers fails; 0: none */
extern size_t memory_limit;
extern long copyin_faults_after;	/* -1: never */

void	standin_start(void);
void	disk_drain(void);
void	file_alloc(off_t, off_t);
void	file_cut(off_t);
int64_t	file_block(off_t);

uint32_t rnd(uint32_t);
void	rnd_seed(uint32_t);
void	die(const char *, ...) __dead __printflike(1, 2);

/* Of the host's library, whose headers don't go with the kernel's. */
extern void *calloc(size_t, size_t);
extern void *aligned_alloc(size_t, size_t);
extern void host_free(void *) __asm__("free");
extern void abort(void) __dead;
extern int fflush(void *);
extern int atoi(const char *);

#endif /* _STANDIN_H_ */
