/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * snprintb(3): a number with the names of its bits.
 *
 * The format's first character is the base, octal: \10 or \20.  Then follow,
 * in the old form, bit numbers from 1, each with its name; in the new form,
 * announced by \177 in front of the base, tagged descriptions that end in a
 * NUL each.
 */

#include <sys/param.h>
#include <sys/systm.h>

struct bits {
	char	*b_buf;
	size_t	b_size;
	size_t	b_len;
	char	b_sep;		/* '<' before the first name, ',' later */
};

static void __printflike(2, 3)
bits_put(struct bits *b, const char *fmt, ...)
{
	size_t at = MIN(b->b_len, b->b_size);
	va_list ap;

	va_start(ap, fmt);
	b->b_len += (size_t)vsnprintf(b->b_buf + at, b->b_size - at, fmt, ap);
	va_end(ap);
}

static void
bits_name(struct bits *b, const char *name, size_t len)
{
	bits_put(b, "%c%.*s", b->b_sep, (int)len, name);
	b->b_sep = ',';
}

static void
bits_old(struct bits *b, const char *f, uint64_t v)
{
	size_t len;
	int bit;

	while ((bit = *f++) != '\0') {
		for (len = 0; (u_char)f[len] > ' '; len++)
			continue;
		if ((v & (1UL << (bit - 1))) != 0)
			bits_name(b, f, len);
		f += len;
	}
}

/*
 * b\B name	bit B
 * f\B\L name	field of L bits at B, printed as name=value
 * F\B\L	field without a name, of which : says what its values mean
 * =\V name	value V of the last f
 * :\V name	value V of the last F
 * *fmt		any other value of the last F
 */
static void
bits_new(struct bits *b, const char *f, uint64_t v, const char *numfmt)
{
	uint64_t field = 0;
	bool matched = true;
	char tag;

	while ((tag = *f++) != '\0') {
		u_int bit = 0, width = 0;

		switch (tag) {
		case 'b':
			bit = (u_char)*f++;
			if ((v & (1UL << bit)) != 0)
				bits_name(b, f, strlen(f));
			break;
		case 'f':
		case 'F':
			bit = (u_char)*f++;
			width = (u_char)*f++;
			field = (v >> bit) &
			    (width >= 64 ? ~0UL : (1UL << width) - 1);
			matched = false;
			if (tag == 'f') {
				bits_name(b, f, strlen(f));
				bits_put(b, "=");
				bits_put(b, numfmt[0] == 'o' ? "%#lo" : "%#lx",
				    field);
			}
			break;
		case '=':
		case ':':
			if ((u_char)*f++ == field) {
				matched = true;
				if (tag == '=')
					bits_put(b, "=%s", f);
				else
					bits_name(b, f, strlen(f));
			}
			break;
		case '*':
			if (!matched) {
				bits_name(b, f, strlen(f));
				matched = true;
			}
			break;
		default:
			break;
		}
		f += strlen(f) + 1;
	}
}

int
snprintb(char *buf, size_t size, const char *f, uint64_t v)
{
	struct bits b = { .b_buf = buf, .b_size = size, .b_sep = '<' };
	bool new = *f == '\177';
	int base;

	if (new)
		f++;
	base = *f++;
	if (base != 8 && base != 16)
		return -1;
	if (size != 0)
		buf[0] = '\0';
	bits_put(&b, base == 8 ? "%#lo" : "%#lx", v);
	if (v == 0 && !new)
		return (int)b.b_len;
	if (new)
		bits_new(&b, f, v, base == 8 ? "o" : "x");
	else
		bits_old(&b, f, v);
	if (b.b_sep == ',')
		bits_put(&b, ">");
	return (int)b.b_len;
}
