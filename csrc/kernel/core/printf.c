/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Formatting, and the console behind printf(9), log(9) and aprint_*(9).
 *
 * Text goes to a sink: a buffer that snprintf() truncates, or a line that is
 * handed to the host whenever it is full.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/device.h>
#include <sys/reboot.h>
#include <sys/syslog.h>
#include <sys/tprintf.h>

#include <rumpy/hyp.h>

#include "core/msgbuf_impl.h"

int	boothowto;

struct sink {
	char	*s_buf;
	size_t	s_size;		/* of s_buf */
	size_t	s_at;		/* next place in s_buf */
	size_t	s_len;		/* all that was put */
	bool	s_console;
};

/* One conversion specification. */
struct spec {
	bool	left, zero, plus, space, alt, upper;
	int	width;
	int	precision;	/* -1: none given */
	int	length;		/* bytes of an integer argument */
};

static void
sink_flush(struct sink *s)
{
	if (s->s_at != 0) {
		msgbuf_write(s->s_buf, s->s_at);
		hyp_console_write(s->s_buf, s->s_at);
	}
	s->s_at = 0;
}

static inline void
sink_put(struct sink *s, char c)
{
	s->s_len++;
	if (s->s_at < s->s_size)
		s->s_buf[s->s_at++] = c;
	if (s->s_console && s->s_at == s->s_size)
		sink_flush(s);
}

static void
sink_pad(struct sink *s, char c, int n)
{
	while (n-- > 0)
		sink_put(s, c);
}

static void
sink_bytes(struct sink *s, const char *p, size_t n)
{
	while (n-- != 0)
		sink_put(s, *p++);
}

/* Digits of V, least significant last, before END; answers their start. */
static char *
digits(char *end, uint64_t v, u_int base, bool upper)
{
	const char *set = upper ? HEXDIGITS : hexdigits;

	do {
		*--end = set[v % base];
		v /= base;
	} while (v != 0);
	return end;
}

static void
format_integer(struct sink *s, const struct spec *sp, uint64_t v, u_int base,
    char sign)
{
	char buf[24], prefix[3], *p, *end = buf + sizeof(buf);
	int nprefix = 0, ndigits, zeros;

	p = v == 0 && sp->precision == 0 ? end :
	    digits(end, v, base, sp->upper);
	ndigits = (int)(end - p);
	if (sign != '\0')
		prefix[nprefix++] = sign;
	if (sp->alt && base == 16 && v != 0) {
		prefix[nprefix++] = '0';
		prefix[nprefix++] = sp->upper ? 'X' : 'x';
	} else if (sp->alt && base == 8 && (ndigits == 0 || *p != '0'))
		prefix[nprefix++] = '0';
	zeros = sp->precision - ndigits;
	if (sp->zero && !sp->left && sp->precision < 0)
		zeros = sp->width - nprefix - ndigits;
	zeros = MAX(zeros, 0);
	if (!sp->left)
		sink_pad(s, ' ', sp->width - nprefix - zeros - ndigits);
	sink_bytes(s, prefix, (size_t)nprefix);
	sink_pad(s, '0', zeros);
	sink_bytes(s, p, (size_t)ndigits);
	if (sp->left)
		sink_pad(s, ' ', sp->width - nprefix - zeros - ndigits);
}

static void
format_string(struct sink *s, const struct spec *sp, const char *str)
{
	size_t n;

	if (str == NULL)
		str = "(null)";
	n = sp->precision >= 0 ? strnlen(str, (size_t)sp->precision) :
	    strlen(str);
	if (!sp->left)
		sink_pad(s, ' ', sp->width - (int)n);
	sink_bytes(s, str, n);
	if (sp->left)
		sink_pad(s, ' ', sp->width - (int)n);
}

/* Flags, width, precision and length; answers where the letter is. */
static const char *
parse_spec(const char *f, struct spec *sp, va_list *ap)
{
	*sp = (struct spec){ .precision = -1, .length = sizeof(int) };
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else if (*f == '+')
			sp->plus = true;
		else if (*f == ' ')
			sp->space = true;
		else if (*f == '#')
			sp->alt = true;
		else
			break;
	}
	if (*f == '*') {
		sp->width = va_arg(*ap, int);
		if (sp->width < 0) {
			sp->left = true;
			sp->width = -sp->width;
		}
		f++;
	} else
		for (; isdigit(*f); f++)
			sp->width = sp->width * 10 + *f - '0';
	if (*f == '.') {
		sp->precision = 0;
		if (*++f == '*') {
			sp->precision = va_arg(*ap, int);
			f++;
		} else
			for (; isdigit(*f); f++)
				sp->precision = sp->precision * 10 + *f - '0';
	}
	for (;; f++) {
		if (*f == 'h')
			sp->length /= 2;
		else if (*f == 'l' || *f == 'q' || *f == 'j' || *f == 'z' ||
		    *f == 't')
			sp->length = sizeof(long);
		else
			return f;
	}
}

static int64_t
signed_arg(const struct spec *sp, va_list *ap)
{
	if (sp->length == sizeof(long))
		return va_arg(*ap, long);
	switch (sp->length) {
	case 2:
		return (short)va_arg(*ap, int);
	case 1:
		return (signed char)va_arg(*ap, int);
	default:
		return va_arg(*ap, int);
	}
}

static uint64_t
unsigned_arg(const struct spec *sp, va_list *ap)
{
	if (sp->length == sizeof(long))
		return va_arg(*ap, unsigned long);
	switch (sp->length) {
	case 2:
		return (unsigned short)va_arg(*ap, int);
	case 1:
		return (unsigned char)va_arg(*ap, int);
	default:
		return va_arg(*ap, unsigned int);
	}
}

static void
format_one(struct sink *s, struct spec *sp, char conversion, va_list *ap)
{
	int64_t v;
	char c;

	switch (conversion) {
	case 'd':
	case 'i':
		v = signed_arg(sp, ap);
		format_integer(s, sp, v < 0 ? -(uint64_t)v : (uint64_t)v, 10,
		    v < 0 ? '-' : sp->plus ? '+' : sp->space ? ' ' : '\0');
		break;
	case 'u':
		format_integer(s, sp, unsigned_arg(sp, ap), 10, '\0');
		break;
	case 'o':
		format_integer(s, sp, unsigned_arg(sp, ap), 8, '\0');
		break;
	case 'X':
		sp->upper = true;
		/* FALLTHROUGH */
	case 'x':
		format_integer(s, sp, unsigned_arg(sp, ap), 16, '\0');
		break;
	case 'p':
		sp->alt = true;
		format_integer(s, sp, (uintptr_t)va_arg(*ap, void *), 16,
		    '\0');
		break;
	case 's':
		format_string(s, sp, va_arg(*ap, const char *));
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		if (!sp->left)
			sink_pad(s, ' ', sp->width - 1);
		sink_put(s, c);
		if (sp->left)
			sink_pad(s, ' ', sp->width - 1);
		break;
	default:
		/* Show what we do not understand. */
		sink_put(s, '%');
		if (conversion != '%')
			sink_put(s, conversion);
		break;
	}
}

static void
format(struct sink *s, const char *fmt, va_list ap0)
{
	struct spec sp;
	va_list ap;

	va_copy(ap, ap0);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			sink_put(s, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &sp, &ap);
		if (*fmt == '\0')
			break;
		format_one(s, &sp, *fmt, &ap);
	}
	va_end(ap);
}

int
vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct sink s = { .s_buf = buf, .s_size = size != 0 ? size - 1 : 0 };

	format(&s, fmt, ap);
	if (size != 0)
		buf[s.s_at] = '\0';
	return (int)s.s_len;
}

int
snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return n;
}

int
vsprintf(char *buf, const char *fmt, va_list ap)
{
	return vsnprintf(buf, INT_MAX, fmt, ap);
}

int
sprintf(char *buf, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(buf, INT_MAX, fmt, ap);
	va_end(ap);
	return n;
}

void
vprintf(const char *fmt, va_list ap)
{
	char line[256];
	struct sink s = {
		.s_buf = line, .s_size = sizeof(line), .s_console = true
	};

	format(&s, fmt, ap);
	sink_flush(&s);
}

#define	PRINT_ARGS(fmt) do {						\
	va_list ap;							\
									\
	va_start(ap, fmt);						\
	vprintf(fmt, ap);						\
	va_end(ap);							\
} while (0)

void
printf(const char *fmt, ...)
{
	PRINT_ARGS(fmt);
}

/* To whom a tpr_t would refer there is no terminal either. */
void
tprintf(tpr_t tpr, const char *fmt, ...)
{
	PRINT_ARGS(fmt);
}

tpr_t
tprintf_open(struct proc *p)
{
	return NULL;
}

void
tprintf_close(tpr_t tpr)
{
}

/* There is no terminal for each process: the console has to do. */
void
uprintf(const char *fmt, ...)
{
	PRINT_ARGS(fmt);
}

void
vlog(int level, const char *fmt, va_list ap)
{
	if (LOG_PRI(level) == LOG_DEBUG && (boothowto & AB_DEBUG) == 0)
		return;
	vprintf(fmt, ap);
}

void
log(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(level, fmt, ap);
	va_end(ap);
}

void
addlog(const char *fmt, ...)
{
	PRINT_ARGS(fmt);
}

static bool
boot_talks(void)
{

	return (boothowto & (AB_QUIET | AB_SILENT)) == 0 ||
	    (boothowto & AB_VERBOSE) != 0;
}

void
aprint_normal(const char *fmt, ...)
{
	if (boot_talks())
		PRINT_ARGS(fmt);
}

/* What NetBSD says instead of aprint_normal() when it is quiet. */
void
aprint_naive(const char *fmt, ...)
{
	if ((boothowto & (AB_QUIET | AB_SILENT | AB_VERBOSE)) == AB_QUIET)
		PRINT_ARGS(fmt);
}

void
aprint_error(const char *fmt, ...)
{
	PRINT_ARGS(fmt);
}

void
aprint_verbose(const char *fmt, ...)
{
	if ((boothowto & AB_VERBOSE) != 0)
		PRINT_ARGS(fmt);
}

void
aprint_debug(const char *fmt, ...)
{
	if ((boothowto & AB_DEBUG) != 0)
		PRINT_ARGS(fmt);
}

static void
print_device(device_t dev, const char *fmt, va_list ap)
{
	printf("%s: ", device_xname(dev));
	vprintf(fmt, ap);
}

#define	PRINT_DEVICE(dev, fmt) do {					\
	va_list ap;							\
									\
	va_start(ap, fmt);						\
	print_device(dev, fmt, ap);					\
	va_end(ap);							\
} while (0)

void
aprint_normal_dev(device_t dev, const char *fmt, ...)
{
	if (boot_talks())
		PRINT_DEVICE(dev, fmt);
}

void
aprint_error_dev(device_t dev, const char *fmt, ...)
{
	PRINT_DEVICE(dev, fmt);
}

void
aprint_verbose_dev(device_t dev, const char *fmt, ...)
{
	if ((boothowto & AB_VERBOSE) != 0)
		PRINT_DEVICE(dev, fmt);
}

void
aprint_debug_dev(device_t dev, const char *fmt, ...)
{
	if ((boothowto & AB_DEBUG) != 0)
		PRINT_DEVICE(dev, fmt);
}

void
device_printf(device_t dev, const char *fmt, ...)
{
	PRINT_DEVICE(dev, fmt);
}

/*
 * "1234 KB": V, rounded down, in the smallest unit that fits into the buffer.
 * -1: not even one digit does.
 */
int
humanize_number(char *buf, size_t size, uint64_t v, const char *suffix,
    int divisor)
{
	const char *unit = divisor == 1024 ? " KMGTPE" : " kMGTPE";
	uint64_t limit = 1;
	size_t i, room, fixed;

	if (buf == NULL || suffix == NULL)
		return -1;
	if (size > 0)
		buf[0] = '\0';
	fixed = strlen(suffix) + sizeof(" K");
	if (size <= fixed)
		return -1;
	room = MIN(size - fixed, 19);
	for (i = 0; i < room; i++)
		limit *= 10;
	for (i = 0; v >= limit && unit[i + 1] != '\0'; i++)
		v /= (uint64_t)divisor;
	return snprintf(buf, size, "%lu%s%c%s", v, i == 0 ? "" : " ",
	    unit[i], suffix);
}

int
format_bytes(char *buf, size_t size, uint64_t bytes)
{
	return humanize_number(buf, size, bytes, "B", 1024);
}
