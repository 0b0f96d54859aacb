/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The console: a ring that outlives a panic, readers that follow it, and a
 * queue of input.
 *
 * Writing is a hypercall that is held, so it takes no lock that Python could
 * have: the mutex here is held for a copy only, by C code that never waits
 * with it.  Python's sink is a reader like any other (rumpy/hypercall/
 * console.py); nothing in the kernel ever waits for it.
 */

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "console.h"
#include "internal.h"

#define	INPUT_SIZE	4096
#define	NB_EINTR	4

struct hyp_console {
	pthread_mutex_t		lock;
	pthread_cond_t		input_cond;
	uint64_t		written;	/* bytes ever printed */
	_Atomic uint32_t	word;		/* futex: changes with it */
	_Atomic uint32_t	waiters;
	_Atomic int		always;		/* waiting is over */
	int			fd;
	int			input_open;
	uint32_t		input_first;
	uint32_t		input_count;
	char			input[INPUT_SIZE];
	char			ring[HYP_CONSOLE_RING];
};

struct hyp_console *
hyp_console_create(void)
{
	struct hyp_console *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->input_cond, NULL);
	c->fd = -1;
	return c;
}

void
hyp_console_destroy(struct hyp_console *c)
{

	if (c == NULL)
		return;
	pthread_cond_destroy(&c->input_cond);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void
wake_readers(struct hyp_console *c)
{

	c->word++;
	if (c->waiters != 0)
		syscall(SYS_futex, &c->word, FUTEX_WAKE_PRIVATE, 0x7fffffff,
		    NULL, NULL, 0);
}

/* Copy into the ring; the lock is held.  Only the last ringful can stay. */
static void
ring_put_locked(struct hyp_console *c, const char *text, uint64_t length)
{

	if (length > HYP_CONSOLE_RING) {
		c->written += length - HYP_CONSOLE_RING;
		text += length - HYP_CONSOLE_RING;
		length = HYP_CONSOLE_RING;
	}
	while (length > 0) {
		const uint64_t at = c->written % HYP_CONSOLE_RING;
		uint64_t n = HYP_CONSOLE_RING - at;

		if (n > length)
			n = length;
		memcpy(c->ring + at, text, n);
		c->written += n;
		text += n;
		length -= n;
	}
}

/* Copy out [from, from + size), which is in the ring; the lock is held. */
static void
ring_get_locked(const struct hyp_console *c, uint64_t from, char *buffer,
    uint64_t size)
{

	while (size > 0) {
		const uint64_t at = from % HYP_CONSOLE_RING;
		uint64_t n = HYP_CONSOLE_RING - at;

		if (n > size)
			n = size;
		memcpy(buffer, c->ring + at, n);
		buffer += n;
		from += n;
		size -= n;
	}
}

/*
 * To the descriptor, as far as it takes it: a full pipe must not stop the
 * kernel, so what it has no room for is left out.
 */
static void
copy_to_fd(int fd, const char *text, uint64_t length)
{
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };

	while (length > 0) {
		const uint64_t part = length < PIPE_BUF ? length : PIPE_BUF;
		ssize_t n;

		if (poll(&pfd, 1, 0) != 1 || (pfd.revents & POLLOUT) == 0)
			return;
		n = write(fd, text, part);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		text += n;
		length -= (uint64_t)n;
	}
}

void
hypercall_console_write(struct hyp_kernel *k, const char *text, uint64_t length)
{
	struct hyp_console *c = k->k_console;
	int fd;

	pthread_mutex_lock(&c->lock);
	ring_put_locked(c, text, length);
	fd = c->fd;
	pthread_mutex_unlock(&c->lock);
	if (fd >= 0)
		copy_to_fd(fd, text, length);
	wake_readers(c);
}

static uint64_t
oldest_locked(const struct hyp_console *c)
{

	return c->written > HYP_CONSOLE_RING ? c->written - HYP_CONSOLE_RING :
	    0;
}

uint64_t
hyp_console_fetch(struct hyp_kernel *k, uint64_t *position, char *buffer,
    uint64_t size)
{
	struct hyp_console *c = k->k_console;
	uint64_t from, n;

	pthread_mutex_lock(&c->lock);
	from = *position;
	if (from < oldest_locked(c))
		from = oldest_locked(c);
	if (from > c->written)
		from = c->written;
	n = c->written - from;
	if (n > size)
		n = size;
	ring_get_locked(c, from, buffer, n);
	*position = from + n;
	pthread_mutex_unlock(&c->lock);
	return n;
}

uint64_t
hyp_console_tail(struct hyp_kernel *k, char *buffer, uint64_t size)
{
	struct hyp_console *c = k->k_console;
	uint64_t from, n;
	char *line;

	pthread_mutex_lock(&c->lock);
	from = oldest_locked(c);
	if (c->written - from > size)
		from = c->written - size;
	n = c->written - from;
	ring_get_locked(c, from, buffer, n);
	pthread_mutex_unlock(&c->lock);
	line = from == 0 ? NULL : memchr(buffer, '\n', n);
	if (line != NULL && line + 1 < buffer + n) {
		n -= (uint64_t)(line + 1 - buffer);
		memmove(buffer, line + 1, n);
	}
	return n;
}

int
hyp_console_wait(struct hyp_kernel *k, uint64_t position, int timeout_ms)
{
	struct hyp_console *c = k->k_console;
	const struct timespec ts = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (timeout_ms % 1000) * 1000000L,
	};
	const uint32_t seen = c->word;
	uint64_t written;

	pthread_mutex_lock(&c->lock);
	written = c->written;
	pthread_mutex_unlock(&c->lock);
	if (written > position || c->always)
		return written > position;
	c->waiters++;
	syscall(SYS_futex, &c->word, FUTEX_WAIT_PRIVATE, seen,
	    timeout_ms < 0 ? NULL : &ts, NULL, 0);
	c->waiters--;
	pthread_mutex_lock(&c->lock);
	written = c->written;
	pthread_mutex_unlock(&c->lock);
	return written > position;
}

void
hyp_console_wake(struct hyp_kernel *k, int always)
{
	struct hyp_console *c = k->k_console;

	c->always = always;
	wake_readers(c);
	pthread_mutex_lock(&c->lock);
	pthread_cond_broadcast(&c->input_cond);
	pthread_mutex_unlock(&c->lock);
}

void
hyp_console_set_fd(struct hyp_kernel *k, int fd)
{
	struct hyp_console *c = k->k_console;

	pthread_mutex_lock(&c->lock);
	c->fd = fd;
	pthread_mutex_unlock(&c->lock);
}

uint64_t
hyp_console_feed(struct hyp_kernel *k, const char *data, uint64_t size)
{
	struct hyp_console *c = k->k_console;
	uint64_t n;

	pthread_mutex_lock(&c->lock);
	for (n = 0; n < size && c->input_count < INPUT_SIZE; n++) {
		c->input[(c->input_first + c->input_count) % INPUT_SIZE] =
		    data[n];
		c->input_count++;
	}
	pthread_cond_broadcast(&c->input_cond);
	pthread_mutex_unlock(&c->lock);
	return n;
}

void
hyp_console_input(struct hyp_kernel *k, int open)
{
	struct hyp_console *c = k->k_console;

	pthread_mutex_lock(&c->lock);
	c->input_open = open;
	pthread_cond_broadcast(&c->input_cond);
	pthread_mutex_unlock(&c->lock);
}

void
hyp_console_save(struct hyp_console *c, struct hyp_console_state *s)
{
	uint64_t from, n;

	pthread_mutex_lock(&c->lock);
	from = c->written;
	while (from > 0 && c->written - from < sizeof(s->line) &&
	    c->ring[(from - 1) % HYP_CONSOLE_RING] != '\n')
		from--;
	s->partial = (uint32_t)(c->written - from);
	ring_get_locked(c, from, s->line, s->partial);
	s->count = c->input_count;
	s->open = c->input_open;
	for (n = 0; n < c->input_count; n++)
		s->input[n] = c->input[(c->input_first + n) % INPUT_SIZE];
	pthread_mutex_unlock(&c->lock);
}

/*
 * What was printed stays printed.  But a line that was begun since ends here,
 * and one that was unfinished then is begun again.
 */
void
hyp_console_load(struct hyp_console *c, const struct hyp_console_state *s)
{
	bool unfinished;

	pthread_mutex_lock(&c->lock);
	unfinished = c->written > 0 &&
	    c->ring[(c->written - 1) % HYP_CONSOLE_RING] != '\n';
	if (unfinished)
		ring_put_locked(c, "\n", 1);
	ring_put_locked(c, s->line, s->partial);
	memcpy(c->input, s->input, s->count);
	c->input_first = 0;
	c->input_count = s->count;
	c->input_open = s->open;
	pthread_mutex_unlock(&c->lock);
	if (unfinished || s->partial > 0)
		wake_readers(c);
}

/* Wait for input in slices, as nobody tells this file of the kernel's death. */
static int
wait_input_locked(struct hyp_kernel *k, struct hyp_console *c)
{
	struct timespec until;

	while (c->input_count == 0 && c->input_open) {
		if (cpu_dead(k) || c->always)
			return NB_EINTR;
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += 100 * 1000000L;
		if (until.tv_nsec >= 1000000000L) {
			until.tv_sec++;
			until.tv_nsec -= 1000000000L;
		}
		pthread_cond_timedwait(&c->input_cond, &c->lock, &until);
	}
	return 0;
}

int64_t
hypercall_console_read(struct hyp_kernel *k, void *buffer, uint64_t length)
{
	struct hyp_console *c = k->k_console;
	char *to = buffer;
	uint64_t n;
	int error;

	pthread_mutex_lock(&c->lock);
	error = wait_input_locked(k, c);
	for (n = 0; error == 0 && n < length && c->input_count > 0; n++) {
		to[n] = c->input[c->input_first];
		c->input_first = (c->input_first + 1) % INPUT_SIZE;
		c->input_count--;
		if (to[n] == '\n') {
			n++;
			break;
		}
	}
	pthread_mutex_unlock(&c->lock);
	return error != 0 ? -error : (int64_t)n;
}
