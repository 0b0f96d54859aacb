/* SPDX-License-Identifier: BSD-2-Clause */

/* The kernel's C library: strings, assertions, small arithmetic. */
#ifndef _LIB_LIBKERN_LIBKERN_H_
#define	_LIB_LIBKERN_LIBKERN_H_

#include <sys/types.h>
#include <sys/inttypes.h>
#include <sys/null.h>

static inline int
imax(int a, int b)
{
	return a > b ? a : b;
}

static inline int
imin(int a, int b)
{
	return a < b ? a : b;
}

static inline long
lmax(long a, long b)
{
	return a > b ? a : b;
}

static inline long
lmin(long a, long b)
{
	return a < b ? a : b;
}

static inline u_int
max(u_int a, u_int b)
{
	return a > b ? a : b;
}

static inline u_int
min(u_int a, u_int b)
{
	return a < b ? a : b;
}

static inline u_long
ulmax(u_long a, u_long b)
{
	return a > b ? a : b;
}

static inline u_long
ulmin(u_long a, u_long b)
{
	return a < b ? a : b;
}

static inline int
isspace(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline int
isdigit(int c)
{
	return c >= '0' && c <= '9';
}

static inline int
isupper(int c)
{
	return c >= 'A' && c <= 'Z';
}

static inline int
islower(int c)
{
	return c >= 'a' && c <= 'z';
}

static inline int
isalpha(int c)
{
	return isupper(c) || islower(c);
}

static inline int
isalnum(int c)
{
	return isalpha(c) || isdigit(c);
}

static inline int
isxdigit(int c)
{
	return isdigit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static inline int
toupper(int c)
{
	return islower(c) ? c - 'a' + 'A' : c;
}

static inline int
tolower(int c)
{
	return isupper(c) ? c - 'A' + 'a' : c;
}

static inline int
isprint(int c)
{
	return c >= ' ' && c <= '~';
}

#define	abs(x)		__builtin_abs(x)
#define	container_of(p, t, m) \
	((t *)(void *)((char *)__UNCONST(p) - offsetof(t, m)))

/*
 * KASSERT states what only a bug of the kernel or of a module can make
 * false; a failure panics with the expression and its place.
 */
void	kern_assert(const char *, ...) __dead __printflike(1, 2);

#define	__KASSERT(kind, e)						\
	(__predict_true((e)) ? (void)0 :				\
	    kern_assert("kernel %sassertion \"%s\" failed: "		\
	    "file \"%s\", line %d ", (kind), #e, __FILE__, __LINE__))
#define	__KASSERTMSG(kind, e, msg, ...)					\
	(__predict_true((e)) ? (void)0 :				\
	    kern_assert("kernel %sassertion \"%s\" failed: "		\
	    "file \"%s\", line %d " msg, (kind), #e, __FILE__,		\
	    __LINE__, ##__VA_ARGS__))
#ifdef DIAGNOSTIC
#define	KASSERT(e)		__KASSERT("diagnostic ", e)
#define	KASSERTMSG(e, ...)	__KASSERTMSG("diagnostic ", e, __VA_ARGS__)
#else
#define	KASSERT(e)		((void)sizeof((long)(e)))
#define	KASSERTMSG(e, ...)	((void)sizeof((long)(e)))
#endif
#ifdef DEBUG
#define	KDASSERT(e)		__KASSERT("debugging ", e)
#define	KDASSERTMSG(e, ...)	__KASSERTMSG("debugging ", e, __VA_ARGS__)
#else
#define	KDASSERT(e)		((void)0)
#define	KDASSERTMSG(e, ...)	((void)0)
#endif
#define	assert(e)		__KASSERT("", e)
#define	__assert_unreachable()	__builtin_unreachable()

void	*memcpy(void *, const void *, size_t);
void	*memmove(void *, const void *, size_t);
void	*memset(void *, int, size_t);
int	memcmp(const void *, const void *, size_t);
void	*memchr(const void *, int, size_t);
void	*memmem(const void *, size_t, const void *, size_t);
void	*explicit_memset(void *, int, size_t);
int	consttime_memequal(const void *, const void *, size_t);
size_t	strlen(const char *);
size_t	strnlen(const char *, size_t);
int	strcmp(const char *, const char *);
int	strncmp(const char *, const char *, size_t);
int	strcasecmp(const char *, const char *);
int	strncasecmp(const char *, const char *, size_t);
char	*strcpy(char *, const char *);
char	*strncpy(char *, const char *, size_t);
char	*strcat(char *, const char *);
char	*strncat(char *, const char *, size_t);
size_t	strlcpy(char *, const char *, size_t);
size_t	strlcat(char *, const char *, size_t);
char	*strchr(const char *, int);
char	*strrchr(const char *, int);
char	*strstr(const char *, const char *);
char	*strpbrk(const char *, const char *);
char	*strsep(char **, const char *);
size_t	strspn(const char *, const char *);
size_t	strcspn(const char *, const char *);
unsigned long strtoul(const char *, char **, int);
long long strtoll(const char *, char **, int);
unsigned long long strtoull(const char *, char **, int);
char	*intoa(u_int32_t);
int	scanc(u_int, const u_char *, const u_char *, int);
int	skpc(int, size_t, u_char *);
int	ffs(int);
int	fls(int);
unsigned int popcount(unsigned int) __constfunc;
unsigned int popcount32(uint32_t) __constfunc;
unsigned int popcount64(uint64_t) __constfunc;
uint32_t crc32(uint32_t, const uint8_t *, size_t);
int	kheapsort(void *, size_t, size_t,
	    int (*)(const void *, const void *), void *);
void	hexdump(void (*)(const char *, ...) __printflike(1, 2),
	    const char *, const void *, size_t);
int	snprintb(char *, size_t, const char *, uint64_t);
long random(void);

#define	bcopy(s, d, n)	((void)memmove((d), (s), (n)))
#define	bcmp(a, b, n)	memcmp((a), (b), (n))
#define	bzero(p, n)	((void)memset((p), 0, (n)))

#define	memcpy(d, s, n)		__builtin_memcpy((d), (s), (n))
#define	memmove(d, s, n)	__builtin_memmove((d), (s), (n))
#define	memset(d, v, n)		__builtin_memset((d), (v), (n))
#define	memcmp(a, b, n)		__builtin_memcmp((a), (b), (n))
#define	strlen(s)		__builtin_strlen(s)

#endif /* !_LIB_LIBKERN_LIBKERN_H_ */
