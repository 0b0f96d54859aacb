/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The loops that a kernel's file system calls are measured with.
 *
 * The same C loops run through a kernel's system-call door and on the host's
 * own system calls; which of the two is the struct target that the caller
 * fills.  Every loop answers the CPU seconds of this process (user + system),
 * so that a helper thread's work counts and a waiting disk does not; negative
 * is minus the errno of the first call that failed.
 *
 * Built as a plain shared object (host C, libc yes) and driven by
 * bench/loops.py.
 */
#define _GNU_SOURCE
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* NetBSD's numbers for the calls that the loops make. */
enum {
	NB_READ = 3, NB_WRITE = 4, NB_OPEN = 5, NB_CLOSE = 6, NB_UNLINK = 10,
	NB_SYNC = 36, NB_GETPPID = 39, NB_FSYNC = 95, NB_RENAME = 128,
	NB_MKDIR = 136, NB_RMDIR = 137, NB_PREAD = 173, NB_PWRITE = 174,
	NB_LSEEK = 199, NB_GETDENTS = 390, NB_STAT = 439, NB_FSTAT = 440,
};

/* Who runs the calls: a kernel's door, or the host where door is NULL. */
struct target {
	int	(*door)(void *kernel, uint64_t proc, int number,
		    const int64_t *args, int64_t *retval);
	void	*kernel;
	uint64_t proc;
};

struct flags {
	int	rdwr, creat, trunc, directory, direct;
};

static const struct flags host_flags = { O_RDWR, O_CREAT, O_TRUNC,
    O_DIRECTORY, O_DIRECT };
static const struct flags door_flags = { 2, 0x200, 0x400, 0x200000, 0x80000 };

static const struct flags *
flags_of(const struct target *t)
{

	return t->door != NULL ? &door_flags : &host_flags;
}

static int64_t
door(const struct target *t, int number, int64_t a, int64_t b, int64_t c,
    int64_t d, int64_t e)
{
	const int64_t args[8] = { a, b, c, d, e };
	int64_t retval[2] = { 0, 0 };
	int error = t->door(t->kernel, t->proc, number, args, retval);

	return error != 0 ? -(int64_t)(error < 0 ? EIO : error) : retval[0];
}

static int64_t
host(int64_t result)
{

	return result < 0 ? -(int64_t)errno : result;
}

#define	P(pointer)	((int64_t)(intptr_t)(pointer))

static int64_t
t_open(const struct target *t, const char *path, int flags)
{

	return t->door ? door(t, NB_OPEN, P(path), flags, 0644, 0, 0) :
	    host(open(path, flags, 0644));
}

static int64_t
t_close(const struct target *t, int fd)
{

	return t->door ? door(t, NB_CLOSE, fd, 0, 0, 0, 0) : host(close(fd));
}

static int64_t
t_stat(const struct target *t, const char *path)
{
	struct stat st;

	return t->door ? door(t, NB_STAT, P(path), P(&st), 0, 0, 0) :
	    host(stat(path, &st));
}

static int64_t
t_fstat(const struct target *t, int fd)
{
	struct stat st;

	return t->door ? door(t, NB_FSTAT, fd, P(&st), 0, 0, 0) :
	    host(fstat(fd, &st));
}

static int64_t
t_pread(const struct target *t, int fd, void *buf, size_t n, int64_t off)
{

	return t->door ? door(t, NB_PREAD, fd, P(buf), n, 0, off) :
	    host(pread(fd, buf, n, off));
}

static int64_t
t_pwrite(const struct target *t, int fd, const void *buf, size_t n,
    int64_t off)
{

	return t->door ? door(t, NB_PWRITE, fd, P(buf), n, 0, off) :
	    host(pwrite(fd, buf, n, off));
}

static int64_t
t_write(const struct target *t, int fd, const void *buf, size_t n)
{

	return t->door ? door(t, NB_WRITE, fd, P(buf), n, 0, 0) :
	    host(write(fd, buf, n));
}

static int64_t
t_fsync(const struct target *t, int fd)
{

	return t->door ? door(t, NB_FSYNC, fd, 0, 0, 0, 0) : host(fsync(fd));
}

static int64_t
t_unlink(const struct target *t, const char *path)
{

	return t->door ? door(t, NB_UNLINK, P(path), 0, 0, 0, 0) :
	    host(unlink(path));
}

static int64_t
t_rename(const struct target *t, const char *from, const char *to)
{

	return t->door ? door(t, NB_RENAME, P(from), P(to), 0, 0, 0) :
	    host(rename(from, to));
}

static int64_t
t_mkdir(const struct target *t, const char *path)
{

	return t->door ? door(t, NB_MKDIR, P(path), 0755, 0, 0, 0) :
	    host(mkdir(path, 0755));
}

static int64_t
t_rmdir(const struct target *t, const char *path)
{

	return t->door ? door(t, NB_RMDIR, P(path), 0, 0, 0, 0) :
	    host(rmdir(path));
}

static int64_t
t_getdents(const struct target *t, int fd, void *buf, size_t n)
{

	return t->door ? door(t, NB_GETDENTS, fd, P(buf), n, 0, 0) :
	    host(syscall(SYS_getdents64, fd, buf, n));
}

static double
cpu(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return ts.tv_sec + ts.tv_nsec * 1e-9;
}

/* A loop body answers < 0 to stop; the loop then answers that. */
#define	LOOP(count, body) do {						\
	double start = cpu();						\
	for (long i = 0; i < (long)(count); i++) {			\
		int64_t error = (body);					\
		if (error < 0)						\
			return error;					\
	}								\
	return cpu() - start;						\
} while (0)

double
loop_getppid(const struct target *t, long count)
{

	LOOP(count, t->door ? door(t, NB_GETPPID, 0, 0, 0, 0, 0) :
	    host(syscall(SYS_getppid)));
}

double
loop_badclose(const struct target *t, long count)
{

	LOOP(count, t_close(t, -1) == -EBADF ? 0 : -EINVAL);
}

double
loop_stat(const struct target *t, const char *path, long count)
{

	LOOP(count, t_stat(t, path));
}

double
loop_enoent(const struct target *t, const char *path, long count)
{

	LOOP(count, t_stat(t, path) == -ENOENT ? 0 : -EINVAL);
}

static int64_t
open_close(const struct target *t, const char *path)
{
	int64_t fd = t_open(t, path, O_RDONLY);

	return fd < 0 ? fd : t_close(t, fd);
}

double
loop_open(const struct target *t, const char *path, long count)
{

	LOOP(count, open_close(t, path));
}

double
loop_fstat(const struct target *t, int fd, long count)
{

	LOOP(count, t_fstat(t, fd));
}

double
loop_pread(const struct target *t, int fd, size_t size, long count)
{
	char buf[65536];

	LOOP(count, t_pread(t, fd, buf, size, 0));
}

/* Random reads of SIZE bytes, aligned to it, within LENGTH bytes. */
double
loop_random(const struct target *t, int fd, size_t size, int64_t length,
    long count)
{
	static char buf[65536];
	uint64_t seed = 88172645463325252ULL;

	LOOP(count, (seed ^= seed << 13, seed ^= seed >> 7, seed ^= seed << 17,
	    t_pread(t, fd, buf, size, seed % (length / size) * size)));
}

static int64_t
create(const struct target *t, const char *path, const void *data, size_t n)
{
	const struct flags *f = flags_of(t);
	int64_t fd = t_open(t, path, f->rdwr | f->creat | f->trunc), error;

	if (fd < 0)
		return fd;
	error = n > 0 ? t_write(t, fd, data, n) : 0;
	if (error < 0)
		return error;
	return t_close(t, fd);
}

static int64_t
create_unlink(const struct target *t, const char *path)
{
	int64_t error = create(t, path, NULL, 0);

	return error < 0 ? error : t_unlink(t, path);
}

double
loop_create_unlink(const struct target *t, const char *path, long count)
{

	LOOP(count, create_unlink(t, path));
}

static const char *
numbered(const char *dir, const char *stem, long i)
{
	static char path[4096];

	snprintf(path, sizeof(path), "%s/%s%ld", dir, stem, i);
	return path;
}

double
loop_create(const struct target *t, const char *dir, size_t size, long count)
{
	static char data[65536];

	LOOP(count, create(t, numbered(dir, "f", i), data, size));
}

/* Open and read every file that loop_create() made with SIZE bytes. */
static int64_t
open_read(const struct target *t, const char *path, size_t size)
{
	static char data[65536];
	int64_t fd = t_open(t, path, O_RDONLY), n;

	if (fd < 0)
		return fd;
	n = t_pread(t, fd, data, sizeof(data), 0);
	if (n != (int64_t)size)
		return n < 0 ? n : -EIO;
	return t_close(t, fd);
}

double
loop_open_read(const struct target *t, const char *dir, size_t size, long count)
{

	LOOP(count, open_read(t, numbered(dir, "f", i), size));
}

double
loop_stat_each(const struct target *t, const char *dir, long count)
{

	LOOP(count, t_stat(t, numbered(dir, "f", i)));
}

double
loop_unlink(const struct target *t, const char *dir, long count)
{

	LOOP(count, t_unlink(t, numbered(dir, "f", i)));
}

double
loop_rename(const struct target *t, const char *a, const char *b, long count)
{

	LOOP(count, i % 2 == 0 ? t_rename(t, a, b) : t_rename(t, b, a));
}

double
loop_mkdir(const struct target *t, const char *dir, long count)
{

	LOOP(count, t_mkdir(t, numbered(dir, "d", i)));
}

double
loop_rmdir(const struct target *t, const char *dir, long count)
{

	LOOP(count, t_rmdir(t, numbered(dir, "d", i)));
}

/* Write LENGTH bytes in pieces of SIZE from the start of an open file. */
double
loop_write(const struct target *t, int fd, size_t size, int64_t length)
{
	static char *buf;

	if (buf == NULL) {
		buf = malloc(1 << 20);
		if (buf == NULL)
			return -ENOMEM;
		memset(buf, 0x5a, 1 << 20);
	}
	LOOP(length / size, t_pwrite(t, fd, buf, size, i * size));
}

double
loop_read(const struct target *t, int fd, size_t size, int64_t length)
{
	static char *buf;

	if (buf == NULL) {
		buf = malloc(1 << 20);
		if (buf == NULL)
			return -ENOMEM;
		memset(buf, 0, 1 << 20);
	}
	LOOP(length / size, t_pread(t, fd, buf, size, i * size) ==
	    (int64_t)size ? 0 : -EIO);
}

double
loop_fsync(const struct target *t, int fd, long count)
{

	LOOP(count, t_fsync(t, fd));
}

double
loop_sync(const struct target *t, long count)
{

	LOOP(count, t->door ? door(t, NB_SYNC, 0, 0, 0, 0, 0) : (sync(), 0));
}

static int64_t
read_directory(const struct target *t, const char *path)
{
	static char buf[65536];
	int64_t fd, n;

	fd = t_open(t, path, O_RDONLY | flags_of(t)->directory);
	if (fd < 0)
		return fd;
	while ((n = t_getdents(t, fd, buf, sizeof(buf))) > 0)
		continue;
	if (n < 0)
		return n;
	return t_close(t, fd);
}

double
loop_readdir(const struct target *t, const char *path, long count)
{

	LOOP(count, read_directory(t, path));
}

int64_t
plain_open(const struct target *t, const char *path, int writable)
{
	const struct flags *f = flags_of(t);

	return t_open(t, path, writable ? f->rdwr | f->creat : O_RDONLY);
}

int64_t
plain_open_direct(const struct target *t, const char *path)
{

	return t_open(t, path, O_RDONLY | flags_of(t)->direct);
}

int64_t
plain_close(const struct target *t, int fd)
{

	return t_close(t, fd);
}

int64_t
plain_mkdir(const struct target *t, const char *path)
{

	return t_mkdir(t, path);
}
