/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The peer that rumpy's FUSE server is measured against: the toy tree behind
 * libfuse3's low-level API, written as well as that API allows (inode based,
 * readdirplus, replies straight out of the file's memory, no flush).
 *
 *	toy_libfuse [-x] [-s] -f MOUNTPOINT		(ends at umount)
 *
 * With -x files may have extended attributes, though none has one: then Linux
 * asks for "security.capability" before the first write to each file, as it
 * does of every server that has attributes.
 */

#define	FUSE_USE_VERSION 34

#include <errno.h>
#include <fuse_lowlevel.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "memtree.h"

#define	TOY_VALID	1.0

static struct mt_node *root;

static struct mt_node *
toy_node(fuse_ino_t ino)
{

	return ino == FUSE_ROOT_ID ? root : (struct mt_node *)ino;
}

static void
toy_entry(struct mt_node *n, struct fuse_entry_param *e)
{

	memset(e, 0, sizeof(*e));
	n->mn_refs++;
	e->ino = (fuse_ino_t)n;
	e->attr = n->mn_st;
	e->attr_timeout = e->entry_timeout = TOY_VALID;
}

static void
toy_reply_entry(fuse_req_t req, int error, struct mt_node *n)
{
	struct fuse_entry_param e;

	if (error != 0) {
		fuse_reply_err(req, error);
		return;
	}
	toy_entry(n, &e);
	fuse_reply_entry(req, &e);
}

static void
toy_init(void *arg, struct fuse_conn_info *conn)
{

	(void)arg;
	conn->want &= ~(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
	    FUSE_CAP_SPLICE_MOVE | FUSE_CAP_AUTO_INVAL_DATA);
#ifdef FUSE_CAP_HANDLE_KILLPRIV_V2
	/* Or Linux asks for attributes before every write. */
	conn->want |= conn->capable & FUSE_CAP_HANDLE_KILLPRIV_V2;
#endif
	conn->max_write = 1 << 20;
}

static void
toy_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct mt_node *n = mt_lookup(toy_node(parent), name, strlen(name));

	toy_reply_entry(req, n == NULL ? ENOENT : 0, n);
}

static void
toy_forget(fuse_req_t req, fuse_ino_t ino, uint64_t count)
{

	mt_release(toy_node(ino), count);
	fuse_reply_none(req);
}

static void
toy_forget_multi(fuse_req_t req, size_t n, struct fuse_forget_data *f)
{

	for (size_t i = 0; i < n; i++)
		mt_release(toy_node(f[i].ino), f[i].nlookup);
	fuse_reply_none(req);
}

static void
toy_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{

	(void)fi;
	fuse_reply_attr(req, &toy_node(ino)->mn_st, TOY_VALID);
}

static void
toy_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *st, int set,
    struct fuse_file_info *fi)
{
	struct mt_node *n = toy_node(ino);
	int error = 0;

	(void)fi;
	if (set & FUSE_SET_ATTR_SIZE)
		error = mt_resize(n, (uint64_t)st->st_size);
	if (set & FUSE_SET_ATTR_MODE)
		n->mn_st.st_mode = (n->mn_st.st_mode & S_IFMT) |
		    (st->st_mode & 07777);
	if (set & FUSE_SET_ATTR_UID)
		n->mn_st.st_uid = st->st_uid;
	if (set & FUSE_SET_ATTR_GID)
		n->mn_st.st_gid = st->st_gid;
	if (set & FUSE_SET_ATTR_ATIME)
		n->mn_st.st_atim = st->st_atim;
	if (set & FUSE_SET_ATTR_MTIME)
		n->mn_st.st_mtim = st->st_mtim;
	if (error != 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_attr(req, &n->mn_st, TOY_VALID);
}

static int
toy_make(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
    dev_t rdev, struct mt_node **np)
{
	const struct fuse_ctx *ctx = fuse_req_ctx(req);

	return mt_create(toy_node(parent), name, strlen(name), mode, ctx->uid,
	    ctx->gid, rdev, np);
}

static void
toy_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct mt_node *n = toy_node(ino);
	char buf[4097];
	char *p;
	const ssize_t len = mt_read(n, 0, sizeof(buf) - 1, &p);

	memcpy(buf, p, (size_t)len);
	buf[len] = '\0';
	fuse_reply_readlink(req, buf);
}

static void
toy_symlink(fuse_req_t req, const char *target, fuse_ino_t parent,
    const char *name)
{
	struct mt_node *n = NULL;
	int error = toy_make(req, parent, name, S_IFLNK | 0777, 0, &n);

	if (error == 0)
		error = mt_write(n, 0, target, strlen(target));
	toy_reply_entry(req, error, n);
}

static void
toy_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
    dev_t rdev)
{
	struct mt_node *n = NULL;
	const int error = toy_make(req, parent, name, mode, rdev, &n);

	toy_reply_entry(req, error, n);
}

static void
toy_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{

	toy_mknod(req, parent, name, S_IFDIR | mode, 0);
}

static void
toy_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{

	fuse_reply_err(req, mt_remove(toy_node(parent), name, strlen(name),
	    0));
}

static void
toy_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{

	fuse_reply_err(req, mt_remove(toy_node(parent), name, strlen(name),
	    1));
}

static void
toy_rename(fuse_req_t req, fuse_ino_t from, const char *name, fuse_ino_t to,
    const char *name2, unsigned flags)
{

	fuse_reply_err(req, mt_rename(toy_node(from), name, strlen(name),
	    toy_node(to), name2, strlen(name2), (flags & 1) != 0));
}

static void
toy_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct mt_node *n = toy_node(ino);

	toy_reply_entry(req, mt_link(toy_node(parent), name, strlen(name), n),
	    n);
}

static void
toy_opened(struct mt_node *n, struct fuse_file_info *fi)
{

	n->mn_refs++;
	fi->fh = (uintptr_t)n;
	fi->keep_cache = 1;
	fi->noflush = 1;
}

static void
toy_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct mt_node *n = toy_node(ino);

	toy_opened(n, fi);
	if (fi->flags & 01000 /* O_TRUNC */)
		mt_resize(n, 0);
	fuse_reply_open(req, fi);
}

static void
toy_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{

	toy_opened(toy_node(ino), fi);
	fi->cache_readdir = 1;
	fuse_reply_open(req, fi);
}

static void
toy_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
    struct fuse_file_info *fi)
{
	struct fuse_entry_param e;
	struct mt_node *n;
	const int error = toy_make(req, parent, name, S_IFREG | mode, 0, &n);

	if (error != 0) {
		fuse_reply_err(req, error);
		return;
	}
	toy_entry(n, &e);
	toy_opened(n, fi);
	fuse_reply_create(req, &e, fi);
}

static void
toy_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{

	(void)fi;
	mt_release(toy_node(ino), 1);
	fuse_reply_err(req, 0);
}

static void
toy_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
    struct fuse_file_info *fi)
{
	char *p;
	const ssize_t n = mt_read(toy_node(ino), (uint64_t)off, size, &p);

	(void)fi;
	fuse_reply_buf(req, p, (size_t)n);
}

static void
toy_write(fuse_req_t req, fuse_ino_t ino, const char *buf, size_t size,
    off_t off, struct fuse_file_info *fi)
{
	const int error = mt_write(toy_node(ino), (uint64_t)off, buf, size);

	(void)fi;
	if (error != 0)
		fuse_reply_err(req, error);
	else
		fuse_reply_write(req, size);
}

static void
toy_fsync(fuse_req_t req, fuse_ino_t ino, int datasync,
    struct fuse_file_info *fi)
{

	(void)ino, (void)datasync, (void)fi;
	fuse_reply_err(req, 0);
}

static void
toy_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct statvfs st = {
		.f_bsize = 4096, .f_frsize = 4096, .f_blocks = 1 << 20,
		.f_bfree = 1 << 20, .f_bavail = 1 << 20, .f_files = 1 << 20,
		.f_ffree = 1 << 20, .f_namemax = 255,
	};

	(void)ino;
	fuse_reply_statfs(req, &st);
}

struct toy_list {
	fuse_req_t	req;
	char		*p;
	size_t		room;
	int		plus;
};

static int
toy_emit(struct toy_list *l, const char *name, struct mt_node *n, off_t next,
    int refer)
{
	struct fuse_entry_param e;
	size_t size;

	if (l->plus) {
		toy_entry(n, &e);
		if (!refer)
			e.ino = 0;
		size = fuse_add_direntry_plus(l->req, l->p, l->room, name, &e,
		    next);
		if (!refer || size > l->room)
			n->mn_refs--;
	} else
		size = fuse_add_direntry(l->req, l->p, l->room, name,
		    &n->mn_st, next);
	if (size > l->room)
		return 0;
	l->p += size;
	l->room -= size;
	return 1;
}

static void
toy_list(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, int plus)
{
	struct mt_node *dir = toy_node(ino);
	char *buf = malloc(size);
	struct toy_list l = { req, buf, size, plus };
	int more = 1;

	if (off == 0 && (more = toy_emit(&l, ".", dir, 1, 0)))
		off = 1;
	if (off == 1 && more &&
	    (more = toy_emit(&l, "..", dir->mn_parent, 2, 0)))
		off = 2;
	if (off >= 2 && more) {
		struct mt_dent *d = mt_dent_after(dir, (uint64_t)off - 2);
		while (d != NULL && toy_emit(&l, d->md_name, d->md_node,
		    (off_t)d->md_seq + 2, 1))
			d = d->md_next;
	}
	fuse_reply_buf(req, buf, size - l.room);
	free(buf);
}

static void
toy_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
    struct fuse_file_info *fi)
{

	(void)fi;
	toy_list(req, ino, size, off, 0);
}

static void
toy_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
    struct fuse_file_info *fi)
{

	(void)fi;
	toy_list(req, ino, size, off, 1);
}

static void
toy_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{

	(void)ino, (void)name, (void)size;
	fuse_reply_err(req, ENODATA);
}

static struct fuse_lowlevel_ops toy_ops = {
	.init = toy_init,
	.lookup = toy_lookup,
	.forget = toy_forget,
	.forget_multi = toy_forget_multi,
	.getattr = toy_getattr,
	.setattr = toy_setattr,
	.readlink = toy_readlink,
	.symlink = toy_symlink,
	.mknod = toy_mknod,
	.mkdir = toy_mkdir,
	.unlink = toy_unlink,
	.rmdir = toy_rmdir,
	.rename = toy_rename,
	.link = toy_link,
	.open = toy_open,
	.create = toy_create,
	.release = toy_release,
	.read = toy_read,
	.write = toy_write,
	.fsync = toy_fsync,
	.statfs = toy_statfs,
	.opendir = toy_opendir,
	.readdir = toy_readdir,
	.readdirplus = toy_readdirplus,
	.releasedir = toy_release,
};

int
main(int argc, char **argv)
{
	const int x = argc > 1 && strcmp(argv[1], "-x") == 0;
	struct fuse_args args = FUSE_ARGS_INIT(argc - x, argv + x);
	struct fuse_cmdline_opts opts;

	args.argv[0] = argv[0];
	if (x)
		toy_ops.getxattr = toy_getxattr;
	root = mt_init(S_IFDIR | 0755, getuid(), getgid());
	if (fuse_parse_cmdline(&args, &opts) != 0 || opts.mountpoint == NULL)
		return 2;
	fuse_opt_add_arg(&args, "-oallow_other,default_permissions");
	struct fuse_session *se = fuse_session_new(&args, &toy_ops,
	    sizeof(toy_ops), NULL);
	if (se == NULL || fuse_session_mount(se, opts.mountpoint) != 0)
		return 1;
	/* One thread: the tree has no locks, and two are slower anyway. */
	const int error = fuse_session_loop(se);
	fuse_session_unmount(se);
	fuse_session_destroy(se);
	return error == 0 ? 0 : 1;
}
