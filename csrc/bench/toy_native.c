/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The toy tree behind rumpy's own /dev/fuse server: export requests are
 * answered from memory instead of by a kernel.  Beside toy_libfuse it shows
 * what the server costs; the tests use it for the protocol's half alone.
 *
 *	toy_native [-t] [-l] MOUNTPOINT		(as root; ends at umount)
 */

#include <sys/mount.h>
#include <sys/sysmacros.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rumpy/export.h>

#include "../fuse/fuse_api.h"
#include "memtree.h"

#define	TOY_VALID	1	/* seconds */

/* The answers of the toy are NetBSD errnos, like those of the kernel. */
#define	NETBSD_ENOTEMPTY	66
#define	NETBSD_ENOSYS		78

static struct mt_node *root;

static struct mt_node *
toy_node(uint64_t id)
{

	return id == EXPORT_ROOT ? root : (struct mt_node *)(uintptr_t)id;
}

static struct mt_node *
toy_target(const struct export_req *x)
{

	return toy_node(x->er_flags & EXPORT_F_HANDLE ? x->er_handle :
	    x->er_node);
}

static void
toy_attr(const struct mt_node *n, struct export_attr *a)
{
	const struct stat *st = &n->mn_st;

	a->ea_ino = st->st_ino;
	a->ea_size = (uint64_t)st->st_size;
	a->ea_blocks = (uint64_t)st->st_blocks;
	a->ea_atime = (uint64_t)st->st_atim.tv_sec;
	a->ea_mtime = (uint64_t)st->st_mtim.tv_sec;
	a->ea_ctime = (uint64_t)st->st_ctim.tv_sec;
	a->ea_atimensec = (uint32_t)st->st_atim.tv_nsec;
	a->ea_mtimensec = (uint32_t)st->st_mtim.tv_nsec;
	a->ea_ctimensec = (uint32_t)st->st_ctim.tv_nsec;
	a->ea_mode = st->st_mode;
	a->ea_nlink = (uint32_t)st->st_nlink;
	a->ea_uid = st->st_uid;
	a->ea_gid = st->st_gid;
	a->ea_rdev = (uint32_t)st->st_rdev;
	a->ea_blksize = 4096;
	a->ea_flags = 0;
}

static int
toy_entry(struct mt_node *n, struct export_entry *e)
{

	n->mn_refs++;
	e->ee_node = (uint64_t)(uintptr_t)n;
	e->ee_generation = 0;
	e->ee_entry_valid = e->ee_attr_valid = TOY_VALID;
	e->ee_entry_valid_nsec = e->ee_attr_valid_nsec = 0;
	toy_attr(n, &e->ee_attr);
	return 0;
}

static int
toy_lookup(struct export_req *x)
{
	struct mt_node *n = mt_lookup(toy_node(x->er_node), x->er_name,
	    x->er_namelen);

	return n == NULL ? ENOENT : toy_entry(n, &x->er_entry);
}

static int
toy_forget(struct export_req *x)
{
	const struct export_forget *f = x->er_data;

	for (size_t i = 0; i < x->er_datalen / sizeof(*f); i++)
		mt_release(toy_node(f[i].ef_node), f[i].ef_count);
	return 0;
}

static int
toy_getattr(struct export_req *x)
{

	toy_attr(toy_target(x), &x->er_entry.ee_attr);
	x->er_btime = -1;
	return 0;
}

static int
toy_setattr(struct export_req *x)
{
	struct mt_node *n = toy_target(x);
	const struct export_setattr *s = &x->er_set;

	if (s->es_valid & EXPORT_SET_SIZE) {
		const int error = mt_resize(n, s->es_size);
		if (error != 0)
			return error;
	}
	if (s->es_valid & EXPORT_SET_MODE)
		n->mn_st.st_mode = (n->mn_st.st_mode & S_IFMT) | s->es_mode;
	if (s->es_valid & EXPORT_SET_UID)
		n->mn_st.st_uid = s->es_uid;
	if (s->es_valid & EXPORT_SET_GID)
		n->mn_st.st_gid = s->es_gid;
	if (s->es_valid & EXPORT_SET_ATIME) {
		n->mn_st.st_atim.tv_sec = s->es_atime;
		n->mn_st.st_atim.tv_nsec = s->es_atimensec;
	}
	if (s->es_valid & EXPORT_SET_MTIME) {
		n->mn_st.st_mtim.tv_sec = s->es_mtime;
		n->mn_st.st_mtim.tv_nsec = s->es_mtimensec;
	}
	return toy_getattr(x);
}

static int
toy_readlink(struct export_req *x)
{
	char *p;
	const ssize_t n = mt_read(toy_node(x->er_node), 0, x->er_datalen, &p);

	memcpy(x->er_data, p, (size_t)n);
	x->er_done = (uint64_t)n;
	return 0;
}

static int
toy_make(struct export_req *x, mode_t mode, struct mt_node **np)
{

	return mt_create(toy_node(x->er_node), x->er_name, x->er_namelen, mode,
	    x->er_cred.ec_uid, x->er_cred.ec_gid, x->er_rdev, np);
}

static int
toy_symlink(struct export_req *x)
{
	struct mt_node *n;
	int error = toy_make(x, S_IFLNK | 0777, &n);

	if (error == 0)
		error = mt_write(n, 0, x->er_name2, x->er_namelen2);
	return error != 0 ? error : toy_entry(n, &x->er_entry);
}

static int
toy_mknod(struct export_req *x)
{
	struct mt_node *n;
	const int error = toy_make(x, x->er_mode, &n);

	return error != 0 ? error : toy_entry(n, &x->er_entry);
}

static int
toy_remove(struct export_req *x)
{
	const int error = mt_remove(toy_node(x->er_node), x->er_name,
	    x->er_namelen, x->er_op == EXPORT_RMDIR);

	return error == ENOTEMPTY ? NETBSD_ENOTEMPTY : error;
}

static int
toy_rename(struct export_req *x)
{
	const int error = mt_rename(toy_node(x->er_node), x->er_name,
	    x->er_namelen, toy_node(x->er_node2), x->er_name2, x->er_namelen2,
	    (x->er_flags & EXPORT_F_NOREPLACE) != 0);

	return error == ENOTEMPTY ? NETBSD_ENOTEMPTY : error;
}

static int
toy_link(struct export_req *x)
{
	struct mt_node *n = toy_node(x->er_node2);
	const int error = mt_link(toy_node(x->er_node), x->er_name,
	    x->er_namelen, n);

	return error != 0 ? error : toy_entry(n, &x->er_entry);
}

static int
toy_open(struct export_req *x)
{
	struct mt_node *n = toy_node(x->er_node);

	n->mn_refs++;
	x->er_handle = (uint64_t)(uintptr_t)n;
	return x->er_oflags & EXPORT_O_TRUNC ? mt_resize(n, 0) : 0;
}

static int
toy_create(struct export_req *x)
{
	struct mt_node *n = mt_lookup(toy_node(x->er_node), x->er_name,
	    x->er_namelen);

	if (n == NULL) {
		const int error = toy_make(x, x->er_mode, &n);
		if (error != 0)
			return error;
	} else if (x->er_oflags & EXPORT_O_EXCL)
		return EEXIST;
	toy_entry(n, &x->er_entry);
	n->mn_refs++;
	x->er_handle = (uint64_t)(uintptr_t)n;
	return x->er_oflags & EXPORT_O_TRUNC ? mt_resize(n, 0) : 0;
}

static int
toy_read(struct export_req *x)
{
	static struct export_iov iov;
	char *p;
	const ssize_t n = mt_read(toy_target(x), x->er_offset, x->er_datalen,
	    &p);

	iov.ei_base = p;
	iov.ei_len = (uint64_t)n;
	x->er_iov = &iov;
	x->er_niov = 1;
	x->er_done = (uint64_t)n;
	return 0;
}

static int
toy_write(struct export_req *x)
{
	struct mt_node *n = toy_target(x);

	if ((x->er_oflags & EXPORT_O_APPEND) &&
	    (x->er_flags & EXPORT_F_CACHED) == 0)
		x->er_offset = (uint64_t)n->mn_st.st_size;
	x->er_done = x->er_datalen;
	return mt_write(n, x->er_offset, x->er_data, x->er_datalen);
}

static int
toy_release(struct export_req *x)
{

	mt_release(toy_target(x), 1);
	return 0;
}

static int
toy_nothing(struct export_req *x)
{

	(void)x;
	return 0;
}

static int
toy_statfs(struct export_req *x)
{
	struct export_statfs *s = &x->er_statfs;

	memset(s, 0, sizeof(*s));
	s->ef_bsize = s->ef_frsize = 4096;
	s->ef_blocks = s->ef_bfree = s->ef_bavail = 1u << 20;
	s->ef_files = s->ef_ffree = 1u << 20;
	s->ef_namemax = EXPORT_NAME_MAX;
	return 0;
}

struct toy_list {
	struct export_req *x;
	char		*p;
	size_t		room;
};

/* 0 when there is no room left. */
static int
toy_emit(struct toy_list *l, const char *name, size_t len, struct mt_node *n,
    uint64_t next, int refer)
{
	const int plus = l->x->er_op == EXPORT_READDIRPLUS;
	const size_t size = EXPORT_DIRENT_SIZE(len) +
	    (plus ? sizeof(struct export_entry) : 0);

	if (size > l->room)
		return 0;
	if (plus) {
		struct export_entry *e = (struct export_entry *)l->p;
		toy_entry(n, e);
		if (!refer) {
			n->mn_refs--;
			e->ee_node = 0;
		}
	}
	struct export_dirent *d = (struct export_dirent *)
	    (l->p + (plus ? sizeof(struct export_entry) : 0));
	d->ed_ino = n->mn_st.st_ino;
	d->ed_next = next;
	d->ed_namelen = (uint32_t)len;
	d->ed_type = (n->mn_st.st_mode & S_IFMT) >> 12;
	memcpy(d->ed_name, name, len);
	l->p += size;
	l->room -= size;
	return 1;
}

static int
toy_readdir(struct export_req *x)
{
	struct mt_node *dir = toy_target(x);
	struct toy_list l = { x, x->er_data, x->er_datalen };
	uint64_t off = x->er_offset;
	int more = 1;

	if (off == 0 && (more = toy_emit(&l, ".", 1, dir, 1, 0)))
		off = 1;
	if (off == 1 && more &&
	    (more = toy_emit(&l, "..", 2, dir->mn_parent, 2, 0)))
		off = 2;
	if (off >= 2 && more) {
		struct mt_dent *d = mt_dent_after(dir, off - 2);
		while (d != NULL && toy_emit(&l, d->md_name, d->md_namelen,
		    d->md_node, d->md_seq + 2, 1))
			d = d->md_next;
	}
	x->er_done = x->er_datalen - l.room;
	return 0;
}

typedef int toy_op(struct export_req *);

static toy_op *const toy_ops[EXPORT_NOPS] = {
	[EXPORT_LOOKUP] = toy_lookup,
	[EXPORT_FORGET] = toy_forget,
	[EXPORT_GETATTR] = toy_getattr,
	[EXPORT_SETATTR] = toy_setattr,
	[EXPORT_READLINK] = toy_readlink,
	[EXPORT_SYMLINK] = toy_symlink,
	[EXPORT_MKNOD] = toy_mknod,
	[EXPORT_MKDIR] = toy_mknod,
	[EXPORT_UNLINK] = toy_remove,
	[EXPORT_RMDIR] = toy_remove,
	[EXPORT_RENAME] = toy_rename,
	[EXPORT_LINK] = toy_link,
	[EXPORT_OPEN] = toy_open,
	[EXPORT_OPENDIR] = toy_open,
	[EXPORT_CREATE] = toy_create,
	[EXPORT_READ] = toy_read,
	[EXPORT_WRITE] = toy_write,
	[EXPORT_RELEASE] = toy_release,
	[EXPORT_RELEASEDIR] = toy_release,
	[EXPORT_READDIR] = toy_readdir,
	[EXPORT_READDIRPLUS] = toy_readdir,
	[EXPORT_STATFS] = toy_statfs,
	[EXPORT_FSYNC] = toy_nothing,		/* memory is as safe */
	[EXPORT_SYNCFS] = toy_nothing,
	[EXPORT_INTERRUPT] = toy_nothing,	/* nothing ever sleeps */
	[EXPORT_SHUTDOWN] = toy_nothing,
};

static int
toy_submit(void *arg, struct export_req *x)
{

	(void)arg;
	x->er_niov = 0;
	x->er_done = 0;
	x->er_error = toy_ops[x->er_op] == NULL ? NETBSD_ENOSYS :
	    toy_ops[x->er_op](x);
	x->er_reply(x);
	return 0;
}

static void
toy_fail(const char *what, int error)
{

	fprintf(stderr, "toy_native: %s: %s\n", what, strerror(error));
	exit(1);
}

static uint32_t
toy_options(int argc, char **argv)
{
	uint32_t flags = 0;
	int opt;

	while ((opt = getopt(argc, argv, "tlw")) != -1) {
		switch (opt) {
		case 't':
			flags |= FUSE_SERVER_TRACE;
			break;
		case 'w':
			flags |= FUSE_SERVER_WRITEBACK;
			break;
		default:
			exit(2);
		}
	}
	if (optind != argc - 1) {
		fprintf(stderr, "usage: toy_native [-tw] mountpoint\n");
		exit(2);
	}
	return flags;
}

int
main(int argc, char **argv)
{
	struct fuse_config cfg = {
		.flags = toy_options(argc, argv),
		.entry_valid = TOY_VALID,
		.attr_valid = TOY_VALID,
		.submit = toy_submit,
	};
	int error;

	root = mt_init(S_IFDIR | 0755, getuid(), getgid());
	cfg.fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	if (cfg.fd == -1)
		toy_fail("/dev/fuse", errno);
	error = fuse_mount_fd(cfg.fd, "toy", argv[optind],
	    MS_NOSUID | MS_NODEV, "allow_other,default_permissions");
	if (error != 0)
		toy_fail(argv[optind], error);
	struct fuse_server *fs = fuse_server_create(&cfg, &error);
	if (fs == NULL)
		toy_fail("server", error);
	const int why = fuse_server_run(fs);
	fuse_server_destroy(fs);
	return why == FUSE_RUN_UNMOUNTED ? 0 : 1;
}
