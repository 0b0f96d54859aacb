/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Memory and string functions.  Real functions with addresses below 2 GiB,
 * because modules and the compiler call them by name.
 *
 * The four memory functions use the string instructions: with fast short and
 * long rep movs they reach memcpy's speed, without any vector register.
 */

#include <sys/param.h>
#include <sys/systm.h>

/* Or the compiler would turn the loops below into calls of themselves. */
#pragma GCC optimize("no-tree-loop-distribute-patterns")

#undef memcpy
#undef memmove
#undef memset
#undef memcmp
#undef strlen

const char hexdigits[] = "0123456789abcdef";
const char HEXDIGITS[] = "0123456789ABCDEF";

typedef uint64_t __attribute__((__may_alias__, __aligned__(1))) word_t;
typedef uint32_t __attribute__((__may_alias__, __aligned__(1))) half_t;
typedef uint16_t __attribute__((__may_alias__, __aligned__(1))) quarter_t;

/* Up to 16 bytes by two loads that may overlap. */
static inline void
copy_small(char *d, const char *s, size_t n)
{
	if (n >= 8) {
		uint64_t a = *(const word_t *)s;
		uint64_t b = *(const word_t *)(s + n - 8);

		*(word_t *)d = a;
		*(word_t *)(d + n - 8) = b;
	} else if (n >= 4) {
		uint32_t a = *(const half_t *)s;
		uint32_t b = *(const half_t *)(s + n - 4);

		*(half_t *)d = a;
		*(half_t *)(d + n - 4) = b;
	} else if (n >= 2) {
		uint16_t a = *(const quarter_t *)s;
		uint16_t b = *(const quarter_t *)(s + n - 2);

		*(quarter_t *)d = a;
		*(quarter_t *)(d + n - 2) = b;
	} else if (n != 0)
		*d = *s;
}

void *
memcpy(void *dst, const void *src, size_t n)
{
	void *d = dst;

	if (n <= 16) {
		copy_small(dst, src, n);
		return dst;
	}
	if (n <= 64) {
		const char *s = src;
		char *c = dst;
		uint64_t a = *(const word_t *)(s + n - 16);
		uint64_t b = *(const word_t *)(s + n - 8);
		char *end = c + n - 16;

		for (; c < end; c += 8, s += 8)
			*(word_t *)c = *(const word_t *)s;
		*(word_t *)end = a;
		*(word_t *)(end + 8) = b;
		return dst;
	}
	__asm volatile("rep movsb" : "+D"(d), "+S"(src), "+c"(n) :: "memory");
	return dst;
}

void *
memmove(void *dst, const void *src, size_t n)
{
	char *d = dst;
	const char *s = src;

	if (n <= 16) {
		copy_small(d, s, n);
		return dst;
	}
	if ((size_t)(d - s) >= n)
		return memcpy(dst, src, n);
	/* Backwards, by words; overlapping moves are rare and short. */
	while (n >= 8) {
		n -= 8;
		*(word_t *)(d + n) = *(const word_t *)(s + n);
	}
	while (n-- != 0)
		d[n] = s[n];
	return dst;
}

void *
memset(void *dst, int c, size_t n)
{
	uint64_t v = (uint8_t)c * 0x0101010101010101UL;
	char *d = dst;

	if (n < 8) {
		while (n-- != 0)
			d[n] = (char)c;
		return dst;
	}
	if (n <= 128) {
		char *end = d + n - 8;

		for (; d < end; d += 8)
			*(word_t *)d = v;
		*(word_t *)end = v;
		return dst;
	}
	__asm volatile("rep stosb" : "+D"(d), "+c"(n) : "a"(c) : "memory");
	return dst;
}

int
memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;

	while (n >= 8 && *(const word_t *)p == *(const word_t *)q) {
		p += 8;
		q += 8;
		n -= 8;
	}
	for (; n != 0; n--, p++, q++)
		if (*p != *q)
			return *p < *q ? -1 : 1;
	return 0;
}

void *
memchr(const void *s, int c, size_t n)
{
	const uint8_t *p = s;

	for (; n != 0; n--, p++)
		if (*p == (uint8_t)c)
			return __UNCONST(p);
	return NULL;
}

void *
memmem(const void *hay, size_t haylen, const void *needle, size_t len)
{
	const char *h = hay;

	if (len == 0)
		return __UNCONST(hay);
	for (; haylen >= len; h++, haylen--)
		if (*h == *(const char *)needle && memcmp(h, needle, len) == 0)
			return __UNCONST(h);
	return NULL;
}

/* A memset that the compiler may not drop. */
void *
explicit_memset(void *dst, int c, size_t n)
{
	memset(dst, c, n);
	__asm volatile("" :: "r"(dst) : "memory");
	return dst;
}

/* Equality without telling by its time where the difference is. */
int
consttime_memequal(const void *a, const void *b, size_t n)
{
	const uint8_t *p = a, *q = b;
	u_int differ = 0;

	while (n-- != 0)
		differ |= *p++ ^ *q++;
	return (int)(1 & ((differ - 1) >> 8));
}

size_t
strlen(const char *s)
{
	const char *p = s;

	while (*p != '\0')
		p++;
	return (size_t)(p - s);
}

size_t
strnlen(const char *s, size_t max)
{
	size_t n = 0;

	while (n < max && s[n] != '\0')
		n++;
	return n;
}

int
strcmp(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return (uint8_t)*a - (uint8_t)*b;
}

int
strncmp(const char *a, const char *b, size_t n)
{
	for (; n != 0; n--, a++, b++)
		if (*a != *b || *a == '\0')
			return (uint8_t)*a - (uint8_t)*b;
	return 0;
}

int
strncasecmp(const char *a, const char *b, size_t n)
{
	int d;

	for (; n != 0; n--, a++, b++) {
		d = tolower((uint8_t)*a) - tolower((uint8_t)*b);
		if (d != 0 || *a == '\0')
			return d;
	}
	return 0;
}

int
strcasecmp(const char *a, const char *b)
{
	return strncasecmp(a, b, SIZE_MAX);
}

char *
strcpy(char *dst, const char *src)
{
	memcpy(dst, src, strlen(src) + 1);
	return dst;
}

char *
strncpy(char *dst, const char *src, size_t n)
{
	size_t len = strnlen(src, n);

	memcpy(dst, src, len);
	memset(dst + len, 0, n - len);
	return dst;
}

char *
strcat(char *dst, const char *src)
{
	strcpy(dst + strlen(dst), src);
	return dst;
}

char *
strncat(char *dst, const char *src, size_t n)
{
	size_t at = strlen(dst), len = strnlen(src, n);

	memcpy(dst + at, src, len);
	dst[at + len] = '\0';
	return dst;
}

size_t
strlcpy(char *dst, const char *src, size_t size)
{
	size_t len = strlen(src), n;

	if (size != 0) {
		n = MIN(len, size - 1);
		memcpy(dst, src, n);
		dst[n] = '\0';
	}
	return len;
}

size_t
strlcat(char *dst, const char *src, size_t size)
{
	size_t at = strnlen(dst, size);

	return at + strlcpy(dst + at, src, size - at);
}

char *
strchr(const char *s, int c)
{
	for (;; s++) {
		if (*s == (char)c)
			return __UNCONST(s);
		if (*s == '\0')
			return NULL;
	}
}

char *
strrchr(const char *s, int c)
{
	const char *last = NULL;

	for (;; s++) {
		if (*s == (char)c)
			last = s;
		if (*s == '\0')
			return __UNCONST(last);
	}
}

char *
strstr(const char *hay, const char *needle)
{
	return memmem(hay, strlen(hay), needle, strlen(needle));
}

size_t
strspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] != '\0' && strchr(set, s[n]) != NULL)
		n++;
	return n;
}

size_t
strcspn(const char *s, const char *set)
{
	size_t n = 0;

	while (s[n] != '\0' && strchr(set, s[n]) == NULL)
		n++;
	return n;
}

char *
strpbrk(const char *s, const char *set)
{
	s += strcspn(s, set);
	return *s != '\0' ? __UNCONST(s) : NULL;
}

char *
strsep(char **sp, const char *delim)
{
	char *s = *sp, *end;

	if (s == NULL)
		return NULL;
	end = s + strcspn(s, delim);
	if (*end != '\0') {
		*end = '\0';
		*sp = end + 1;
	} else
		*sp = NULL;
	return s;
}
