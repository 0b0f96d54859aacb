/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Python-facing end of the system-call door.
 *
 * cffi passes integers and byte strings cheaply, but arrays of mixed arguments
 * dearly; so each common shape of arguments has an entry here that lays them
 * out in slots.  The bulk entries at the end make many system calls for one
 * crossing of the language border, which costs more than most of the calls.
 *
 * Calls only hyp_syscall() and libc; it knows no system-call numbers of its
 * own, they come from syscalls.tbl by way of Python.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hyp.h"
#include "face.h"
#include "turn.h"

#define	SLOTS		8
#define	DIRBUF		65536	/* what one getdents(2) may answer */
#define	SLURP_MIN	4096

/* NetBSD's numbers, as these files are built against the host's headers. */
#define	NB_ENOMEM		12
#define	NB_EIO			5
#define	NB_O_RDONLY		0
#define	NB_O_DIRECTORY		0x200000
#define	NB_AT_SYMLINK_NOFOLLOW	0x200
#define	NB_STAT_SIZE		152
#define	NB_STAT_ST_SIZE		112	/* offset of st_size */
#define	NB_DIRENT_NAME		13	/* offset of d_name */

/* Fold an error of hyp_syscall() and the first result into one number. */
static inline int64_t
face_result(int error, int64_t value)
{

	if (__builtin_expect(error == 0, 1))
		return value;
	return error > 0 ? -error : error;
}

static inline int64_t
face_do(struct hyp_kernel *k, uint64_t proc, int number, const int64_t *args)
{
	int64_t retval[2] = { 0, 0 };
	int error;

	/* What a process has for a kernel once that is closed. */
	if (__builtin_expect(k == NULL, 0))
		return HYP_ECLOSED;
	error = hyp_syscall(k, proc, number, args, retval);
	return face_result(error, retval[0]);
}

/* The same for Python, which has dropped the GIL and will take it again. */
static inline int64_t
face_call(struct hyp_kernel *k, uint64_t proc, int number, const int64_t *args)
{
	int64_t result;

	turn_leave();
	result = face_do(k, proc, number, args);
	turn_enter();
	return result;
}

#define	P(pointer)	((int64_t)(intptr_t)(pointer))

int64_t
face_own(const struct face_own *own)
{
	static const int64_t args[SLOTS];

	return face_call(own->fo_kernel, own->fo_proc, own->fo_number, args);
}

int64_t
face_i(struct hyp_kernel *k, uint64_t proc, int number, int64_t a, int64_t b,
    int64_t c, int64_t d, int64_t e, int64_t f)
{
	const int64_t args[SLOTS] = { a, b, c, d, e, f };

	return face_call(k, proc, number, args);
}

int64_t
face_p(struct hyp_kernel *k, uint64_t proc, int number, const char *p,
    int64_t b, int64_t c, int64_t d)
{
	const int64_t args[SLOTS] = { P(p), b, c, d };

	return face_call(k, proc, number, args);
}

int64_t
face_pp(struct hyp_kernel *k, uint64_t proc, int number, const char *p,
    const char *q, int64_t c, int64_t d)
{
	const int64_t args[SLOTS] = { P(p), P(q), c, d };

	return face_call(k, proc, number, args);
}

int64_t
face_ip(struct hyp_kernel *k, uint64_t proc, int number, int64_t a,
    const char *p, int64_t c, int64_t d, int64_t e)
{
	const int64_t args[SLOTS] = { a, P(p), c, d, e };

	return face_call(k, proc, number, args);
}

int64_t
face_ipp(struct hyp_kernel *k, uint64_t proc, int number, int64_t a,
    const char *p, const char *q, int64_t d)
{
	const int64_t args[SLOTS] = { a, P(p), P(q), d };

	return face_call(k, proc, number, args);
}

int64_t
face_pip(struct hyp_kernel *k, uint64_t proc, int number, const char *p,
    int64_t b, const char *q)
{
	const int64_t args[SLOTS] = { P(p), b, P(q) };

	return face_call(k, proc, number, args);
}

int64_t
face_ipip(struct hyp_kernel *k, uint64_t proc, int number, int64_t a,
    const char *p, int64_t c, const char *q, int64_t e)
{
	const int64_t args[SLOTS] = { a, P(p), c, P(q), e };

	return face_call(k, proc, number, args);
}

int64_t
face_mount(struct hyp_kernel *k, uint64_t proc, int number, const char *type,
    const char *dir, int64_t flags, const char *data, int64_t length)
{
	const int64_t args[SLOTS] = { P(type), P(dir), flags, P(data), length };

	return face_call(k, proc, number, args);
}

int64_t
face_raw(struct hyp_kernel *k, uint64_t proc, int number, const int64_t *args,
    int64_t *retval)
{
	int error;

	if (k == NULL)
		return HYP_ECLOSED;
	turn_leave();
	error = hyp_syscall(k, proc, number, args, retval);
	turn_enter();
	return face_result(error, retval[0]);
}

/* --- bulk entries --------------------------------------------------------- */

/* The calls that they are made of. */
static int64_t
bulk_call(struct hyp_kernel *k, uint64_t proc, int number, int64_t a,
    const char *p, int64_t c, int64_t d)
{
	const int64_t args[SLOTS] = { a, P(p), c, d };

	return face_do(k, proc, number, args);
}

/* Room for SIZE more bytes behind what is in use; NULL without memory. */
static char *
bulk_reserve(struct face_bulk *bulk, uint64_t size)
{
	uint64_t room = bulk->fb_room;
	char *data;

	if (bulk->fb_size + size > room) {
		room = room * 2 > bulk->fb_size + size ? room * 2 :
		    bulk->fb_size + size;
		data = realloc(bulk->fb_data, room);
		if (data == NULL)
			return NULL;
		bulk->fb_data = data;
		bulk->fb_room = room;
	}
	return bulk->fb_data + bulk->fb_size;
}

void
face_free(struct face_bulk *bulk)
{

	free(bulk->fb_data);
	memset(bulk, 0, sizeof(*bulk));
}

static int64_t
bulk_open(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t dirfd, const char *path, int64_t flags)
{

	return bulk_call(k, proc, n->fn_openat, dirfd, path, flags, 0);
}

static void
bulk_close(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd)
{

	(void)bulk_call(k, proc, n->fn_close, fd, NULL, 0, 0);
}

static int64_t
bulk_stat(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd, const char *name, const char *status)
{
	const int64_t args[SLOTS] = { fd, P(name), P(status),
	    NB_AT_SYMLINK_NOFOLLOW };

	return face_do(k, proc, n->fn_fstatat, args);
}

/* Where a listing goes. */
struct scan {
	int			stats;
	struct face_bulk	*entries;
	struct face_bulk	*names;
};

/*
 * Pack one entry.  A name that has gone meanwhile comes without attributes:
 * the reader then asks again and sees ENOENT by itself.
 */
static int64_t
scan_entry(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd, const char *dirent, const struct scan *to)
{
	const char *name = dirent + NB_DIRENT_NAME;
	struct face_entry head;
	uint16_t namelen;
	uint64_t length;
	int64_t error = 0;
	char *out, *text;

	memset(&head, 0, sizeof(head));
	memcpy(&head.fe_fileno, dirent, sizeof(head.fe_fileno));
	memcpy(&namelen, dirent + 10, sizeof(namelen));
	if (head.fe_fileno == 0 || (namelen == 1 && name[0] == '.') ||
	    (namelen == 2 && name[0] == '.' && name[1] == '.'))
		return 0;

	length = sizeof(head) + (to->stats ? NB_STAT_SIZE : 0);
	out = bulk_reserve(to->entries, length);
	text = bulk_reserve(to->names, (uint64_t)namelen + 1);
	if (out == NULL || text == NULL)
		return -NB_ENOMEM;
	memset(out, 0, length);
	if (to->stats)
		error = bulk_stat(k, proc, n, fd, name, out + sizeof(head));
	if (error < -FACE_ERRNO_MAX)
		return error;
	head.fe_type = (uint8_t)dirent[12];
	head.fe_stat = (uint8_t)(to->stats && error == 0);
	memcpy(out, &head, sizeof(head));
	memcpy(text, name, namelen);
	text[namelen] = '\0';
	to->entries->fb_size += length;
	to->entries->fb_count++;
	to->names->fb_size += (uint64_t)namelen + 1;
	return 0;
}

/* Pack every entry of one getdents(2) buffer, which the kernel filled. */
static int64_t
scan_buffer(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd, const char *buffer, uint64_t got, const struct scan *to)
{
	uint64_t offset;
	uint16_t reclen, namelen;
	int64_t error;

	for (offset = 0; offset < got; offset += reclen) {
		if (got - offset < NB_DIRENT_NAME)
			return -NB_EIO;
		memcpy(&reclen, buffer + offset + 8, sizeof(reclen));
		memcpy(&namelen, buffer + offset + 10, sizeof(namelen));
		if (reclen < NB_DIRENT_NAME + namelen + 1 ||
		    reclen > got - offset)
			return -NB_EIO;
		error = scan_entry(k, proc, n, fd, buffer + offset, to);
		if (error < 0)
			return error;
	}
	return 0;
}

static int64_t
scan_fd(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd, const struct scan *to)
{
	char *buffer;
	int64_t got;

	buffer = malloc(DIRBUF);
	if (buffer == NULL)
		return -NB_ENOMEM;
	while ((got = bulk_call(k, proc, n->fn_getdents, fd, buffer, DIRBUF,
	    0)) > 0) {
		got = scan_buffer(k, proc, n, fd, buffer, (uint64_t)got, to);
		if (got < 0)
			break;
	}
	free(buffer);
	return got;
}

static int64_t
scan_path(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t dirfd, const char *path, int stats, struct face_bulk *entries,
    struct face_bulk *names)
{
	const struct scan to = { stats, entries, names };
	int64_t error, fd;

	if (path == NULL)
		return scan_fd(k, proc, n, dirfd, &to);
	fd = bulk_open(k, proc, n, dirfd, path, NB_O_RDONLY | NB_O_DIRECTORY);
	if (fd < 0)
		return fd;
	error = scan_fd(k, proc, n, fd, &to);
	bulk_close(k, proc, n, fd);
	return error;
}

int64_t
face_scan(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t dirfd, const char *path, int stats, struct face_bulk *entries,
    struct face_bulk *names)
{
	int64_t result;

	turn_leave();
	result = scan_path(k, proc, n, dirfd, path, stats, entries, names);
	turn_enter();
	return result;
}

/* Read to the end; st_size is only a hint, devices and FIFOs have none. */
static int64_t
slurp_rest(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd, int64_t size, struct face_bulk *bulk)
{
	uint64_t want = size > 0 ? (uint64_t)size + 1 : SLURP_MIN;
	int64_t got;
	char *out;

	do {
		out = bulk_reserve(bulk, want);
		if (out == NULL)
			return -NB_ENOMEM;
		got = bulk_call(k, proc, n->fn_read, fd, out, (int64_t)want, 0);
		if (got > 0)
			bulk->fb_size += (uint64_t)got;
		want = bulk->fb_room - bulk->fb_size;
		if (want < SLURP_MIN)
			want = bulk->fb_room + SLURP_MIN;
	} while (got > 0 && !(size > 0 && bulk->fb_size == (uint64_t)size));
	return got < 0 ? got : (int64_t)bulk->fb_size;
}

static int64_t
slurp_path(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t dirfd, const char *path, int64_t most, struct face_bulk *bulk,
    int64_t *opened)
{
	char status[NB_STAT_SIZE];
	int64_t fd, result, size;

	*opened = -1;
	fd = bulk_open(k, proc, n, dirfd, path, NB_O_RDONLY);
	if (fd < 0)
		return fd;
	result = bulk_call(k, proc, n->fn_fstat, fd, status, 0, 0);
	memcpy(&size, status + NB_STAT_ST_SIZE, sizeof(size));
	if (result >= 0 && size > most) {
		*opened = fd;
		return size;
	}
	if (result >= 0)
		result = slurp_rest(k, proc, n, fd, size, bulk);
	bulk_close(k, proc, n, fd);
	return result;
}

int64_t
face_slurp(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t dirfd, const char *path, int64_t most, struct face_bulk *bulk,
    int64_t *opened)
{
	int64_t result;

	turn_leave();
	result = slurp_path(k, proc, n, dirfd, path, most, bulk, opened);
	turn_enter();
	return result;
}

static int64_t
finish_fd(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd, const char *buffer, int64_t length)
{
	int64_t done = 0, got = 0;

	while (done < length && (got = bulk_call(k, proc, n->fn_read, fd,
	    buffer + done, length - done, 0)) > 0)
		done += got;
	bulk_close(k, proc, n, fd);
	return got < 0 ? got : done;
}

int64_t
face_finish(struct hyp_kernel *k, uint64_t proc, const struct face_numbers *n,
    int64_t fd, const char *buffer, int64_t length)
{
	int64_t result;

	turn_leave();
	result = finish_fd(k, proc, n, fd, buffer, length);
	turn_enter();
	return result;
}
