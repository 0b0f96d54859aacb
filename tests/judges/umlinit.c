/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The init of a user-mode Linux that does nothing but read UFS images.
 *
 * Started as process 1 of an initramfs, it loads ufs.ko, mounts every
 * /dev/ubd? that its arguments name (LETTER:UFSTYPE, from the kernel's command
 * line after "--") read-only, and prints one line for each object:
 *
 *	LETTER mode uid gid nlink size mtime rdev digest target path
 *
 * with digest and target "-" where they do not apply and names escaped as
 * %XX.  The marker lines "BEGIN", "FAIL errno" and "END" frame each image.
 */
#define _GNU_SOURCE
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define	HASH_LIMIT	(64LL << 20)

struct sha256 {
	uint32_t	h[8];
	uint64_t	len;
	unsigned char	buf[64];
};

/* Fractional parts of the cube roots of the first 64 primes (FIPS 180-4). */
static const uint32_t sha_k[64] = {
	0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1,
	0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3,
	0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
	0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
	0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147,
	0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
	0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b,
	0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
	0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
	0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208,
	0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
};

static uint32_t
ror(uint32_t x, int n)
{

	return x >> n | x << (32 - n);
}

static void
sha_block(uint32_t *h, const unsigned char *p)
{
	uint32_t w[64], v[8];

	for (int i = 0; i < 16; i++)
		w[i] = (uint32_t)p[4 * i] << 24 | p[4 * i + 1] << 16 |
		    p[4 * i + 2] << 8 | p[4 * i + 3];
	for (int i = 16; i < 64; i++) {
		uint32_t a = w[i - 15], b = w[i - 2];

		w[i] = w[i - 16] + w[i - 7] +
		    (ror(a, 7) ^ ror(a, 18) ^ a >> 3) +
		    (ror(b, 17) ^ ror(b, 19) ^ b >> 10);
	}
	memcpy(v, h, sizeof(v));
	for (int i = 0; i < 64; i++) {
		uint32_t e = v[4], a = v[0];
		uint32_t t1 = v[7] + (ror(e, 6) ^ ror(e, 11) ^ ror(e, 25)) +
		    ((e & v[5]) ^ (~e & v[6])) + sha_k[i] + w[i];
		uint32_t t2 = (ror(a, 2) ^ ror(a, 13) ^ ror(a, 22)) +
		    ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));

		memmove(v + 1, v, 7 * sizeof(v[0]));
		v[4] += t1;
		v[0] = t1 + t2;
	}
	for (int i = 0; i < 8; i++)
		h[i] += v[i];
}

static void
sha_init(struct sha256 *s)
{
	static const uint32_t h0[8] = {
		0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
		0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19
	};

	memcpy(s->h, h0, sizeof(h0));
	s->len = 0;
}

static void
sha_update(struct sha256 *s, const unsigned char *p, size_t n)
{

	while (n > 0) {
		size_t at = s->len % 64, take = 64 - at;

		if (take > n)
			take = n;
		memcpy(s->buf + at, p, take);
		s->len += take;
		p += take;
		n -= take;
		if (s->len % 64 == 0)
			sha_block(s->h, s->buf);
	}
}

static void
sha_print(struct sha256 *s)
{
	uint64_t bits = s->len * 8;
	unsigned char pad[72] = { 0x80 };
	size_t n = 64 - (s->len + 8) % 64;

	for (int i = 0; i < 8; i++)
		pad[n + i] = bits >> (56 - 8 * i);
	sha_update(s, pad, n + 8);
	for (int i = 0; i < 8; i++)
		printf("%08x", s->h[i]);
}

static void
put_escaped(const char *s)
{

	for (; *s != '\0'; s++) {
		unsigned char c = *s;

		if (c >= 0x21 && c <= 0x7e && c != '%')
			putchar(c);
		else
			printf("%%%02X", c);
	}
}

static void
put_digest(const char *path)
{
	static unsigned char buf[65536];
	struct sha256 s;
	ssize_t n;
	int fd;

	fd = open(path, O_RDONLY | O_NOFOLLOW);
	if (fd < 0) {
		printf("E%d", errno);
		return;
	}
	sha_init(&s);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		sha_update(&s, buf, n);
	if (n < 0)
		printf("E%d", errno);
	else
		sha_print(&s);
	close(fd);
}

static void
report(char letter, const char *path, const char *shown)
{
	char target[PATH_MAX];
	struct stat st;

	if (lstat(path, &st) != 0) {
		printf("%c ERROR %d ", letter, errno);
		put_escaped(shown);
		putchar('\n');
		return;
	}
	printf("%c %o %u %u %lu %lld %lld %llu ", letter, st.st_mode,
	    st.st_uid, st.st_gid, (unsigned long)st.st_nlink,
	    (long long)st.st_size, (long long)st.st_mtime,
	    (unsigned long long)st.st_rdev);
	if (S_ISREG(st.st_mode) && st.st_size <= HASH_LIMIT)
		put_digest(path);
	else
		putchar('-');
	putchar(' ');
	if (S_ISLNK(st.st_mode)) {
		ssize_t n = readlink(path, target, sizeof(target) - 1);

		target[n < 0 ? 0 : n] = '\0';
		put_escaped(target);
	} else
		putchar('-');
	putchar(' ');
	put_escaped(shown);
	putchar('\n');
}

static void
walk(char letter, char *path, size_t top)
{
	size_t len = strlen(path);
	struct dirent *d;
	struct stat st;
	DIR *dir;

	dir = opendir(path);
	if (dir == NULL) {
		printf("%c ERROR %d ", letter, errno);
		put_escaped(path + top);
		putchar('\n');
		return;
	}
	while ((d = readdir(dir)) != NULL) {
		if (strcmp(d->d_name, ".") == 0 || strcmp(d->d_name, "..") == 0)
			continue;
		if (len + strlen(d->d_name) + 2 > PATH_MAX)
			continue;
		snprintf(path + len, PATH_MAX - len, "/%s", d->d_name);
		report(letter, path, path + top + 1);
		if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
			walk(letter, path, top);
		path[len] = '\0';
	}
	closedir(dir);
}

static void
read_image(char letter, const char *ufstype)
{
	static char path[PATH_MAX];
	char dev[16], opts[64];

	snprintf(dev, sizeof(dev), "/dev/ubd%c", letter);
	snprintf(opts, sizeof(opts), "ufstype=%s", ufstype);
	mknod(dev, S_IFBLK | 0600, makedev(98, (letter - 'a') * 16));
	printf("%c BEGIN\n", letter);
	if (mount(dev, "/m", "ufs", MS_RDONLY, opts) != 0) {
		printf("%c FAIL %d\n", letter, errno);
		return;
	}
	strcpy(path, "/m");
	report(letter, path, ".");
	walk(letter, path, 2);
	printf("%c END\n", letter);
	umount("/m");
}

int
main(int argc, char **argv)
{
	int fd;

	mkdir("/m", 0755);
	mkdir("/dev", 0755);
	fd = open("/ufs.ko", O_RDONLY);
	if (fd >= 0 && syscall(SYS_finit_module, fd, "", 0) != 0)
		printf("MODULE %d\n", errno);
	for (int i = 1; i < argc; i++)
		if (argv[i][1] == ':')
			read_image(argv[i][0], argv[i] + 2);
	printf("BYE\n");
	fflush(stdout);
	reboot(RB_POWER_OFF);
	return 0;
}
