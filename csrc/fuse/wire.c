/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * FUSE messages to export requests and back: for every operation one row in
 * wire_ops[], one function that decodes its arguments and, where the answer
 * has a fixed part, one that encodes it.  What is not listed is ENOSYS, which
 * Linux remembers and does without; wire_absent[] says why.
 */

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

/* ioctl(2) numbers of lsattr and chattr, and the flags that we have. */
#define	IOC_GETFLAGS		0x80086601u	/* _IOR('f', 1, long) */
#define	IOC_SETFLAGS		0x40086602u	/* _IOW('f', 2, long) */
#define	IOC_FSGETXATTR		0x801c581fu	/* before setting, too */
#define	IOC_FSSETXATTR		0x401c5820u
#define	IOC_FL_IMMUTABLE	0x00000010u
#define	IOC_FL_APPEND		0x00000020u
#define	IOC_FL_NODUMP		0x00000040u
#define	IOC_XFL_IMMUTABLE	0x00000008u
#define	IOC_XFL_APPEND		0x00000010u
#define	IOC_XFL_NODUMP		0x00000080u
#define	IOC_FSXATTR_WORDS	7u		/* struct fsxattr */

#define	OPEN_FMODE_EXEC		0x20u	/* among open flags: execve(2) asks */
#define	FALLOC_KEEP_SIZE	0x01u
#define	FALLOC_PUNCH_HOLE	0x02u
#define	FALLOC_ZERO_RANGE	0x10u
#define	RENAME2_NOREPLACE	0x01u
#define	RENAME2_EXCHANGE	0x02u
#define	WHENCE_DATA		3u
#define	WHENCE_HOLE		4u
#define	XATTR_FLAG_CREATE	0x01u
#define	XATTR_FLAG_REPLACE	0x02u
#define	STATX_BASIC		0x07ffu
#define	STATX_HAS_BTIME		0x0800u

static const void *
req_args(const struct fuse_req *req)
{

	return req->msg + sizeof(struct fuse_in_header);
}

/* Room for data that the answer carries; beyond all arguments if spare. */
static void
req_room(struct fuse_req *req, size_t len, bool spare)
{
	uint8_t *data = (uint8_t *)req + REQ_PAGE + (spare ? REQ_PAGE : 0);
	const size_t room = (size_t)((uint8_t *)req + req->fs->reqsize - data);

	req->x.er_data = data;
	req->x.er_datalen = len < room ? len : room;
}

static void
req_handle(struct fuse_req *req, uint64_t fh)
{

	/* Without opens (FUSE_SERVER_NO_OPEN) Linux says 0. */
	if (fh == 0)
		return;
	req->x.er_handle = fh;
	req->x.er_flags |= EXPORT_F_HANDLE;
}

/*
 * The name that begins at byte `at' of the arguments; returns where the next
 * one begins, or 0 if there is none that ends.
 */
static size_t
req_name(const struct fuse_req *req, size_t at, const char **name,
    uint32_t *len)
{
	const size_t argslen = req->len - sizeof(struct fuse_in_header);
	const char *p = (const char *)req_args(req) + at;

	if (at >= argslen)
		return 0;
	const char *end = memchr(p, '\0', argslen - at);
	if (end == NULL)
		return 0;
	*name = p;
	*len = (uint32_t)(end - p);
	return at + *len + 1;
}

/* Almost all operations on names: one name after the fixed arguments. */
static int
req_child(struct fuse_req *req, uint32_t op, size_t at)
{
	struct export_req *x = &req->x;

	x->er_op = op;
	if (req_name(req, at, &x->er_name, &x->er_namelen) == 0)
		return EINVAL;
	return x->er_namelen > EXPORT_NAME_MAX ? ENAMETOOLONG : 0;
}

static uint32_t
open_flags(uint32_t flags)
{
	uint32_t o = 0;

	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		o = EXPORT_O_READ;
		break;
	case O_WRONLY:
		o = EXPORT_O_WRITE;
		break;
	default:
		o = EXPORT_O_READ | EXPORT_O_WRITE;
		break;
	}
	if (flags & O_APPEND)
		o |= EXPORT_O_APPEND;
	if (flags & O_TRUNC)
		o |= EXPORT_O_TRUNC;
	if (flags & O_EXCL)
		o |= EXPORT_O_EXCL;
	if ((flags & O_SYNC) == O_SYNC)
		o |= EXPORT_O_SYNC;
	else if (flags & O_DSYNC)
		o |= EXPORT_O_DSYNC;
	if (flags & 040000)	/* O_DIRECT, hidden without _GNU_SOURCE */
		o |= EXPORT_O_DIRECT;
	if (flags & O_NONBLOCK)
		o |= EXPORT_O_NONBLOCK;
	if (flags & 01000000)	/* O_NOATIME, hidden likewise */
		o |= EXPORT_O_NOATIME;
	if (flags & OPEN_FMODE_EXEC)
		o |= EXPORT_O_EXEC;
	return o;
}

/*
 * Entries and attributes.
 */

static size_t
encode_entry(struct fuse_req *req)
{

	memcpy(req->body, &req->x.er_entry, sizeof(req->x.er_entry));
	return sizeof(struct fuse_entry_out);
}

static size_t
encode_attr(struct fuse_req *req)
{
	struct fuse_attr_out *out = (struct fuse_attr_out *)req->body;

	out->attr_valid = req->fs->cfg.attr_valid;
	out->attr_valid_nsec = 0;
	out->dummy = 0;
	memcpy(&out->attr, &req->x.er_entry.ee_attr, sizeof(out->attr));
	return sizeof(*out);
}

static int
decode_lookup(struct fuse_req *req)
{

	return req_child(req, EXPORT_LOOKUP, 0);
}

static int
decode_getattr(struct fuse_req *req)
{
	const struct fuse_getattr_in *in = req_args(req);

	req->x.er_op = EXPORT_GETATTR;
	if (in->getattr_flags & FUSE_GETATTR_FH)
		req_handle(req, in->fh);
	return 0;
}

static const struct {
	uint32_t	fattr;
	uint32_t	set;
} setattr_bits[] = {
	{ FATTR_MODE,		EXPORT_SET_MODE },
	{ FATTR_UID,		EXPORT_SET_UID },
	{ FATTR_GID,		EXPORT_SET_GID },
	{ FATTR_SIZE,		EXPORT_SET_SIZE },
	{ FATTR_ATIME,		EXPORT_SET_ATIME },
	{ FATTR_MTIME,		EXPORT_SET_MTIME },
	{ FATTR_ATIME_NOW,	EXPORT_SET_ATIME_NOW },
	{ FATTR_MTIME_NOW,	EXPORT_SET_MTIME_NOW },
};

static int
decode_setattr(struct fuse_req *req)
{
	const struct fuse_setattr_in *in = req_args(req);
	struct export_setattr *set = &req->x.er_set;

	req->x.er_op = EXPORT_SETATTR;
	set->es_valid = 0;
	for (size_t i = 0; i < sizeof(setattr_bits) / sizeof(*setattr_bits);
	    i++) {
		if (in->valid & setattr_bits[i].fattr)
			set->es_valid |= setattr_bits[i].set;
	}
	set->es_mode = in->mode & 07777;
	set->es_uid = in->uid;
	set->es_gid = in->gid;
	set->es_size = in->size;
	set->es_atime = (int64_t)in->atime;
	set->es_mtime = (int64_t)in->mtime;
	set->es_atimensec = in->atimensec;
	set->es_mtimensec = in->mtimensec;
	if (in->valid & FATTR_FH)
		req_handle(req, in->fh);
	if (in->valid & FATTR_KILL_SUIDGID)
		req->x.er_flags |= EXPORT_F_KILLPRIV;
	return 0;
}

struct statx_time {
	int64_t		sec;
	uint32_t	nsec;
	int32_t		pad;
};

struct statx_in {
	uint32_t	getattr_flags;
	uint32_t	pad;
	uint64_t	fh;
	uint32_t	sx_flags;
	uint32_t	sx_mask;
};

struct statx_out {
	uint64_t	attr_valid;
	uint32_t	attr_valid_nsec;
	uint32_t	flags;
	uint64_t	spare[2];
	struct {
		uint32_t	mask;
		uint32_t	blksize;
		uint64_t	attributes;
		uint32_t	nlink;
		uint32_t	uid;
		uint32_t	gid;
		uint16_t	mode;
		uint16_t	spare0;
		uint64_t	ino;
		uint64_t	size;
		uint64_t	blocks;
		uint64_t	attributes_mask;
		struct statx_time atime;
		struct statx_time btime;
		struct statx_time ctime;
		struct statx_time mtime;
		uint32_t	rdev_major;
		uint32_t	rdev_minor;
		uint32_t	dev_major;
		uint32_t	dev_minor;
		uint64_t	spare2[14];
	} stat;
};
_Static_assert(sizeof(struct statx_out) == 288, "the wire's fuse_statx_out");

static int
decode_statx(struct fuse_req *req)
{
	const struct statx_in *in = req_args(req);

	req->x.er_op = EXPORT_GETATTR;
	if (in->getattr_flags & FUSE_GETATTR_FH)
		req_handle(req, in->fh);
	return 0;
}

static size_t
encode_statx(struct fuse_req *req)
{
	const struct export_attr *a = &req->x.er_entry.ee_attr;
	struct statx_out *out = (struct statx_out *)req->body;

	memset(out, 0, sizeof(*out));
	out->attr_valid = req->fs->cfg.attr_valid;
	out->stat.mask = STATX_BASIC;
	out->stat.blksize = a->ea_blksize;
	out->stat.nlink = a->ea_nlink;
	out->stat.uid = a->ea_uid;
	out->stat.gid = a->ea_gid;
	out->stat.mode = (uint16_t)a->ea_mode;
	out->stat.ino = a->ea_ino;
	out->stat.size = a->ea_size;
	out->stat.blocks = a->ea_blocks;
	out->stat.atime.sec = (int64_t)a->ea_atime;
	out->stat.atime.nsec = a->ea_atimensec;
	out->stat.mtime.sec = (int64_t)a->ea_mtime;
	out->stat.mtime.nsec = a->ea_mtimensec;
	out->stat.ctime.sec = (int64_t)a->ea_ctime;
	out->stat.ctime.nsec = a->ea_ctimensec;
	out->stat.rdev_major = export_major(a->ea_rdev);
	out->stat.rdev_minor = export_minor(a->ea_rdev);
	if (req->x.er_btime != -1) {
		out->stat.mask |= STATX_HAS_BTIME;
		out->stat.btime.sec = req->x.er_btime;
		out->stat.btime.nsec = req->x.er_btimensec;
	}
	return sizeof(*out);
}

/*
 * Forgetting.  Linux expects no answer.
 */

static int
forget_submit(struct fuse_req *req, void *array, size_t count)
{

	req->x.er_op = EXPORT_FORGET;
	req->x.er_data = array;
	req->x.er_datalen = count * sizeof(struct export_forget);
	req->mine = true;
	return 0;
}

static int
decode_forget(struct fuse_req *req)
{
	const struct fuse_forget_in *in = req_args(req);
	struct export_forget *one = (struct export_forget *)req->body;

	one->ef_node = req->x.er_node;
	one->ef_count = in->nlookup;
	return forget_submit(req, one, 1);
}

static int
decode_batch_forget(struct fuse_req *req)
{
	const struct fuse_batch_forget_in *in = req_args(req);
	const size_t room = (req->len - sizeof(struct fuse_in_header) -
	    sizeof(*in)) / sizeof(struct export_forget);

	if (in->count > room)
		return WIRE_SILENT;
	return forget_submit(req, (uint8_t *)(uintptr_t)in + sizeof(*in),
	    in->count);
}

static int
decode_interrupt(struct fuse_req *req)
{
	const struct fuse_interrupt_in *in = req_args(req);

	req->x.er_op = EXPORT_INTERRUPT;
	req->x.er_node2 = in->unique;
	req->mine = true;
	return 0;
}

/*
 * Names.
 */

static int
decode_readlink(struct fuse_req *req)
{

	req->x.er_op = EXPORT_READLINK;
	req_room(req, REQ_PAGE, false);
	return 0;
}

static int
decode_symlink(struct fuse_req *req)
{
	struct export_req *x = &req->x;

	x->er_op = EXPORT_SYMLINK;
	const size_t at = req_name(req, 0, &x->er_name, &x->er_namelen);
	if (at == 0 || req_name(req, at, &x->er_name2, &x->er_namelen2) == 0)
		return EINVAL;
	return x->er_namelen > EXPORT_NAME_MAX ? ENAMETOOLONG : 0;
}

static int
decode_mknod(struct fuse_req *req)
{
	const struct fuse_mknod_in *in = req_args(req);

	req->x.er_mode = in->mode;
	req->x.er_rdev = in->rdev;
	return req_child(req, EXPORT_MKNOD, sizeof(*in));
}

static int
decode_mkdir(struct fuse_req *req)
{
	const struct fuse_mkdir_in *in = req_args(req);

	req->x.er_mode = S_IFDIR | (in->mode & 07777);
	return req_child(req, EXPORT_MKDIR, sizeof(*in));
}

static int
decode_unlink(struct fuse_req *req)
{

	return req_child(req, EXPORT_UNLINK, 0);
}

static int
decode_rmdir(struct fuse_req *req)
{

	return req_child(req, EXPORT_RMDIR, 0);
}

static int
rename_names(struct fuse_req *req, size_t at, uint64_t newdir)
{
	struct export_req *x = &req->x;

	x->er_op = EXPORT_RENAME;
	x->er_node2 = newdir;
	at = req_name(req, at, &x->er_name, &x->er_namelen);
	if (at == 0 || req_name(req, at, &x->er_name2, &x->er_namelen2) == 0)
		return EINVAL;
	return x->er_namelen > EXPORT_NAME_MAX ||
	    x->er_namelen2 > EXPORT_NAME_MAX ? ENAMETOOLONG : 0;
}

static int
decode_rename(struct fuse_req *req)
{
	const struct fuse_rename_in *in = req_args(req);

	return rename_names(req, sizeof(*in), in->newdir);
}

static int
decode_rename2(struct fuse_req *req)
{
	const struct fuse_rename2_in *in = req_args(req);

	/* There are no white-outs of this kind: Linux's are device nodes. */
	switch (in->flags) {
	case 0:
		break;
	case RENAME2_NOREPLACE:
		req->x.er_flags |= EXPORT_F_NOREPLACE;
		break;
	case RENAME2_EXCHANGE:
		req->x.er_flags |= EXPORT_F_EXCHANGE;
		break;
	default:
		return EINVAL;
	}
	return rename_names(req, sizeof(*in), in->newdir);
}

static int
decode_link(struct fuse_req *req)
{
	const struct fuse_link_in *in = req_args(req);

	req->x.er_node2 = in->oldnodeid;
	return req_child(req, EXPORT_LINK, sizeof(*in));
}

/*
 * Open files.
 */

static size_t
encode_open(struct fuse_req *req)
{
	struct fuse_open_out *out = (struct fuse_open_out *)req->body;

	memset(out, 0, sizeof(*out));
	out->fh = req->x.er_handle;
	if ((req->fs->cfg.flags & FUSE_SERVER_SHARED) == 0) {
		out->open_flags |= FOPEN_KEEP_CACHE;
		if (req->x.er_op == EXPORT_OPENDIR)
			out->open_flags |= FOPEN_CACHE_DIR;
	}
	if ((req->fs->cfg.flags & FUSE_SERVER_LOCKS) == 0)
		out->open_flags |= RUMPY_FOPEN_NOFLUSH;
	return sizeof(*out);
}

static size_t
encode_create(struct fuse_req *req)
{
	const size_t opened = encode_open(req);

	memmove(req->body + sizeof(struct fuse_entry_out), req->body, opened);
	return encode_entry(req) + opened;
}

static int
decode_open(struct fuse_req *req)
{
	const struct fuse_open_in *in = req_args(req);

	if (req->fs->cfg.flags & FUSE_SERVER_NO_OPEN)
		return ENOSYS;
	req->x.er_op = EXPORT_OPEN;
	req->x.er_oflags = open_flags(in->flags);
	if (in->open_flags & FUSE_OPEN_KILL_SUIDGID)
		req->x.er_flags |= EXPORT_F_KILLPRIV;
	return 0;
}

static int
decode_opendir(struct fuse_req *req)
{

	if (req->fs->cfg.flags & FUSE_SERVER_NO_OPEN)
		return ENOSYS;
	req->x.er_op = EXPORT_OPENDIR;
	req->x.er_oflags = EXPORT_O_READ;
	return 0;
}

static int
decode_create(struct fuse_req *req)
{
	const struct fuse_create_in *in = req_args(req);

	req->x.er_oflags = open_flags(in->flags);
	req->x.er_mode = S_IFREG | (in->mode & 07777);
	if (in->open_flags & FUSE_OPEN_KILL_SUIDGID)
		req->x.er_flags |= EXPORT_F_KILLPRIV;
	return req_child(req, EXPORT_CREATE, sizeof(*in));
}

/* Linux gives a name, which means nothing. */
static int
decode_tmpfile(struct fuse_req *req)
{
	const struct fuse_create_in *in = req_args(req);

	req->x.er_op = EXPORT_TMPFILE;
	req->x.er_oflags = open_flags(in->flags) & ~(uint32_t)EXPORT_O_EXCL;
	req->x.er_mode = S_IFREG | (in->mode & 07777);
	return 0;
}

static int
decode_readop(struct fuse_req *req, uint32_t op)
{
	const struct fuse_read_in *in = req_args(req);

	req->x.er_op = op;
	req->x.er_offset = in->offset;
	req_handle(req, in->fh);
	req_room(req, in->size, false);
	return 0;
}

static int
decode_read(struct fuse_req *req)
{

	return decode_readop(req, EXPORT_READ);
}

static int
decode_readdir(struct fuse_req *req)
{

	return decode_readop(req, EXPORT_READDIR);
}

static int
decode_readdirplus(struct fuse_req *req)
{

	return decode_readop(req, EXPORT_READDIRPLUS);
}

static int
decode_write(struct fuse_req *req)
{
	const struct fuse_write_in *in = req_args(req);
	struct export_req *x = &req->x;

	if (in->size > req->len - REQ_HEAD)
		return EINVAL;
	x->er_op = EXPORT_WRITE;
	x->er_offset = in->offset;
	x->er_data = req->msg + REQ_HEAD;
	x->er_datalen = in->size;
	x->er_oflags = open_flags(in->flags);
	req_handle(req, in->fh);
	if (in->write_flags & FUSE_WRITE_CACHE)
		x->er_flags |= EXPORT_F_CACHED;
	if (in->write_flags & FUSE_WRITE_KILL_SUIDGID)
		x->er_flags |= EXPORT_F_KILLPRIV;
	return 0;
}

static size_t
encode_write(struct fuse_req *req)
{
	struct fuse_write_out *out = (struct fuse_write_out *)req->body;

	out->size = (uint32_t)req->x.er_done;
	out->padding = 0;
	return sizeof(*out);
}

static int
decode_flush(struct fuse_req *req)
{
	const struct fuse_flush_in *in = req_args(req);

	if ((req->fs->cfg.flags & FUSE_SERVER_LOCKS) == 0)
		return ENOSYS;
	req->x.er_op = EXPORT_FLUSH;
	req->x.er_owner = in->lock_owner;
	req_handle(req, in->fh);
	return 0;
}

static int
decode_release(struct fuse_req *req)
{
	const struct fuse_release_in *in = req_args(req);

	req->x.er_op = EXPORT_RELEASE;
	req->x.er_owner = in->lock_owner;
	req_handle(req, in->fh);
	if (in->release_flags & FUSE_RELEASE_FLOCK_UNLOCK)
		req->x.er_flags |= EXPORT_F_UNLOCK;
	return 0;
}

static int
decode_releasedir(struct fuse_req *req)
{
	const struct fuse_release_in *in = req_args(req);

	req->x.er_op = EXPORT_RELEASEDIR;
	req_handle(req, in->fh);
	return 0;
}

static int
decode_fsync(struct fuse_req *req)
{
	const struct fuse_fsync_in *in = req_args(req);

	req->x.er_op = EXPORT_FSYNC;
	req_handle(req, in->fh);
	if (in->fsync_flags & FUSE_FSYNC_FDATASYNC)
		req->x.er_flags |= EXPORT_F_DATAONLY;
	return 0;
}

static int
decode_lseek(struct fuse_req *req)
{
	const struct fuse_lseek_in *in = req_args(req);

	if (in->whence != WHENCE_DATA && in->whence != WHENCE_HOLE)
		return EINVAL;
	req->x.er_op = EXPORT_LSEEK;
	req->x.er_offset = in->offset;
	if (in->whence == WHENCE_HOLE)
		req->x.er_flags |= EXPORT_F_SEEKHOLE;
	req_handle(req, in->fh);
	return 0;
}

static size_t
encode_lseek(struct fuse_req *req)
{
	struct fuse_lseek_out *out = (struct fuse_lseek_out *)req->body;

	out->offset = req->x.er_offset;
	return sizeof(*out);
}

/*
 * Make Linux ask for a file's attributes where it does not expect them to
 * change.  It may be told from here, since it holds the file open until we
 * answer.
 */
static void
inval_attr(const struct fuse_req *req)
{
	const struct {
		struct fuse_out_header out;
		struct fuse_notify_inval_inode_out inode;
	} note = {
		{ sizeof(note), FUSE_NOTIFY_INVAL_INODE, 0 },
		{ req->x.er_node, -1, 0 },
	};

	ssize_t done = write(req->fs->cfg.fd, &note, sizeof(note));
	(void)done;	/* Linux may have forgotten the file */
}

static int
decode_fallocate(struct fuse_req *req)
{
	const struct fuse_fallocate_in *in = req_args(req);

	/* The rest moves contents about: FFS could only copy them. */
	if (in->mode & ~(FALLOC_KEEP_SIZE | FALLOC_PUNCH_HOLE |
	    FALLOC_ZERO_RANGE))
		return EOPNOTSUPP;
	req->x.er_op = EXPORT_FALLOCATE;
	req->x.er_offset = in->offset;
	req->x.er_length = in->length;
	if (in->mode & FALLOC_KEEP_SIZE)
		req->x.er_flags |= EXPORT_F_KEEPSIZE;
	if (in->mode & FALLOC_PUNCH_HOLE)
		req->x.er_flags |= EXPORT_F_PUNCH;
	if (in->mode & FALLOC_ZERO_RANGE)
		req->x.er_flags |= EXPORT_F_ZERO;
	req_handle(req, in->fh);
	return 0;
}

/* Set-id bits have gone: Linux believes that only size and times have. */
static size_t
encode_fallocate(struct fuse_req *req)
{

	if (req->x.er_flags & EXPORT_F_KILLPRIV)
		inval_attr(req);
	return 0;
}

/*
 * The file system as a whole.
 */

static int
decode_statfs(struct fuse_req *req)
{

	req->x.er_op = EXPORT_STATFS;
	return 0;
}

static size_t
encode_statfs(struct fuse_req *req)
{
	const struct export_statfs *s = &req->x.er_statfs;
	struct fuse_statfs_out *out = (struct fuse_statfs_out *)req->body;

	memset(out, 0, sizeof(*out));
	out->st.blocks = s->ef_blocks;
	out->st.bfree = s->ef_bfree;
	out->st.bavail = s->ef_bavail;
	out->st.files = s->ef_files;
	out->st.ffree = s->ef_ffree;
	out->st.bsize = s->ef_bsize;
	out->st.frsize = s->ef_frsize;
	out->st.namelen = s->ef_namemax;
	return sizeof(*out);
}

static int
decode_syncfs(struct fuse_req *req)
{

	req->x.er_op = EXPORT_SYNCFS;
	return 0;
}

static int
decode_destroy(struct fuse_req *req)
{

	server_answer(req, 0, 0);
	return WIRE_ANSWERED;
}

/*
 * Locks.
 */

static int
decode_lock(struct fuse_req *req, uint32_t op)
{
	const struct fuse_lk_in *in = req_args(req);
	struct export_req *x = &req->x;

	if ((req->fs->cfg.flags & FUSE_SERVER_LOCKS) == 0)
		return ENOSYS;
	x->er_op = op;
	x->er_owner = in->owner;
	x->er_lock.el_start = in->lk.start;
	/* Linux says OFFSET_MAX for "to the end". */
	x->er_lock.el_end = in->lk.end >= INT64_MAX ? UINT64_MAX : in->lk.end;
	x->er_lock.el_pid = in->lk.pid;
	x->er_lock.el_type = in->lk.type == F_RDLCK ? EXPORT_LOCK_READ :
	    in->lk.type == F_WRLCK ? EXPORT_LOCK_WRITE : EXPORT_LOCK_NONE;
	if (in->lk_flags & FUSE_LK_FLOCK)
		x->er_flags |= EXPORT_F_FLOCK;
	req_handle(req, in->fh);
	return 0;
}

static int
decode_getlk(struct fuse_req *req)
{

	return decode_lock(req, EXPORT_GETLK);
}

static int
decode_setlk(struct fuse_req *req)
{

	return decode_lock(req, EXPORT_SETLK);
}

static int
decode_setlkw(struct fuse_req *req)
{

	req->x.er_flags |= EXPORT_F_WAIT;
	return decode_lock(req, EXPORT_SETLK);
}

static size_t
encode_lock(struct fuse_req *req)
{
	const struct export_lock *l = &req->x.er_lock;
	struct fuse_lk_out *out = (struct fuse_lk_out *)req->body;

	out->lk.start = l->el_start;
	out->lk.end = l->el_end > INT64_MAX ? INT64_MAX : l->el_end;
	out->lk.pid = l->el_pid;
	out->lk.type = l->el_type == EXPORT_LOCK_READ ? F_RDLCK :
	    l->el_type == EXPORT_LOCK_WRITE ? F_WRLCK : F_UNLCK;
	return sizeof(*out);
}

/*
 * Extended attributes.
 */

static bool
xattr_off(const struct fuse_req *req)
{

	return (req->fs->cfg.flags & FUSE_SERVER_XATTR) == 0;
}

/*
 * Linux asks for "security.capability" before the first write to each file.  No
 * driver of NetBSD has that name space, so the kernel need not be asked.
 */
static bool
xattr_is_security(const struct export_req *x)
{
	static const char space[] = "security.";

	return x->er_namelen >= sizeof(space) - 1 &&
	    memcmp(x->er_name, space, sizeof(space) - 1) == 0;
}

static int
decode_getxattr(struct fuse_req *req)
{
	const struct fuse_getxattr_in *in = req_args(req);
	int error;

	if (xattr_off(req))
		return ENOSYS;
	req->arg = in->size;
	req_room(req, in->size, true);
	error = req_child(req, EXPORT_GETXATTR, sizeof(*in));
	return error == 0 && xattr_is_security(&req->x) ? ENODATA : error;
}

static int
decode_listxattr(struct fuse_req *req)
{
	const struct fuse_getxattr_in *in = req_args(req);

	if (xattr_off(req))
		return ENOSYS;
	req->arg = in->size;
	req->x.er_op = EXPORT_LISTXATTR;
	req_room(req, in->size, true);
	return 0;
}

/* Asked with no room, the answer is the size and nothing else. */
static size_t
encode_getxattr(struct fuse_req *req)
{
	struct fuse_getxattr_out *out = (struct fuse_getxattr_out *)req->body;

	if (req->arg != 0)
		return 0;
	out->size = (uint32_t)req->x.er_done;
	out->padding = 0;
	req->x.er_done = 0;
	return sizeof(*out);
}

static int
decode_setxattr(struct fuse_req *req)
{
	/* Without FUSE_SETXATTR_EXT the arguments are the old, short ones. */
	const struct fuse_setxattr_in *in = req_args(req);
	struct export_req *x = &req->x;

	if (xattr_off(req))
		return ENOSYS;
	x->er_op = EXPORT_SETXATTR;
	const size_t at = req_name(req, FUSE_COMPAT_SETXATTR_IN_SIZE,
	    &x->er_name, &x->er_namelen);
	if (at == 0 || in->size > req->len - sizeof(struct fuse_in_header) - at)
		return EINVAL;
	x->er_data = req->msg + sizeof(struct fuse_in_header) + at;
	x->er_datalen = in->size;
	if (in->flags & XATTR_FLAG_CREATE)
		x->er_flags |= EXPORT_F_XCREATE;
	if (in->flags & XATTR_FLAG_REPLACE)
		x->er_flags |= EXPORT_F_XREPLACE;
	return 0;
}

static int
decode_removexattr(struct fuse_req *req)
{

	return xattr_off(req) ? ENOSYS :
	    req_child(req, EXPORT_REMOVEXATTR, 0);
}

/*
 * ioctl: lsattr and chattr only.
 */

static const struct {
	uint32_t	host;
	uint32_t	xhost;		/* in struct fsxattr */
	uint32_t	flag;
} ioctl_flags[] = {
	{ IOC_FL_IMMUTABLE,	IOC_XFL_IMMUTABLE,	EXPORT_FL_IMMUTABLE },
	{ IOC_FL_APPEND,	IOC_XFL_APPEND,		EXPORT_FL_APPEND },
	{ IOC_FL_NODUMP,	IOC_XFL_NODUMP,		EXPORT_FL_NODUMP },
};

#define	NIOCTL_FLAGS	(sizeof(ioctl_flags) / sizeof(ioctl_flags[0]))

/* The words after the first are sizes of extents and a project. */
static int
ioctl_decode_set(struct fuse_req *req, const uint32_t *words, bool wide)
{
	uint32_t host = words[0];

	req->x.er_op = EXPORT_SETFLAGS;
	for (size_t i = 0; i < NIOCTL_FLAGS; i++) {
		const uint32_t bit = wide ? ioctl_flags[i].xhost :
		    ioctl_flags[i].host;

		if (host & bit)
			req->x.er_mode |= ioctl_flags[i].flag;
		host &= ~bit;
	}
	for (size_t i = 1; wide && i < IOC_FSXATTR_WORDS; i++)
		host |= words[i];
	return host != 0 ? EOPNOTSUPP : 0;
}

static int
decode_ioctl(struct fuse_req *req)
{
	const struct fuse_ioctl_in *in = req_args(req);
	const bool wide = in->cmd == IOC_FSGETXATTR ||
	    in->cmd == IOC_FSSETXATTR;
	uint32_t words[IOC_FSXATTR_WORDS];
	const size_t len = wide ? sizeof(words) : sizeof(words[0]);

	req_handle(req, in->fh);
	req->arg = in->cmd;
	if ((in->cmd == IOC_GETFLAGS || in->cmd == IOC_FSGETXATTR) &&
	    in->out_size >= len) {
		req->x.er_op = EXPORT_GETFLAGS;
		return 0;
	}
	if ((in->cmd == IOC_SETFLAGS || in->cmd == IOC_FSSETXATTR) &&
	    in->in_size >= len &&
	    req->len >= sizeof(struct fuse_in_header) + sizeof(*in) + len) {
		memcpy(words, in + 1, len);
		return ioctl_decode_set(req, words, wide);
	}
	return ENOTTY;
}

static size_t
encode_ioctl(struct fuse_req *req)
{
	struct fuse_ioctl_out *out = (struct fuse_ioctl_out *)req->body;
	uint32_t words[IOC_FSXATTR_WORDS] = { 0 };
	const bool wide = req->arg == IOC_FSGETXATTR;
	const size_t len = wide ? sizeof(words) : sizeof(words[0]);

	memset(out, 0, sizeof(*out));
	if (req->arg == IOC_SETFLAGS || req->arg == IOC_FSSETXATTR) {
		inval_attr(req);	/* the change time */
		return sizeof(*out);
	}
	for (size_t i = 0; i < NIOCTL_FLAGS; i++) {
		if (req->x.er_mode & ioctl_flags[i].flag)
			words[0] |= wide ? ioctl_flags[i].xhost :
			    ioctl_flags[i].host;
	}
	memcpy(out + 1, words, len);
	return sizeof(*out) + len;
}

#define	ROW(opcode, name, args, decode, encode, data)			\
	[opcode] = { name, args, decode, encode, data }

static const struct wire_op wire_ops[] = {
	ROW(FUSE_LOOKUP, "LOOKUP", 1, decode_lookup, encode_entry, false),
	ROW(FUSE_FORGET, "FORGET", sizeof(struct fuse_forget_in),
	    decode_forget, NULL, false),
	ROW(FUSE_GETATTR, "GETATTR", sizeof(struct fuse_getattr_in),
	    decode_getattr, encode_attr, false),
	ROW(FUSE_SETATTR, "SETATTR", sizeof(struct fuse_setattr_in),
	    decode_setattr, encode_attr, false),
	ROW(FUSE_READLINK, "READLINK", 0, decode_readlink, NULL, true),
	ROW(FUSE_SYMLINK, "SYMLINK", 2, decode_symlink, encode_entry, false),
	ROW(FUSE_MKNOD, "MKNOD", sizeof(struct fuse_mknod_in) + 1,
	    decode_mknod, encode_entry, false),
	ROW(FUSE_MKDIR, "MKDIR", sizeof(struct fuse_mkdir_in) + 1,
	    decode_mkdir, encode_entry, false),
	ROW(FUSE_UNLINK, "UNLINK", 1, decode_unlink, NULL, false),
	ROW(FUSE_RMDIR, "RMDIR", 1, decode_rmdir, NULL, false),
	ROW(FUSE_RENAME, "RENAME", sizeof(struct fuse_rename_in) + 2,
	    decode_rename, NULL, false),
	ROW(FUSE_LINK, "LINK", sizeof(struct fuse_link_in) + 1,
	    decode_link, encode_entry, false),
	ROW(FUSE_OPEN, "OPEN", sizeof(struct fuse_open_in),
	    decode_open, encode_open, false),
	ROW(FUSE_READ, "READ", sizeof(struct fuse_read_in),
	    decode_read, NULL, true),
	ROW(FUSE_WRITE, "WRITE", sizeof(struct fuse_write_in),
	    decode_write, encode_write, false),
	ROW(FUSE_STATFS, "STATFS", 0, decode_statfs, encode_statfs, false),
	ROW(FUSE_RELEASE, "RELEASE", sizeof(struct fuse_release_in),
	    decode_release, NULL, false),
	ROW(FUSE_FSYNC, "FSYNC", sizeof(struct fuse_fsync_in),
	    decode_fsync, NULL, false),
	ROW(FUSE_SETXATTR, "SETXATTR", FUSE_COMPAT_SETXATTR_IN_SIZE + 1,
	    decode_setxattr, NULL, false),
	ROW(FUSE_GETXATTR, "GETXATTR", sizeof(struct fuse_getxattr_in) + 1,
	    decode_getxattr, encode_getxattr, true),
	ROW(FUSE_LISTXATTR, "LISTXATTR", sizeof(struct fuse_getxattr_in),
	    decode_listxattr, encode_getxattr, true),
	ROW(FUSE_REMOVEXATTR, "REMOVEXATTR", 1, decode_removexattr, NULL,
	    false),
	ROW(FUSE_FLUSH, "FLUSH", sizeof(struct fuse_flush_in),
	    decode_flush, NULL, false),
	ROW(FUSE_INIT, "INIT", 8, init_decode, NULL, false),
	ROW(FUSE_OPENDIR, "OPENDIR", sizeof(struct fuse_open_in),
	    decode_opendir, encode_open, false),
	ROW(FUSE_READDIR, "READDIR", sizeof(struct fuse_read_in),
	    decode_readdir, NULL, true),
	ROW(FUSE_RELEASEDIR, "RELEASEDIR", sizeof(struct fuse_release_in),
	    decode_releasedir, NULL, false),
	ROW(FUSE_FSYNCDIR, "FSYNCDIR", sizeof(struct fuse_fsync_in),
	    decode_fsync, NULL, false),
	ROW(FUSE_GETLK, "GETLK", sizeof(struct fuse_lk_in),
	    decode_getlk, encode_lock, false),
	ROW(FUSE_SETLK, "SETLK", sizeof(struct fuse_lk_in),
	    decode_setlk, NULL, false),
	ROW(FUSE_SETLKW, "SETLKW", sizeof(struct fuse_lk_in),
	    decode_setlkw, NULL, false),
	ROW(FUSE_CREATE, "CREATE", sizeof(struct fuse_create_in) + 1,
	    decode_create, encode_create, false),
	ROW(FUSE_INTERRUPT, "INTERRUPT", sizeof(struct fuse_interrupt_in),
	    decode_interrupt, NULL, false),
	ROW(FUSE_DESTROY, "DESTROY", 0, decode_destroy, NULL, false),
	ROW(FUSE_IOCTL, "IOCTL", sizeof(struct fuse_ioctl_in),
	    decode_ioctl, encode_ioctl, false),
	ROW(FUSE_BATCH_FORGET, "BATCHFORGET",
	    sizeof(struct fuse_batch_forget_in), decode_batch_forget, NULL,
	    false),
	ROW(FUSE_FALLOCATE, "FALLOCATE", sizeof(struct fuse_fallocate_in),
	    decode_fallocate, encode_fallocate, false),
	ROW(FUSE_READDIRPLUS, "READDIRPLUS", sizeof(struct fuse_read_in),
	    decode_readdirplus, NULL, true),
	ROW(FUSE_RENAME2, "RENAME2", sizeof(struct fuse_rename2_in) + 2,
	    decode_rename2, NULL, false),
	ROW(FUSE_LSEEK, "LSEEK", sizeof(struct fuse_lseek_in),
	    decode_lseek, encode_lseek, false),
	ROW(FUSE_SYNCFS, "SYNCFS", 0, decode_syncfs, NULL, false),
	ROW(RUMPY_FUSE_TMPFILE, "TMPFILE", sizeof(struct fuse_create_in),
	    decode_tmpfile, encode_create, false),
	ROW(RUMPY_FUSE_STATX, "STATX", sizeof(struct statx_in),
	    decode_statx, encode_statx, false),
};

/* What is left out, and why Linux does well without. */
static const struct {
	uint32_t	opcode;
	const char	*why;
} wire_absent[] = {
	{ FUSE_ACCESS, "default_permissions: Linux decides" },
	{ FUSE_BMAP, "for swap files and boot loaders on block devices" },
	{ FUSE_POLL, "files are always ready, FIFOs are Linux's own" },
	{ FUSE_NOTIFY_REPLY, "Linux's cache is never asked for" },
	{ FUSE_COPY_FILE_RANGE, "Linux copies through its cache" },
	{ FUSE_SETUPMAPPING, "for virtio" },
	{ FUSE_REMOVEMAPPING, "for virtio" },
	{ CUSE_INIT, "for character devices" },
};

const char *
wire_absence(uint32_t opcode)
{

	for (size_t i = 0; i < sizeof(wire_absent) / sizeof(*wire_absent);
	    i++) {
		if (wire_absent[i].opcode == opcode)
			return wire_absent[i].why;
	}
	return "unknown";
}

const struct wire_op *
wire_op(uint32_t opcode)
{

	if (opcode >= sizeof(wire_ops) / sizeof(wire_ops[0]) ||
	    wire_ops[opcode].wo_decode == NULL)
		return NULL;
	return &wire_ops[opcode];
}
