/* SPDX-License-Identifier: BSD-2-Clause */

/* Byte order: amd64 is little-endian. */
#ifndef _SYS_ENDIAN_H_
#define	_SYS_ENDIAN_H_

#include <sys/types.h>
#include <sys/bswap.h>

#define	_LITTLE_ENDIAN	1234
#define	_BIG_ENDIAN	4321
#define	_PDP_ENDIAN	3412
#define	_BYTE_ORDER	_LITTLE_ENDIAN
#define	LITTLE_ENDIAN	_LITTLE_ENDIAN
#define	BIG_ENDIAN	_BIG_ENDIAN
#define	PDP_ENDIAN	_PDP_ENDIAN
#define	BYTE_ORDER	_BYTE_ORDER

#define	htobe16(x)	bswap16((uint16_t)(x))
#define	htobe32(x)	bswap32((uint32_t)(x))
#define	htobe64(x)	bswap64((uint64_t)(x))
#define	htole16(x)	((uint16_t)(x))
#define	htole32(x)	((uint32_t)(x))
#define	htole64(x)	((uint64_t)(x))
#define	be16toh(x)	htobe16(x)
#define	be32toh(x)	htobe32(x)
#define	be64toh(x)	htobe64(x)
#define	le16toh(x)	htole16(x)
#define	le32toh(x)	htole32(x)
#define	le64toh(x)	htole64(x)
#define	htonl(x)	htobe32(x)
#define	htons(x)	htobe16(x)
#define	ntohl(x)	be32toh(x)
#define	ntohs(x)	be16toh(x)
#define	HTOBE16(x)	(void)((x) = htobe16(x))
#define	HTOBE32(x)	(void)((x) = htobe32(x))
#define	HTOBE64(x)	(void)((x) = htobe64(x))
#define	HTOLE16(x)	(void)((x) = htole16(x))
#define	HTOLE32(x)	(void)((x) = htole32(x))
#define	HTOLE64(x)	(void)((x) = htole64(x))

#define	__ENDIAN_CODEC(bits, type)					\
static inline type							\
be##bits##dec(const void *p)						\
{									\
	type v;								\
	__builtin_memcpy(&v, p, sizeof(v));				\
	return be##bits##toh(v);					\
}									\
static inline type							\
le##bits##dec(const void *p)						\
{									\
	type v;								\
	__builtin_memcpy(&v, p, sizeof(v));				\
	return le##bits##toh(v);					\
}									\
static inline void							\
be##bits##enc(void *p, type v)						\
{									\
	v = htobe##bits(v);						\
	__builtin_memcpy(p, &v, sizeof(v));				\
}									\
static inline void							\
le##bits##enc(void *p, type v)						\
{									\
	v = htole##bits(v);						\
	__builtin_memcpy(p, &v, sizeof(v));				\
}
__ENDIAN_CODEC(16, uint16_t)
__ENDIAN_CODEC(32, uint32_t)
__ENDIAN_CODEC(64, uint64_t)
#undef __ENDIAN_CODEC

#endif /* !_SYS_ENDIAN_H_ */
