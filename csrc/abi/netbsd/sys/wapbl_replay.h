/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * sys/wapbl_replay.h: the records of a journal, as they lie on the disk in
 * the host's byte order, and the state of one that is being replayed.
 */
#ifndef _SYS_WAPBL_REPLAY_H_
#define	_SYS_WAPBL_REPLAY_H_

#include <sys/types.h>

/* Record types, in wc_type. */
enum {
	WAPBL_WC_HEADER = 0x5741424c,
	WAPBL_WC_INODES,
	WAPBL_WC_REVOCATIONS,
	WAPBL_WC_BLOCKS
};

/* What every record starts with; wc_len counts the whole record. */
struct wapbl_wc_null {
	uint32_t	wc_type;
	int32_t		wc_len;
	uint8_t		wc_spare[0];
};

/* The commit header; one copy in each of the log's two first sectors. */
struct wapbl_wc_header {
	uint32_t	wc_type;
	int32_t		wc_len;
	uint32_t	wc_checksum;
	uint32_t	wc_generation;
	int32_t		wc_fsid[2];
	uint64_t	wc_time;
	uint32_t	wc_timensec;
	uint32_t	wc_version;
	uint32_t	wc_log_dev_bshift;
	uint32_t	wc_fs_dev_bshift;
	int64_t		wc_head;
	int64_t		wc_tail;
	int64_t		wc_circ_off;
	int64_t		wc_circ_size;
	uint8_t		wc_spare[0];
};

/* Blocks whose contents follow, or that were revoked. */
struct wapbl_wc_blocklist {
	uint32_t	wc_type;
	int32_t		wc_len;
	int32_t		wc_blkcount;
	int32_t		wc_unused;
	struct {
		int64_t	wc_daddr;
		int32_t	wc_unused;
		int32_t	wc_dlen;
	} wc_blocks[0];
};

/* Inodes that were allocated but not yet linked. */
struct wapbl_wc_inodelist {
	uint32_t	wc_type;
	int32_t		wc_len;
	int32_t		wc_inocnt;
	int32_t		wc_clear;	/* forget the earlier ones */
	struct {
		uint32_t wc_inumber;
		uint32_t wc_imode;
	} wc_inodes[0];
};

struct wapbl_blk_head;
struct vnode;

struct wapbl_replay {
	struct vnode	*wr_logvp;
	struct vnode	*wr_devvp;
	daddr_t		wr_logpbn;
	int		wr_log_dev_bshift;
	int		wr_fs_dev_bshift;
	int64_t		wr_circ_off;
	int64_t		wr_circ_size;
	uint32_t	wr_generation;
	void		*wr_scratch;
	struct wapbl_blk_head *wr_blkhash;
	u_long		wr_blkhashmask;
	int		wr_blkhashcnt;
	off_t		wr_inodeshead;
	off_t		wr_inodestail;
	int		wr_inodescnt;
	struct {
		uint32_t wr_inumber;
		uint32_t wr_imode;
	} *wr_inodes;
};

#define	wapbl_replay_isopen(wr)	((wr)->wr_scratch != NULL)

#endif /* !_SYS_WAPBL_REPLAY_H_ */
