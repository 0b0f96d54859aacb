/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The rest of libkern: numbers out of strings, bits, checksums, sorting,
 * dumps.
 */

#include <sys/param.h>
#include <sys/systm.h>

/* The value of a digit in any base up to 36; 36 for what is none. */
static u_int
digit_value(int c)
{
	if (isdigit(c))
		return (u_int)(c - '0');
	if (isalpha(c))
		return (u_int)(tolower(c) - 'a' + 10);
	return 36;
}

unsigned long long
strtoull(const char *s, char **endp, int base)
{
	unsigned long long v = 0;
	const char *p = s, *last = s;
	bool negative = false, overflow = false;

	while (isspace((u_char)*p))
		p++;
	if (*p == '-' || *p == '+')
		negative = *p++ == '-';
	if ((base == 0 || base == 16) && p[0] == '0' &&
	    (p[1] == 'x' || p[1] == 'X') && digit_value((u_char)p[2]) < 16) {
		p += 2;
		base = 16;
	} else if (base == 0)
		base = *p == '0' ? 8 : 10;
	for (; digit_value((u_char)*p) < (u_int)base; p++) {
		if (__builtin_mul_overflow(v, (u_int)base, &v) ||
		    __builtin_add_overflow(v, digit_value((u_char)*p), &v))
			overflow = true;
		last = p + 1;
	}
	if (endp != NULL)
		*endp = __UNCONST(last);
	if (overflow)
		return ULLONG_MAX;
	return negative ? -v : v;
}

unsigned long
strtoul(const char *s, char **endp, int base)
{
	return (unsigned long)strtoull(s, endp, base);
}

long long
strtoll(const char *s, char **endp, int base)
{
	return (long long)strtoull(s, endp, base);
}

/* An IPv4 address, given in network order, in a static buffer. */
char *
intoa(u_int32_t addr)
{
	static char buf[sizeof("255.255.255.255")];
	const uint8_t *b = (const uint8_t *)&addr;

	snprintf(buf, sizeof(buf), "%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
	return buf;
}

/* How much is left of STR from the first byte whose table entry has MASK. */
int
scanc(u_int size, const u_char *str, const u_char table[], int mask)
{
	const u_char *p = str, *end = str + size;

	while (p < end && (table[*p] & mask) == 0)
		p++;
	return (int)(end - p);
}

/* How much is left of STR from the first byte that is not MASK. */
int
skpc(int mask, size_t size, u_char *str)
{
	const u_char *p = str, *end = str + size;

	while (p < end && *p == (u_char)mask)
		p++;
	return (int)(end - p);
}

int
ffs(int n)
{
	return __builtin_ffs(n);
}

int
fls(int n)
{
	return n == 0 ? 0 : 32 - __builtin_clz((u_int)n);
}

unsigned int
popcount64(uint64_t v)
{
	v -= (v >> 1) & 0x5555555555555555UL;
	v = (v & 0x3333333333333333UL) + ((v >> 2) & 0x3333333333333333UL);
	v = (v + (v >> 4)) & 0x0f0f0f0f0f0f0f0fUL;
	return (unsigned int)((v * 0x0101010101010101UL) >> 56);
}

unsigned int
popcount32(uint32_t v)
{
	return popcount64(v);
}

unsigned int
popcount(unsigned int v)
{
	return popcount64(v);
}

/* CRC-32 of IEEE 802.3, four bits at a time. */
uint32_t
crc32(uint32_t crc, const uint8_t *p, size_t n)
{
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac,
		0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
		0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c
	};

	crc = ~crc;
	while (n-- != 0) {
		crc ^= *p++;
		crc = table[crc & 15] ^ (crc >> 4);
		crc = table[crc & 15] ^ (crc >> 4);
	}
	return ~crc;
}

/* Let the element at ROOT sink to its place in a heap of N elements. */
static void
heap_sink(char *base, size_t root, size_t n, size_t size,
    int (*compare)(const void *, const void *), void *tmp)
{
	size_t child;

	memcpy(tmp, base + root * size, size);
	while ((child = 2 * root + 1) < n) {
		if (child + 1 < n && (*compare)(base + child * size,
		    base + (child + 1) * size) < 0)
			child++;
		if ((*compare)(tmp, base + child * size) >= 0)
			break;
		memcpy(base + root * size, base + child * size, size);
		root = child;
	}
	memcpy(base + root * size, tmp, size);
}

/* Sort in place; TMP has room for one element. */
int
kheapsort(void *vbase, size_t n, size_t size,
    int (*compare)(const void *, const void *), void *tmp)
{
	char *base = vbase;
	size_t i;

	if (size == 0)
		return EINVAL;
	for (i = n / 2; i-- != 0; )
		heap_sink(base, i, n, size, compare, tmp);
	while (n > 1) {
		n--;
		/* The largest goes behind the heap. */
		for (i = 0; i < size; i++) {
			char c = base[i];

			base[i] = base[n * size + i];
			base[n * size + i] = c;
		}
		heap_sink(base, 0, n, size, compare, tmp);
	}
	return 0;
}

static void
hexdump_line(void (*pr)(const char *, ...), size_t at, const uint8_t *p,
    size_t n)
{
	char hex[16 * 3 + 1], text[17];
	size_t i;

	for (i = 0; i < 16; i++) {
		if (i >= n) {
			memcpy(hex + i * 3, "   ", 3);
			continue;
		}
		hex[i * 3] = hexdigits[p[i] >> 4];
		hex[i * 3 + 1] = hexdigits[p[i] & 15];
		hex[i * 3 + 2] = ' ';
		text[i] = isprint(p[i]) ? (char)p[i] : '.';
	}
	hex[sizeof(hex) - 1] = '\0';
	text[n] = '\0';
	(*pr)("%08zx  %s |%s|\n", at, hex, text);
}

void
hexdump(void (*pr)(const char *, ...), const char *msg, const void *base,
    size_t n)
{
	size_t at;

	if (msg != NULL)
		(*pr)("%s: %zu bytes @ %p\n", msg, n, base);
	for (at = 0; at < n; at += 16)
		hexdump_line(pr, at, (const uint8_t *)base + at,
		    MIN(n - at, 16));
}
