/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A repair during which the power fails: fsckcut IMAGE WRITES SEED.  After so
 * many writes none arrives any more, and of those since the last sync only
 * some did, as the seed has it.  Prints how many writes there were.
 *
 * Linked with --wrap=pwrite,--wrap=fdatasync.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ffstools.h"

#define	MAXWAITING	100000

ssize_t	__real_pwrite(int, const void *, size_t, off_t);
int	__real_fdatasync(int);

static struct {
	off_t	at;
	size_t	len;
	void	*data;
} waiting[MAXWAITING];
static size_t nwaiting;
static long count, limit;

static void
arrive(int fd, int all)
{
	for (size_t i = 0; i < nwaiting; i++) {
		if ((all || rand() % 3 != 0) && __real_pwrite(fd,
		    waiting[i].data, waiting[i].len, waiting[i].at) < 0)
			abort();
		free(waiting[i].data);
	}
	nwaiting = 0;
}

ssize_t __wrap_pwrite(int, const void *, size_t, off_t);
ssize_t
__wrap_pwrite(int fd, const void *buf, size_t len, off_t at)
{
	if (count++ < limit) {
		if (nwaiting == MAXWAITING)
			abort();
		waiting[nwaiting].at = at;
		waiting[nwaiting].len = len;
		waiting[nwaiting].data = memcpy(malloc(len), buf, len);
		nwaiting++;
	} else if (count == limit + 1)
		arrive(fd, 0);
	return (ssize_t)len;
}

int __wrap_fdatasync(int);
int
__wrap_fdatasync(int fd)
{
	if (count <= limit)
		arrive(fd, 1);
	return 0;
}

int
main(int argc, char **argv)
{
	struct fft_fsck r = { .mode = FFT_REPAIR, .alternate = -1,
	    .limit = 1 << 28, .now = 1000000000 };
	struct fft_disk d = { .fd = -1 };
	struct stat sb;
	int error;

	if (argc != 4)
		return 2;
	limit = atol(argv[2]);
	srand((unsigned)atoi(argv[3]));
	d.fd = open(argv[1], O_RDWR);
	if (d.fd < 0 || fstat(d.fd, &sb) != 0)
		return 2;
	d.size = sb.st_size;
	error = fft_fsck(&d, &r);
	if (count <= limit)
		arrive(d.fd, 1);
	fft_fsck_free(&r);
	(void)printf("%ld\n", count);
	return error;
}
