/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads for a mounted file system: each prints one line "name rate amount".
 * Run on a fresh directory of the mount; drop caches by mounting anew.
 *
 *	fuse_load DIR LOAD [files] [mib]
 *
 * LOAD is "small" (make files of 1 KiB), "big" (make one file), the name of a
 * load over what these left, or "all".
 */

#include <sys/stat.h>

#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define	CHUNK	(1u << 20)

static int nfiles = 10000;
static size_t nmib = 256;
static char *buffer;
static char path[64];

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

/* Amount is operations, or MiB. */
static void
report(const char *name, double amount, double since)
{

	printf("%-22s %10.0f %10.0f\n", name, amount / (now() - since),
	    amount);
	fflush(stdout);
}

static const char *
small_name(int i)
{

	snprintf(path, sizeof(path), "small/f%05d", i);
	return path;
}

static int
xopen(const char *name, int flags)
{
	const int fd = open(name, flags, 0644);

	if (fd == -1)
		err(1, "%s", name);
	return fd;
}

static void
write_small(const char *name, size_t len)
{
	const int fd = xopen(name, O_CREAT | O_WRONLY | O_TRUNC);

	if (write(fd, buffer, len) != (ssize_t)len)
		err(1, "%s", name);
	close(fd);
}

static void
write_big(const char *what, size_t chunk)
{
	const int fd = xopen("big", O_CREAT | O_WRONLY | O_TRUNC);
	const double t = now();

	for (size_t done = 0; done < nmib * CHUNK; done += chunk) {
		if (write(fd, buffer, chunk) != (ssize_t)chunk)
			err(1, "big");
	}
	close(fd);
	report(what, (double)nmib, t);
}

static void
load_small(const char *what)
{

	if (mkdir("small", 0755) == -1)
		err(1, "small");
	const double t = now();
	for (int i = 0; i < nfiles; i++)
		write_small(small_name(i), 1024);
	report(what, nfiles, t);
}

static void
load_write(const char *what)
{

	write_big(what, CHUNK);
}

static void
load_write_4k(const char *what)
{

	write_big(what, 4096);
}

static void
load_list(const char *what)
{
	struct stat st;
	struct dirent *d;
	const double t = now();
	DIR *dir = opendir("small");
	int n = 0;

	if (dir == NULL)
		err(1, "small");
	while ((d = readdir(dir)) != NULL) {
		if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
		    -1)
			err(1, "%s", d->d_name);
		n++;
	}
	closedir(dir);
	if (n != nfiles + 2)
		errx(1, "%d entries instead of %d", n, nfiles + 2);
	report(what, n, t);
}

static void
load_open(const char *what)
{
	const double t = now();

	for (int i = 0; i < nfiles; i++) {
		const int fd = xopen(small_name(i), O_RDONLY);
		if (read(fd, buffer, CHUNK) != 1024)
			err(1, "%s", path);
		close(fd);
	}
	report(what, nfiles, t);
}

static void
read_big(const char *what, int flags)
{
	const int fd = xopen("big", O_RDONLY | flags);
	const double t = now();
	size_t total = 0;
	ssize_t n;

	while ((n = read(fd, buffer, CHUNK)) > 0)
		total += (size_t)n;
	if (total != nmib * CHUNK)
		errx(1, "big: %zu bytes", total);
	close(fd);
	report(what, (double)nmib, t);
}

static void
load_sequential(const char *what)
{

	read_big(what, 0);
}

static void
load_direct(const char *what)
{

	read_big(what, O_DIRECT);
}

static void
load_random(const char *what)
{
	const int fd = xopen("big", O_RDONLY | O_DIRECT), n = 50000;
	const double t = now();
	unsigned seed = 1;

	for (int i = 0; i < n; i++) {
		seed = seed * 1103515245 + 12345;
		const off_t at = (off_t)((seed >> 4) % (nmib * 256)) * 4096;
		if (pread(fd, buffer, 4096, at) != 4096)
			err(1, "big");
	}
	close(fd);
	report(what, n, t);
}

static void
load_create_unlink(const char *what)
{
	const double t = now();

	for (int i = 0; i < nfiles; i++) {
		close(xopen("scratch", O_CREAT | O_WRONLY | O_EXCL));
		if (unlink("scratch") == -1)
			err(1, "scratch");
	}
	report(what, nfiles, t);
}

static const struct {
	const char	*name;
	void		(*run)(const char *);
} loads[] = {
	{ "small", load_small },
	{ "big", load_write },
	{ "list", load_list },
	{ "open", load_open },
	{ "sequential", load_sequential },
	{ "direct", load_direct },
	{ "random", load_random },
	{ "create", load_create_unlink },
	{ "write4k", load_write_4k },
};

int
main(int argc, char **argv)
{

	if (argc < 3)
		errx(2, "usage: fuse_load dir load [files] [mib]");
	if (argc > 3)
		nfiles = atoi(argv[3]);
	if (argc > 4)
		nmib = (size_t)atol(argv[4]);
	if (chdir(argv[1]) == -1)
		err(1, "%s", argv[1]);
	if (posix_memalign((void **)&buffer, 4096, CHUNK) != 0)
		errx(1, "no memory");
	memset(buffer, 'x', CHUNK);
	for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
		if (strcmp(argv[2], "all") == 0 ||
		    strcmp(argv[2], loads[i].name) == 0)
			loads[i].run(loads[i].name);
	}
	return 0;
}
