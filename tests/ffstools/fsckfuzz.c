/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Random damage for fsck, built with sanitizers by fuzz.py:
 *
 *	fsckfuzz FIRST SECONDS IMAGE...
 *
 * Each seed damages a copy of one image, repairs it, and checks it again: the
 * second run must find nothing.  Prints a line for each seed that fails, and
 * how many there were; exits with 1 if any did.
 */

#include <sys/mman.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ffstools.h"

struct image {
	const char	*name;
	uint8_t		*data;
	size_t		size;
};

static uint64_t state;

static uint32_t
draw(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)(state >> 16) % below;
}

static void
load(struct image *im, const char *name)
{
	FILE *f = fopen(name, "rb");
	long size;

	if (f == NULL || fseek(f, 0, SEEK_END) != 0 || (size = ftell(f)) <= 0) {
		perror(name);
		exit(2);
	}
	rewind(f);
	im->name = name;
	im->size = (size_t)size;
	im->data = malloc(im->size);
	if (im->data == NULL || fread(im->data, 1, im->size, f) != im->size)
		exit(2);
	(void)fclose(f);
}

/* A byte of metadata, in most cases. */
static int64_t
target(struct fft_disk *d, const struct fft_super *s)
{
	const struct fs *fs = &s->fs;
	const uint32_t c = draw(fs->fs_ncg);
	const uint64_t ino = 2 + draw(80) +
	    (draw(2) != 0 ? (uint64_t)c * fs->fs_ipg : 0);
	struct fft_dinode ip;
	int64_t b;

	switch (draw(10)) {
	case 0:
		return s->where + draw(sizeof(struct fs));
	case 1:
	case 2:
		return (ffs_cgtod(fs, c) << fs->fs_fshift) +
		    draw((uint32_t)fs->fs_cgsize);
	case 3:
	case 4:
	case 5:
		return fft_inode_offset(fs, ino) +
		    draw((uint32_t)fs->fs_bsize / fs->fs_inopb);
	case 6:
	case 7:
	case 8:
		/* A block of a directory, or an indirect one. */
		if (fft_inode_read(d, s, ino, &ip) != 0)
			return 0;
		b = draw(4) != 0 ? ip.db[0] : ip.ib[draw(3)];
		if (b <= 0 || b >= fs->fs_size)
			b = draw((uint32_t)fs->fs_size);
		return (b << fs->fs_fshift) + draw((uint32_t)fs->fs_fsize);
	default:
		return draw((uint32_t)d->size);
	}
}

static void
change(uint8_t *p, const uint8_t *all, size_t size)
{
	const uint32_t word = draw(UINT32_MAX);

	switch (draw(6)) {
	case 0:
		*p ^= (uint8_t)(1U << draw(8));
		break;
	case 1:
		*p = (uint8_t)word;
		break;
	case 2:
		memset(p, 0xff, 2);
		break;
	case 3:
		memset(p, 0, 4);
		break;
	case 4:
		memcpy(p, &word, sizeof(word));
		break;
	default:
		memmove(p, all + draw((uint32_t)size - 64),
		    draw(3) == 0 ? 64 : 8);
	}
}

static void
say(uint64_t seed, const struct image *im, const char *what,
    const struct fft_fsck *r)
{
	printf("seed %llu, %s: %s", (unsigned long long)seed, im->name, what);
	for (uint64_t i = 0; i < r->nproblems && i < 3; i++)
		printf(" [%s, inode %llu: %s]", r->problem[i].kind,
		    (unsigned long long)r->problem[i].ino,
		    r->problem[i].text);
	printf("\n");
}

/* Whether the image was repaired in one run. */
static bool
one(uint64_t seed, const struct image *im, int fd)
{
	struct fft_disk d = { .fd = fd, .size = (int64_t)im->size };
	struct fft_fsck first = { .mode = FFT_REPAIR, .alternate = -1,
	    .limit = 256 << 20, .now = 1 }, second = first;
	struct fft_super s;
	uint8_t *data;
	bool good;

	if (ftruncate(fd, 0) != 0 || ftruncate(fd, (off_t)im->size) != 0)
		exit(2);
	data = mmap(NULL, im->size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (data == MAP_FAILED)
		exit(2);
	memcpy(data, im->data, im->size);
	if (fft_super_find(&d, -1, 1, &s) != 0)
		exit(2);
	for (uint32_t n = 1 + draw(12); n > 0; n--) {
		const int64_t at = target(&d, &s);

		if (at + 64 <= d.size)
			change(data + at, data, im->size);
	}
	good = fft_fsck(&d, &first) == 0;
	if (!good) {
		printf("%s: ", d.error);
		say(seed, im, "not checked", &first);
	} else if (first.stuck == 0) {
		second.mode = FFT_CHECK;
		good = fft_fsck(&d, &second) == 0 && second.count == 0;
		if (!good)
			say(seed, im, "not clean after a repair", &second);
	}
	fft_fsck_free(&first);
	fft_fsck_free(&second);
	(void)munmap(data, im->size);
	return good;
}

int
main(int argc, char **argv)
{
	const int n = argc - 3, fd = memfd_create("fsckfuzz", MFD_CLOEXEC);
	struct image *im;
	uint64_t seed, failed = 0, count = 0;
	time_t end;

	if (n < 1 || fd < 0)
		return 2;
	im = calloc((size_t)n, sizeof(*im));
	for (int i = 0; i < n; i++)
		load(&im[i], argv[3 + i]);
	seed = strtoull(argv[1], NULL, 0);
	end = time(NULL) + atol(argv[2]);
	for (; time(NULL) < end; seed++, count++) {
		state = seed * 0x9e3779b97f4a7c15ULL + 1;
		for (int i = 0; i < 8; i++)
			(void)draw(2);
		failed += !one(seed, &im[draw((uint32_t)n)], fd);
	}
	printf("%llu damaged images, %llu failed\n",
	    (unsigned long long)count, (unsigned long long)failed);
	for (int i = 0; i < n; i++)
		free(im[i].data);
	free(im);
	return failed != 0;
}
