/* SPDX-License-Identifier: BSD-2-Clause */

/* Hashing of small keys (hash(9)): h * 33 + c. */
#ifndef _SYS_HASH_H_
#define	_SYS_HASH_H_

#include <sys/types.h>

#define	HASH32_BUF_INIT	5381
#define	HASH32_STR_INIT	5381

static inline uint32_t
hash32_buf(const void *buf, size_t len, uint32_t hash)
{
	const uint8_t *p = buf;

	while (len-- != 0)
		hash = hash * 33 + *p++;
	return hash;
}

static inline uint32_t
hash32_str(const void *buf, uint32_t hash)
{
	const uint8_t *p = buf;

	while (*p != 0)
		hash = hash * 33 + *p++;
	return hash;
}

static inline uint32_t
hash32_strn(const void *buf, size_t len, uint32_t hash)
{
	const uint8_t *p = buf;

	while (len-- != 0 && *p != 0)
		hash = hash * 33 + *p++;
	return hash;
}

#endif /* !_SYS_HASH_H_ */
