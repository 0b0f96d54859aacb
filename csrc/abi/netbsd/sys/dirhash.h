/* SPDX-License-Identifier: BSD-2-Clause */
/* In-memory hashes of large directories, shared by several file systems. */

#ifndef _SYS_DIRHASH_H_
#define _SYS_DIRHASH_H_

#include <sys/types.h>
#include <sys/queue.h>

#ifndef DIRHASH_SIZE
#define DIRHASH_SIZE	(1024 * 1024)
#endif

#define DIRH_PURGED	0x0001		/* entries were given back */
#define DIRH_COMPLETE	0x0002		/* all names are in the hash */
#define DIRH_BROKEN	0x0004		/* out of memory: do not use */
#define DIRH_FLAGS	(DIRH_PURGED | DIRH_COMPLETE | DIRH_BROKEN)

#define DIRHASH_HASHBITS	5
#define DIRHASH_HASHSIZE	(1 << DIRHASH_HASHBITS)
#define DIRHASH_HASHMASK	(DIRHASH_HASHSIZE - 1)

struct dirhash_entry {
	uint32_t hashvalue;
	uint64_t offset;
	uint32_t d_namlen;
	uint32_t entry_size;
	LIST_ENTRY(dirhash_entry) next;
};

struct dirhash {
	uint32_t flags;
	uint32_t size;			/* bytes in entries */
	uint32_t refcnt;
	uint32_t num_files;
	LIST_HEAD(, dirhash_entry) entries[DIRHASH_HASHSIZE];
	LIST_HEAD(, dirhash_entry) free_entries;
	TAILQ_ENTRY(dirhash) next;
};

#ifdef _KERNEL
struct dirent;

void dirhash_init(void);
void dirhash_purge(struct dirhash **);
void dirhash_purge_entries(struct dirhash *);
void dirhash_get(struct dirhash **);
void dirhash_put(struct dirhash *);
void dirhash_enter(struct dirhash *, struct dirent *, uint64_t, uint32_t,
    int);
void dirhash_enter_freed(struct dirhash *, uint64_t, uint32_t);
void dirhash_remove(struct dirhash *, struct dirent *, uint64_t, uint32_t);
int dirhash_lookup(struct dirhash *, const char *, int,
    struct dirhash_entry **);
int dirhash_lookup_freed(struct dirhash *, uint32_t,
    struct dirhash_entry **);
bool dirhash_dir_isempty(struct dirhash *);
#endif

#endif /* !_SYS_DIRHASH_H_ */
