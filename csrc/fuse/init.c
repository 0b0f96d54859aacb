/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FUSE_INIT: agree with Linux on a protocol version and on features.
 *
 * What is never asked for, and why: splice (slower than a copy on every
 * measured load); asynchronous direct I/O (Linux forgets what it has cached of
 * a file before such a write only, not after it, so that a read meanwhile
 * leaves old data there for good; and one CPU serves all requests).
 *
 * POSIX ACLs are where the mount has them: Linux decides from modes who may do
 * what, and has to know the lists for that.  Linux looks for changes by others
 * (AUTO_INVAL_DATA) only where there are others.
 */

#include <errno.h>
#include <string.h>

#include "server.h"

#define	PROTO_MINOR_MIN		31	/* Linux 5.4 */
#define	PROTO_MINOR_MAX		41
#define	MAX_BACKGROUND		64

/* Features that cost nothing and are taken where Linux offers them. */
#define	INIT_ALWAYS							\
	(FUSE_ASYNC_READ | FUSE_ATOMIC_O_TRUNC | FUSE_BIG_WRITES |	\
	 FUSE_DO_READDIRPLUS | FUSE_READDIRPLUS_AUTO |			\
	 FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV |			\
	 FUSE_HANDLE_KILLPRIV_V2 | FUSE_ABORT_ERROR | FUSE_MAX_PAGES |	\
	 FUSE_CACHE_SYMLINKS | FUSE_HAS_IOCTL_DIR | FUSE_EXPORT_SUPPORT)

static uint32_t
init_flags(const struct fuse_server *fs)
{
	uint32_t want = INIT_ALWAYS;

	want |= fs->cfg.flags & FUSE_SERVER_SHARED ? FUSE_AUTO_INVAL_DATA :
	    FUSE_EXPLICIT_INVAL_DATA;
	if (fs->cfg.flags & FUSE_SERVER_LOCKS)
		want |= FUSE_POSIX_LOCKS | FUSE_FLOCK_LOCKS;
	if (fs->cfg.flags & FUSE_SERVER_ACL)
		want |= FUSE_POSIX_ACL;
	if (fs->cfg.flags & FUSE_SERVER_WRITEBACK)
		want |= FUSE_WRITEBACK_CACHE;
	if (fs->cfg.flags & FUSE_SERVER_NO_OPEN)
		want |= FUSE_NO_OPEN_SUPPORT | FUSE_NO_OPENDIR_SUPPORT;
	return want;
}

static void
init_agree(struct fuse_server *fs, const struct fuse_init_in *in,
    struct fuse_init_out *out)
{

	memset(out, 0, sizeof(*out));
	fs->minor = in->minor < PROTO_MINOR_MAX ? in->minor : PROTO_MINOR_MAX;
	out->major = FUSE_KERNEL_VERSION;
	out->minor = fs->minor;
	out->max_readahead = in->max_readahead;
	if (fs->cfg.max_readahead != 0 &&
	    fs->cfg.max_readahead < in->max_readahead)
		out->max_readahead = fs->cfg.max_readahead;
	out->flags = in->flags & init_flags(fs);
	out->max_background = MAX_BACKGROUND;
	out->congestion_threshold = MAX_BACKGROUND * 3 / 4;
	out->max_write = fs->cfg.max_write;
	out->max_pages = (uint16_t)(fs->cfg.max_write / REQ_PAGE);
	out->time_gran = 1;
	/* An "open" that we do not offer to skip must be answered. */
	if ((out->flags & FUSE_NO_OPEN_SUPPORT) == 0)
		fs->cfg.flags &= ~FUSE_SERVER_NO_OPEN;
}

int
init_decode(struct fuse_req *req)
{
	struct fuse_server *fs = req->fs;
	struct fuse_init_in in = { 0 };
	const size_t args = req->len - sizeof(struct fuse_in_header);

	/* The message grew at 7.36; take what there is. */
	memcpy(&in, req->msg + sizeof(struct fuse_in_header),
	    args < sizeof(in) ? args : sizeof(in));
	if (in.major != FUSE_KERNEL_VERSION || in.minor < PROTO_MINOR_MIN)
		return EPROTO;
	init_agree(fs, &in, (struct fuse_init_out *)req->body);
	fs->inited = true;
	server_answer(req, 0, sizeof(struct fuse_init_out));
	sem_post(&fs->ready);
	return WIRE_ANSWERED;
}
