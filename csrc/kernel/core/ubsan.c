/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the compiler calls where a module built with -fsanitize=undefined does
 * what C does not define: each is a panic that says where and what.
 *
 * The structures are those that gcc and clang lay down beside each check; the
 * functions whose names end in _abort are the same, for -fno-sanitize-recover.
 */

#include <sys/param.h>
#include <sys/systm.h>

struct location {
	const char *file;
	uint32_t line;
	uint32_t column;
};

struct type {
	uint16_t kind;		/* 0: integer */
	uint16_t info;		/* bit 0: signed; then the width, as a power */
	char	name[];		/* in quotes */
};

struct where {			/* only where */
	struct location at;
};

struct of_type {		/* overflow, invalid value, array's bound */
	struct location at;
	const struct type *type;
};

struct of_types {		/* shift: of both operands; array and index */
	struct location at;
	const struct type *left;
	const struct type *right;
};

struct mismatch {
	struct location at;
	const struct type *type;
	uint8_t	alignment;	/* a power */
	uint8_t	use;
};

struct argument {
	struct location at;
	struct location attribute;
	int32_t	index;
};

#define	TEXT	40

/* --- words ---------------------------------------------------------------- */

static u_int
bits_of(const struct type *t)
{

	return 1U << (t->info >> 1);
}

static bool
is_signed(const struct type *t)
{

	return (t->info & 1) != 0;
}

/* Up to 64 bits a value is passed itself, beyond by address. */
static int64_t
signed_value(const struct type *t, uintptr_t v)
{
	u_int bits = bits_of(t);

	if (bits > 64)
		return *(const int64_t *)v;
	return (int64_t)((uint64_t)v << (64 - bits)) >> (64 - bits);
}

static const char *
text_of(char *buf, const struct type *t, uintptr_t v)
{

	if (t->kind != 0)
		snprintf(buf, TEXT, "a value");
	else if (is_signed(t))
		snprintf(buf, TEXT, "%jd", (intmax_t)signed_value(t, v));
	else
		snprintf(buf, TEXT, "%ju", (uintmax_t)(bits_of(t) > 64 ?
		    *(const uint64_t *)v : v));
	return buf;
}

#define	REPORT(l, fmt, ...)						\
	panic("undefined behaviour at %s:%u:%u: " fmt, (l)->file,	\
	    (l)->line, (l)->column __VA_OPT__(,) __VA_ARGS__)

/* --- arithmetic ----------------------------------------------------------- */

static __dead void
overflow(const struct of_type *d, const char *op, uintptr_t l, uintptr_t r)
{
	char a[TEXT], b[TEXT];

	REPORT(&d->at, "%s %s %s does not fit into %s",
	    text_of(a, d->type, l), op, text_of(b, d->type, r),
	    d->type->name);
}

static __dead void
negate(const struct of_type *d, uintptr_t v)
{
	char a[TEXT];

	REPORT(&d->at, "-(%s) does not fit into %s", text_of(a, d->type, v),
	    d->type->name);
}

static __dead void
division(const struct of_type *d, uintptr_t l, uintptr_t r)
{
	char a[TEXT], b[TEXT];

	REPORT(&d->at, "%s is divided by %s as %s", text_of(a, d->type, l),
	    text_of(b, d->type, r), d->type->name);
}

static __dead void
shift(const struct of_types *d, uintptr_t l, uintptr_t r)
{
	char a[TEXT], b[TEXT];

	REPORT(&d->at, "%s of type %s is shifted by %s",
	    text_of(a, d->left, l), d->left->name, text_of(b, d->right, r));
}

/* --- memory --------------------------------------------------------------- */

static __dead void
bounds(const struct of_types *d, uintptr_t index)
{
	char a[TEXT];

	REPORT(&d->at, "index %s is outside of %s",
	    text_of(a, d->right, index), d->left->name);
}

static const char *const uses[] = {
	"load of", "store to", "reference to", "access of a member of",
	"call of a member of", "constructor of", "cast of", "cast of",
	"cast of", "cast of", "reference to", "reference to",
};

static __dead void
mismatch(const struct mismatch *d, uintptr_t p)
{
	const char *use = d->use < __arraycount(uses) ? uses[d->use] : "use of";
	uintptr_t align = (uintptr_t)1 << d->alignment;

	if (p == 0)
		REPORT(&d->at, "%s %s at NULL", use, d->type->name);
	if ((p & (align - 1)) != 0)
		REPORT(&d->at, "%s %s at %p, which is not aligned to %zu", use,
		    d->type->name, (void *)p, (size_t)align);
	REPORT(&d->at, "%s %s at %p, where there is no room for one", use,
	    d->type->name, (void *)p);
}

static __dead void
pointer(const struct where *d, uintptr_t base, uintptr_t result)
{

	REPORT(&d->at, "arithmetic makes %p of the pointer %p",
	    (void *)result, (void *)base);
}

/* --- the rest ------------------------------------------------------------- */

static __dead void
array_size(const struct of_type *d, uintptr_t n)
{
	char a[TEXT];

	REPORT(&d->at, "an array has %s elements", text_of(a, d->type, n));
}

static __dead void
value(const struct of_type *d, uintptr_t v)
{
	char a[TEXT];

	REPORT(&d->at, "load of %s, which is no value of %s",
	    text_of(a, d->type, v), d->type->name);
}

static __dead void
null_argument(const struct argument *d)
{

	REPORT(&d->at, "NULL is argument %d, which must not be", d->index);
}

static __dead void
null_return(const struct location *attribute, const struct location *at)
{

	REPORT(at, "NULL is returned, which must not be");
}

static __dead void
builtin(const struct where *d)
{

	REPORT(&d->at, "zero has no first or last bit that is set");
}

void	__ubsan_handle_builtin_unreachable(const struct where *);

void
__ubsan_handle_builtin_unreachable(const struct where *d)
{

	REPORT(&d->at, "what can't be reached was");
}

/* Both names of a check. */
#define	HANDLER(name, args, call)					\
void	__ubsan_handle_##name args;					\
void	__ubsan_handle_##name##_abort args;				\
void									\
__ubsan_handle_##name args						\
{									\
									\
	call;								\
}									\
void									\
__ubsan_handle_##name##_abort args					\
{									\
									\
	call;								\
}

HANDLER(add_overflow, (const struct of_type *d, uintptr_t l, uintptr_t r),
    overflow(d, "+", l, r))
HANDLER(sub_overflow, (const struct of_type *d, uintptr_t l, uintptr_t r),
    overflow(d, "-", l, r))
HANDLER(mul_overflow, (const struct of_type *d, uintptr_t l, uintptr_t r),
    overflow(d, "*", l, r))
HANDLER(negate_overflow, (const struct of_type *d, uintptr_t v),
    negate(d, v))
HANDLER(divrem_overflow, (const struct of_type *d, uintptr_t l, uintptr_t r),
    division(d, l, r))
HANDLER(shift_out_of_bounds,
    (const struct of_types *d, uintptr_t l, uintptr_t r), shift(d, l, r))
HANDLER(out_of_bounds, (const struct of_types *d, uintptr_t i), bounds(d, i))
HANDLER(type_mismatch_v1, (const struct mismatch *d, uintptr_t p),
    mismatch(d, p))
HANDLER(pointer_overflow, (const struct where *d, uintptr_t b, uintptr_t r),
    pointer(d, b, r))
HANDLER(vla_bound_not_positive, (const struct of_type *d, uintptr_t n),
    array_size(d, n))
HANDLER(load_invalid_value, (const struct of_type *d, uintptr_t v),
    value(d, v))
HANDLER(nonnull_arg, (const struct argument *d), null_argument(d))
HANDLER(nonnull_return_v1,
    (const struct location *attribute, const struct location *at),
    null_return(attribute, at))
HANDLER(invalid_builtin, (const struct where *d), builtin(d))
