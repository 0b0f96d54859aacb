/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The part of linking that must be fast: copying sections, computing symbol
 * values, patching places.  Policy is in rumpy/linker.
 *
 * An object file may be hostile, so the code trusts the struct that Python
 * filled (its pointers and counts) and nothing that stands in the file.
 * The memory patched here is still private to the linking thread.
 */

#include <stdbool.h>
#include <string.h>

#include "link.h"

/* The System V psABI's names; elf.h is not used so that gaps are visible. */
enum {
	R_X86_64_NONE = 0,
	R_X86_64_64 = 1,
	R_X86_64_PC32 = 2,
	R_X86_64_PLT32 = 4,
	R_X86_64_32 = 10,
	R_X86_64_32S = 11,
	R_X86_64_16 = 12,
	R_X86_64_PC16 = 13,
	R_X86_64_8 = 14,
	R_X86_64_PC8 = 15,
	R_X86_64_PC64 = 24,
};

#define	SHN_UNDEF	0
#define	SHN_LORESERVE	0xff00
#define	SHN_ABS		0xfff1

struct link_sym {
	uint32_t	name;
	uint8_t		info;
	uint8_t		other;
	uint16_t	section;
	uint64_t	value;
	uint64_t	size;
};

struct link_rela {
	uint64_t	offset;
	uint32_t	type;
	uint32_t	symbol;
	int64_t		addend;
};

/* What a relocation type does with S, A and P. */
enum range { NONE, ANY, SIGNED, UNSIGNED, EITHER };

static const struct howto {
	uint8_t		width;		/* bytes */
	bool		relative;	/* subtract the place */
	uint8_t		range;
} howtos[] = {
	[R_X86_64_NONE] = { 0, false, NONE },
	[R_X86_64_64] = { 8, false, ANY },
	[R_X86_64_PC32] = { 4, true, SIGNED },
	[R_X86_64_PLT32] = { 4, true, SIGNED },
	[R_X86_64_32] = { 4, false, UNSIGNED },
	[R_X86_64_32S] = { 4, false, SIGNED },
	[R_X86_64_16] = { 2, false, EITHER },
	[R_X86_64_PC16] = { 2, true, SIGNED },
	[R_X86_64_8] = { 1, false, EITHER },
	[R_X86_64_PC8] = { 1, true, SIGNED },
	[R_X86_64_PC64] = { 8, true, ANY },
};
#define	NHOWTOS	(sizeof(howtos) / sizeof(howtos[0]))

static bool
inside(uint64_t offset, uint64_t size, uint64_t limit)
{

	return offset <= limit && size <= limit - offset;
}

static bool
fits(uint64_t value, const struct howto *how)
{
	const int64_t v = (int64_t)value;
	const unsigned int bits = how->width * 8u;

	switch (how->range) {
	case ANY:
		return true;
	case SIGNED:
		return v >= -(INT64_C(1) << (bits - 1)) &&
		    v < (INT64_C(1) << (bits - 1));
	case UNSIGNED:
		return value < (UINT64_C(1) << bits);
	case EITHER:
		return v >= -(INT64_C(1) << (bits - 1)) &&
		    v < (INT64_C(1) << bits);
	default:
		return false;
	}
}

/* A section's address, if it is loaded and lies within its segment. */
static bool
section_address(const struct hyp_link_image *im, uint32_t index, uint64_t *addr)
{
	const struct hyp_link_section *sec;
	const struct hyp_link_segment *seg;

	if (index >= im->nsections)
		return false;
	sec = &im->sections[index];
	if (sec->segment >= im->nsegments)
		return false;
	seg = &im->segments[sec->segment];
	if (!inside(sec->offset, sec->size, seg->size))
		return false;
	*addr = seg->address + sec->offset;
	return true;
}

static int
fail(struct hyp_link_error *err, int code, uint32_t table, uint32_t index)
{

	err->table = table;
	err->index = index;
	return code;
}

int
hyp_link_copy(const struct hyp_link_image *im, struct hyp_link_error *err)
{

	for (uint32_t i = 0; i < im->nsections; i++) {
		const struct hyp_link_section *sec = &im->sections[i];
		uint64_t addr;

		if (sec->segment == HYP_LINK_NOWHERE || sec->bytes == 0)
			continue;
		if (!inside(sec->file, sec->bytes, im->file_size))
			return fail(err, HYP_LINK_ETABLE, i, 0);
		if (sec->bytes > sec->size || !section_address(im, i, &addr))
			return fail(err, HYP_LINK_ESECTION, i, 0);
		memcpy((void *)(uintptr_t)addr,
		    (const uint8_t *)im->file + sec->file, sec->bytes);
	}
	return HYP_LINK_OK;
}

static uint64_t
symbol_value(const struct hyp_link_image *im, const struct link_sym *sym)
{
	uint64_t addr;

	if (sym->section == SHN_UNDEF)
		return HYP_LINK_UNDEFINED;
	if (sym->section == SHN_ABS)
		return sym->value < HYP_LINK_INVALID ? sym->value :
		    HYP_LINK_INVALID;
	if (sym->section >= im->nsections || sym->section >= SHN_LORESERVE)
		return HYP_LINK_INVALID;
	if (im->sections[sym->section].segment == HYP_LINK_NOWHERE)
		return HYP_LINK_UNLOADED;
	if (sym->value > im->sections[sym->section].size ||
	    !section_address(im, sym->section, &addr))
		return HYP_LINK_INVALID;
	return addr + sym->value;
}

static bool
symtab_ok(const struct hyp_link_image *im)
{

	return inside(im->symtab,
	    (uint64_t)im->nsymbols * sizeof(struct link_sym), im->file_size);
}

int
hyp_link_values(const struct hyp_link_image *im, struct hyp_link_error *err)
{
	const uint8_t *p;

	if (!symtab_ok(im))
		return fail(err, HYP_LINK_ETABLE, HYP_LINK_NOWHERE, 0);
	p = (const uint8_t *)im->file + im->symtab;
	for (uint32_t i = 0; i < im->nsymbols; i++) {
		struct link_sym sym;

		memcpy(&sym, p + (uint64_t)i * sizeof(sym), sizeof(sym));
		im->values[i] = symbol_value(im, &sym);
	}
	if (im->nsymbols > 0)
		im->values[0] = 0;	/* the null symbol, as psABI has it */
	return HYP_LINK_OK;
}

/* Say which relocation failed. */
static int
refuse(struct hyp_link_error *err, int code, const struct link_rela *rel,
    uint64_t value)
{

	err->type = rel->type;
	err->symbol = rel->symbol;
	err->offset = rel->offset;
	err->value = value;
	return code;
}

/*
 * Nearly all of a kernel's: 64 bits, or 32 with a sign.  Which of those three
 * types it is can't be guessed, so that nothing branches on it.  False for all others and
 * for what is wrong, which apply() sorts out.
 */
static inline bool
apply_quickly(const struct hyp_link_image *im, const struct link_rela *rel,
    uint64_t base, uint64_t size)
{
	const uint32_t quick = 1u << R_X86_64_PC32 | 1u << R_X86_64_PLT32 |
	    1u << R_X86_64_32S;
	const uint64_t relative = (uint64_t)(rel->type == R_X86_64_32S) - 1;
	const uint64_t place = base + rel->offset;
	uint64_t value;
	uint32_t low;

	if (rel->type >= 32 || rel->symbol >= im->nsymbols ||
	    !inside(rel->offset, sizeof(value), size))
		return false;
	value = im->values[rel->symbol];
	if (value >= HYP_LINK_INVALID)
		return false;
	if (rel->type == R_X86_64_64) {		/* of whole tables */
		value += (uint64_t)rel->addend;
		memcpy((void *)(uintptr_t)place, &value, sizeof(value));
		return true;
	}
	if ((quick >> rel->type & 1) == 0)
		return false;
	value += (uint64_t)rel->addend - (place & relative);
	low = (uint32_t)value;
	if ((int64_t)value != (int32_t)low)
		return false;
	memcpy((void *)(uintptr_t)place, &low, sizeof(low));
	return true;
}

/* Apply one relocation to a section of the given address and size. */
static int
apply(const struct hyp_link_image *im, const struct link_rela *rel,
    uint64_t base, uint64_t size, struct hyp_link_error *err)
{
	const struct howto *how;
	uint64_t value, place;

	if (rel->type >= NHOWTOS || (how = &howtos[rel->type],
	    how->width == 0 && rel->type != R_X86_64_NONE))
		return refuse(err, HYP_LINK_ETYPE, rel, 0);
	if (rel->type == R_X86_64_NONE)
		return HYP_LINK_OK;
	if (rel->symbol >= im->nsymbols)
		return refuse(err, HYP_LINK_ESYMBOL, rel, 0);
	if (!inside(rel->offset, how->width, size))
		return refuse(err, HYP_LINK_EPLACE, rel, 0);
	value = im->values[rel->symbol];
	if (value >= HYP_LINK_INVALID)
		return refuse(err, HYP_LINK_EVALUE, rel, value);
	place = base + rel->offset;
	value += (uint64_t)rel->addend;
	if (how->relative)
		value -= place;
	if (!fits(value, how))
		return refuse(err, HYP_LINK_EOVERFLOW, rel, value);
	memcpy((void *)(uintptr_t)place, &value, how->width);
	return HYP_LINK_OK;
}

static const uint8_t *
table_start(const struct hyp_link_image *im, const struct hyp_link_table *table)
{

	if (!inside(table->file,
	    (uint64_t)table->count * sizeof(struct link_rela), im->file_size))
		return NULL;
	return (const uint8_t *)im->file + table->file;
}

int
hyp_link_relocate(const struct hyp_link_image *im, struct hyp_link_error *err)
{

	for (uint32_t t = 0; t < im->ntables; t++) {
		const struct hyp_link_table *table = &im->tables[t];
		const uint8_t *p = table_start(im, table);
		uint64_t base, size;

		if (p == NULL)
			return fail(err, HYP_LINK_ETABLE, t, 0);
		if (!section_address(im, table->section, &base))
			return fail(err, HYP_LINK_ESECTION, table->section, 0);
		size = im->sections[table->section].size;
		for (uint32_t i = 0; i < table->count; i++) {
			struct link_rela rel;
			int code;

			memcpy(&rel, p + (uint64_t)i * sizeof(rel),
			    sizeof(rel));
			if (apply_quickly(im, &rel, base, size))
				continue;
			code = apply(im, &rel, base, size, err);
			if (code != HYP_LINK_OK)
				return fail(err, code, t, i);
		}
	}
	return HYP_LINK_OK;
}

int
hyp_link_find(const struct hyp_link_image *im, uint32_t section,
    uint64_t offset, struct hyp_link_found *found)
{

	for (uint32_t t = 0; t < im->ntables; t++) {
		const struct hyp_link_table *table = &im->tables[t];
		const uint8_t *p = table_start(im, table);

		if (table->section != section || p == NULL)
			continue;
		for (uint32_t i = 0; i < table->count; i++) {
			struct link_rela rel;

			memcpy(&rel, p + (uint64_t)i * sizeof(rel),
			    sizeof(rel));
			if (rel.offset != offset || rel.type == R_X86_64_NONE)
				continue;
			found->type = rel.type;
			found->symbol = rel.symbol;
			found->addend = rel.addend;
			return 1;
		}
	}
	return 0;
}

int
hyp_link_uses(const struct hyp_link_image *im, uint32_t symbol, uint32_t type)
{

	for (uint32_t t = 0; t < im->ntables; t++) {
		const struct hyp_link_table *table = &im->tables[t];
		const uint8_t *p = table_start(im, table);

		for (uint32_t i = 0; p != NULL && i < table->count; i++) {
			struct link_rela rel;

			memcpy(&rel, p + (uint64_t)i * sizeof(rel),
			    sizeof(rel));
			if (rel.symbol == symbol && rel.type == type)
				return 1;
		}
	}
	return 0;
}
