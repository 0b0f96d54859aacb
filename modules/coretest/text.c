/* SPDX-License-Identifier: BSD-2-Clause */

/* Strings, formatting, numbers, atomics, random bytes. */

#include <sys/atomic.h>
#include <sys/cprng.h>

#include "coretest.h"

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

static bool
filled(const char *p, char c, size_t n)
{
	while (n-- != 0)
		if (*p++ != c)
			return false;
	return true;
}

/* Every length around the borders of the methods, with guards beside. */
static int
test_memory(void)
{
	static char a[400], b[400];
	size_t n, i;

	for (n = 0; n < 300; n++) {
		memset(a, 'x', sizeof(a));
		memset(a + 16, 'y', n);
		CHECK(filled(a, 'x', 16) && filled(a + 16, 'y', n) &&
		    filled(a + 16 + n, 'x', sizeof(a) - 16 - n));
		for (i = 0; i < sizeof(b); i++)
			b[i] = (char)(i * 7);
		memcpy(a + 16, b + 3, n);
		CHECK(memcmp(a + 16, b + 3, n) == 0);
		CHECK(a[15] == 'x' && a[16 + n] == 'x');
		memmove(b + 20, b + 10, n);
		for (i = 0; i < n; i++)
			CHECK(b[20 + i] == (char)((10 + i) * 7));
		for (i = 0; i < sizeof(b); i++)
			b[i] = (char)(i * 7);
		memmove(b + 10, b + 20, n);
		for (i = 0; i < n; i++)
			CHECK(b[10 + i] == (char)((20 + i) * 7));
	}
	CHECK(memcmp("abc", "abd", 3) < 0 && memcmp("\377", "\1", 1) > 0);
	CHECK(memcmp("123456789", "123456788", 9) > 0);
	return 0;
}

int
test_strings(void)
{
	char buf[16], *p, *field;
	int line;

	if ((line = test_memory()) != 0)
		return line;
	CHECK(strlcpy(buf, "0123456789abcdef", sizeof(buf)) == 16);
	CHECK(strcmp(buf, "0123456789abcde") == 0);
	CHECK(strlcpy(buf, "ab", sizeof(buf)) == 2);
	CHECK(strlcat(buf, "cd", sizeof(buf)) == 4 && strcmp(buf, "abcd") == 0);
	CHECK(strlcat(buf, "0123456789ab", sizeof(buf)) == 16);
	CHECK(strlen(buf) == 15);
	memset(buf, 'z', sizeof(buf));
	strncpy(buf, "ab", 5);
	CHECK(memcmp(buf, "ab\0\0\0z", 6) == 0);
	CHECK(strncmp("abc", "abd", 2) == 0 && strncmp("a", "b", 0) == 0);
	CHECK(strcasecmp("HeLLo", "hEllO") == 0);
	CHECK(strncasecmp("abX", "ABy", 2) == 0);
	CHECK(strchr("hello", 'l')[1] == 'l' && strchr("a", 'b') == NULL);
	CHECK(*strchr("a", '\0') == '\0');
	CHECK(strcmp(strrchr("a/b/c", '/'), "/c") == 0);
	CHECK(strcmp(strstr("hello", "ll"), "llo") == 0);
	CHECK(strstr("hello", "lo!") == NULL);
	strlcpy(buf, "a,,b", sizeof(buf));
	p = buf;
	field = strsep(&p, ",");
	CHECK(strcmp(field, "a") == 0 && strcmp(strsep(&p, ","), "") == 0);
	CHECK(strcmp(strsep(&p, ","), "b") == 0 && p == NULL);
	CHECK(consttime_memequal("ab", "ab", 2) == 1);
	CHECK(consttime_memequal("ab", "ac", 2) == 0);
	return 0;
}

#define	FORMATS(want, ...) do {						\
	char buf_[80];							\
									\
	CHECK(snprintf(buf_, sizeof(buf_), __VA_ARGS__) ==		\
	    (int)sizeof(want) - 1);					\
	CHECK(strcmp(buf_, want) == 0);					\
} while (0)

int
test_printf(void)
{
	char small[4], *volatile nothing = NULL;

	FORMATS("42 -42 +42  42", "%d %d %+d % d", 42, -42, 42, 42);
	FORMATS("   42|42   |00042", "%5d|%-5d|%05d", 42, 42, 42);
	FORMATS("-0042| 0042|", "%05d|%5.4d|%.0d", -42, 42, 0);
	FORMATS("ff FF 0xff 010 0", "%x %X %#x %#o %#x", 255, 255, 255, 8, 0);
	FORMATS("18446744073709551615", "%lu", ~0UL);
	FORMATS("-9223372036854775808", "%ld", LONG_MIN);
	FORMATS("-1 255 65535", "%hhd %hhu %hu", 255, 255, 65535);
	FORMATS("abc|  abc|abc  |ab", "%s|%5s|%-5s|%.2s", "abc", "abc", "abc",
	    "abc");
	FORMATS("(null)", "%s", nothing);
	FORMATS("x|  x|%", "%c|%3c|%%", 'x', 'x');
	FORMATS("0x1234", "%p", (void *)0x1234);
	FORMATS("  7|7  ", "%*d|%*d", 3, 7, -3, 7);
	FORMATS("12 34", "%zu %jd", (size_t)12, (intmax_t)34);
	CHECK(snprintf(small, sizeof(small), "%s", "abcdef") == 6);
	CHECK(strcmp(small, "abc") == 0);
	CHECK(snprintf(NULL, 0, "%d", 12345) == 5);
	return 0;
}

int
test_snprintb(void)
{
	char buf[80];

	snprintb(buf, sizeof(buf), "\10\2BITTWO\1BITONE", 3);
	CHECK(strcmp(buf, "03<BITTWO,BITONE>") == 0);
	snprintb(buf, sizeof(buf), "\20\1A\2B\3C", 5);
	CHECK(strcmp(buf, "0x5<A,C>") == 0);
	snprintb(buf, sizeof(buf), "\20\1A", 0);
	CHECK(strcmp(buf, "0") == 0);
	snprintb(buf, sizeof(buf),
	    "\177\020b\05NOTBOOT\0b\06FPP\0f\0\2SPEED\0=\001SLOW\0"
	    "=\003FAST\0\0", 0x23);
	CHECK(strcmp(buf, "0x23<NOTBOOT,SPEED=0x3=FAST>") == 0);
	return 0;
}

static int
compare_ints(const void *a, const void *b)
{
	const int *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

int
test_numbers(void)
{
	static const u_char table[256] = { ['c'] = 1, ['d'] = 2 };
	int v[101], tmp, i;
	u_char ff[5] = { 0xff, 0xff, 1, 0xff, 0xff };
	char *end;

	CHECK(strtoull("  0x1fz", &end, 0) == 0x1f && *end == 'z');
	CHECK(strtoull("-12", NULL, 10) == (unsigned long long)-12);
	CHECK(strtoull("077", NULL, 0) == 63 && strtoull("z", NULL, 36) == 35);
	CHECK(strtoull("99999999999999999999", NULL, 10) == ULLONG_MAX);
	CHECK(strtoull("+", &end, 10) == 0 && *end == '+');
	CHECK(scanc(4, (const u_char *)"abcd", table, 1) == 2);
	CHECK(scanc(4, (const u_char *)"abcd", table, 2) == 1);
	CHECK(scanc(4, (const u_char *)"abcd", table, 4) == 0);
	CHECK(skpc(0xff, 5, ff) == 3 && skpc(0xff, 2, ff) == 0);
	CHECK(crc32(0, (const uint8_t *)"123456789", 9) == 0xcbf43926);
	CHECK(popcount64(~0UL) == 64 && popcount32(0x80000001) == 2);
	CHECK(ffs(8) == 4 && fls(8) == 4 && ffs(0) == 0 && fls(0) == 0);
	for (i = 0; i < 101; i++)
		v[i] = (i * 37) % 101;
	CHECK(kheapsort(v, 101, sizeof(v[0]), compare_ints, &tmp) == 0);
	for (i = 0; i < 101; i++)
		CHECK(v[i] == i);
	return 0;
}

int
test_atomics(void)
{
	uint32_t a = 5;
	uint64_t b = 5;
	unsigned int u = 6;
	void *p = &a;

	CHECK(atomic_add_32_nv(&a, -2) == 3 && a == 3);
	atomic_inc_32(&a);
	CHECK(atomic_cas_32(&a, 4, 9) == 4 && a == 9);
	CHECK(atomic_cas_32(&a, 4, 7) == 9 && a == 9);
	CHECK(atomic_swap_32(&a, 1) == 9);
	CHECK(atomic_dec_64_nv(&b) == 4 && atomic_or_64_nv(&b, 3) == 7);
	CHECK(atomic_and_uint_nv(&u, 3) == 2);
	CHECK(atomic_inc_uint_nv(&u) == 3);
	CHECK(atomic_cas_ptr(&p, &a, &b) == &a && p == &b);
	CHECK(atomic_swap_ptr(&p, NULL) == &b && p == NULL);
	membar_sync();
	return 0;
}

int
test_cprng(void)
{
	uint8_t buf[1000], again[1000];
	u_int ones = 0;
	size_t i;

	CHECK(cprng_fast(buf, sizeof(buf)) == sizeof(buf));
	CHECK(cprng_fast(again, sizeof(again)) == sizeof(again));
	CHECK(memcmp(buf, again, sizeof(buf)) != 0);
	for (i = 0; i < sizeof(buf); i++)
		ones += popcount32(buf[i]);
	CHECK(ones > 3600 && ones < 4400);
	CHECK(cprng_fast64() != cprng_fast64());
	return 0;
}
