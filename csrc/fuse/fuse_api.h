/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The /dev/fuse server as its users see it: Python (fuse.cdef says the same)
 * and the C programs of csrc/bench, which give it an in-memory tree instead
 * of a kernel.
 */

#ifndef _FUSE_API_H_
#define _FUSE_API_H_

#include <stdint.h>

struct export_req;
struct fuse_server;
struct hyp_kernel;

struct fuse_config {
	int		fd;		/* /dev/fuse; the server owns it */
	uint32_t	flags;		/* FUSE_SERVER_* */
	uint32_t	max_write;	/* bytes; 0: 1 MiB */
	uint32_t	max_readahead;	/* bytes; 0: what Linux offers */
	uint32_t	entry_valid;	/* seconds; names, also absent ones */
	uint32_t	attr_valid;	/* seconds */
	struct hyp_kernel *kernel;
	uint64_t	proc;		/* process the contexts belong to */
	uint64_t	entry;		/* address of kern_export */
	uint64_t	export_handle;	/* from kern_export_attach */
	/* C only: who does the work.  NULL: hyp_submit() to the kernel. */
	int		(*submit)(void *, struct export_req *);
	void		*submit_arg;
};

#define	FUSE_SERVER_RDONLY	0x0001u
#define	FUSE_SERVER_MAPPED	0x0002u	/* everybody acts as root inside */
#define	FUSE_SERVER_XATTR	0x0004u	/* the driver has them */
#define	FUSE_SERVER_LOCKS	0x0008u	/* locks live in the kernel, not in
					   Linux: for trees used from both */
#define	FUSE_SERVER_WRITEBACK	0x0010u	/* Linux may delay writes */
#define	FUSE_SERVER_NO_OPEN	0x0020u	/* opening has no side effect */
#define	FUSE_SERVER_TRACE	0x0040u	/* each request to stderr */
#define	FUSE_SERVER_SHARED	0x0080u	/* others change the tree, too */
#define	FUSE_SERVER_ACL		0x0100u	/* POSIX.1e lists, which Linux reads */

/* What fuse_server_run() returns. */
#define	FUSE_RUN_UNMOUNTED	0	/* unmounted, or connection aborted */
#define	FUSE_RUN_STOPPED	1	/* fuse_server_stop() */
#define	FUSE_RUN_PANIC		2	/* the kernel is dead */
#define	FUSE_RUN_ERROR		3	/* fuse_server_errno() tells */

struct fuse_server *fuse_server_create(const struct fuse_config *, int *error);
int	fuse_server_run(struct fuse_server *);
int	fuse_server_wait_init(struct fuse_server *, int timeout_ms);
int	fuse_server_errno(const struct fuse_server *);
void	fuse_server_stop(struct fuse_server *);
void	fuse_server_fail(struct fuse_server *);
int	fuse_server_inval_inode(struct fuse_server *, uint64_t node,
	    int64_t off, int64_t len);
int	fuse_server_inval_entry(struct fuse_server *, uint64_t parent,
	    const char *name, uint32_t namelen);
uint64_t fuse_server_requests(const struct fuse_server *);
void	fuse_server_destroy(struct fuse_server *);
int	fuse_mount_fd(int fd, const char *source, const char *mountpoint,
	    unsigned long flags, const char *options);
int	fuse_unmount(const char *mountpoint, int lazy);

#endif /* !_FUSE_API_H_ */
