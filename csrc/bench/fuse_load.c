/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Loads for a mounted file system: each prints one line "name value unit".
 * Run on a fresh directory of the mount; drop caches by mounting anew.
 *
 *	fuse_load DIR make [files] [mib]	files of 1 KiB, and one big file
 *	fuse_load DIR run  [files] [mib]	all loads, over what make left
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

static void
report(const char *name, double amount, double since, const char *unit)
{

	printf("%-22s %10.0f %s\n", name, amount / (now() - since), unit);
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
	report(what, (double)nmib, t, "MiB/s");
}

static void
load_make(void)
{
	double t;

	if (mkdir("small", 0755) == -1)
		err(1, "small");
	t = now();
	for (int i = 0; i < nfiles; i++)
		write_small(small_name(i), 1024);
	report("create+write1k", nfiles, t, "op/s");
	write_big("write 1M", CHUNK);
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
	report(what, n, t, "op/s");
}

static void
load_open(void)
{
	const double t = now();

	for (int i = 0; i < nfiles; i++) {
		const int fd = xopen(small_name(i), O_RDONLY);
		if (read(fd, buffer, CHUNK) != 1024)
			err(1, "%s", path);
		close(fd);
	}
	report("open+read1k+close", nfiles, t, "op/s");
}

static void
load_sequential(const char *what, int flags)
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
	report(what, (double)nmib, t, "MiB/s");
}

static void
load_random(void)
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
	report("random direct 4k", n, t, "op/s");
}

static void
load_create_unlink(void)
{
	const double t = now();

	for (int i = 0; i < nfiles; i++) {
		close(xopen("scratch", O_CREAT | O_WRONLY | O_EXCL));
		if (unlink("scratch") == -1)
			err(1, "scratch");
	}
	report("create+unlink", nfiles, t, "op/s");
}

static void
load_run(void)
{

	load_list("readdir+stat");
	load_open();
	load_sequential("sequential read", 0);
	load_sequential("direct read 1M", O_DIRECT);
	load_random();
	load_create_unlink();
	write_big("write 4k", 4096);
	write_big("write 1M again", CHUNK);
}

int
main(int argc, char **argv)
{

	if (argc < 3)
		errx(2, "usage: fuse_load dir make|run [files] [mib]");
	if (argc > 3)
		nfiles = atoi(argv[3]);
	if (argc > 4)
		nmib = (size_t)atol(argv[4]);
	if (chdir(argv[1]) == -1)
		err(1, "%s", argv[1]);
	if (posix_memalign((void **)&buffer, 4096, CHUNK) != 0)
		errx(1, "no memory");
	memset(buffer, 'x', CHUNK);
	if (strcmp(argv[2], "make") == 0)
		load_make();
	else
		load_run();
	return 0;
}
