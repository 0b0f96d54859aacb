/* SPDX-License-Identifier: BSD-2-Clause */
/* What prints, and what makes text. */

#include <sys/device.h>
#include <sys/lwp.h>
#include <sys/msgbuf.h>
#include <sys/proc.h>
#include <sys/reboot.h>
#include <sys/syslog.h>
#include <sys/tprintf.h>

#include "abitest.h"

/* Numbers as people read them: rounded down, and never too long. */
int
test_humanize(void)
{
	static const struct {
		uint64_t n;
		size_t	size;
		int	divisor, result;
		const char *suffix, *text;
	} rows[] = {
		{ 0, 10, 1024, 3, "B", "0 B" },
		{ 999, 10, 1024, 5, "B", "999 B" },
		{ 99999, 9, 1024, 7, "B", "99999 B" },
		{ 1023, 6, 1024, 4, "B", "0 KB" },
		{ 2047, 7, 1024, 4, "B", "1 KB" },
		{ 10240, 7, 1024, 5, "B", "10 KB" },
		{ 1048576, 7, 1024, 4, "B", "1 MB" },
		{ 1999999, 8, 1000, 7, "B", "1999 kB" },
		{ 5000000000, 7, 1000, 4, "B", "5 GB" },
		{ UINT64_MAX, 7, 1024, 5, "B", "15 EB" },
		{ 7, 4, 1024, 2, "", "7 " },
		{ 7, 4, 1024, -1, "B", "" },
		{ 7, 1, 1024, -1, "", "" },
	};
	char buf[32];

	for (size_t i = 0; i < __arraycount(rows); i++) {
		memset(buf, '#', sizeof(buf));
		CHECK(humanize_number(buf, rows[i].size, rows[i].n,
		    rows[i].suffix, rows[i].divisor) == rows[i].result);
		CHECK(strcmp(buf, rows[i].text) == 0);
		CHECK(buf[rows[i].size] == '#');
	}
	CHECK(humanize_number(NULL, 10, 1, "B", 1024) == -1);
	CHECK(humanize_number(buf, 10, 1, NULL, 1024) == -1);
	CHECK(format_bytes(buf, 9, 3 << 20) == 7);
	CHECK(strcmp(buf, "3072 KB") == 0);
	return 0;
}

static char dump[300];
static size_t dumplen;

static __printflike(1, 2) void
dump_line(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	dumplen += (size_t)vsnprintf(dump + dumplen, sizeof(dump) - dumplen,
	    fmt, ap);
	va_end(ap);
}

int
test_hexdump(void)
{
	u_char data[20];
	int i, lines = 0;

	for (i = 0; i < 20; i++)
		data[i] = (u_char)('A' + i);
	data[1] = 0x9c;
	hexdump(dump_line, "abc", data, sizeof(data));
	for (i = 0; dump[i] != '\0'; i++)
		lines += dump[i] == '\n';
	CHECK(lines == 3 && strncmp(dump, "abc: 20 bytes @ ", 16) == 0);
	CHECK(strstr(dump, "41 9c 43 ") != NULL);
	CHECK(strstr(dump, "A.CDEFGHIJKLMNOP") != NULL);
	CHECK(strstr(dump, "51 52 53 54 ") != NULL);
	dumplen = 0;
	hexdump(dump_line, NULL, data, 1);
	CHECK(strstr(dump, "bytes") == NULL && strstr(dump, "41 ") != NULL);
	return 0;
}

/* What was printed since the ring stood at START. */
static const char *
printed(long start)
{
	static char text[512];
	long at = start, n = 0;

	while (at != msgbufp->msg_bufx && n < (long)sizeof(text) - 1) {
		text[n++] = msgbufp->msg_bufc[at];
		at = (at + 1) % msgbufp->msg_bufs;
	}
	text[n] = '\0';
	return text;
}

static __printflike(2, 3) void
call_vlog(int level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vlog(level, fmt, ap);
	va_end(ap);
}

/* Everything that may be printed, with its row of tables below. */
static void
print_all(device_t dev)
{

	aprint_normal("a%d.", 1);
	aprint_naive("b%d.", 2);
	aprint_verbose("c%d.", 3);
	aprint_debug("d%d.", 4);
	aprint_error("e%d.", 5);
	aprint_normal_dev(dev, "f%d.", 6);
	aprint_verbose_dev(dev, "g%d.", 7);
	aprint_debug_dev(dev, "h%d.", 8);
	aprint_error_dev(dev, "i%d.", 9);
	device_printf(dev, "j%d.", 10);
	addlog("k%d.", 11);
	call_vlog(LOG_INFO, "l%d.", 12);
	call_vlog(LOG_DEBUG, "m%d.", 13);
	printf("\n");
}

/* How much is said at boot depends on what was asked for. */
int
test_aprint(void)
{
	static const struct {
		int	how;
		const char *text;
	} rows[] = {
		{ 0, "a1.e5.rootfs0: f6.rootfs0: i9.rootfs0: j10.k11.l12.\n" },
		{ AB_QUIET, "b2.e5.rootfs0: i9.rootfs0: j10.k11.l12.\n" },
		{ AB_SILENT, "e5.rootfs0: i9.rootfs0: j10.k11.l12.\n" },
		{ AB_VERBOSE, "a1.c3.e5.rootfs0: f6.rootfs0: g7.rootfs0: i9."
		    "rootfs0: j10.k11.l12.\n" },
		{ AB_QUIET | AB_VERBOSE, "a1.c3.e5.rootfs0: f6.rootfs0: g7."
		    "rootfs0: i9.rootfs0: j10.k11.l12.\n" },
		{ AB_DEBUG, "a1.d4.e5.rootfs0: f6.rootfs0: h8.rootfs0: i9."
		    "rootfs0: j10.k11.l12.m13.\n" },
	};
	const int before = boothowto;
	long start;
	tpr_t tpr;

	for (size_t i = 0; i < __arraycount(rows); i++) {
		boothowto = rows[i].how;
		start = msgbufp->msg_bufx;
		print_all(root_device);
		boothowto = before;
		CHECK(strcmp(printed(start), rows[i].text) == 0);
	}
	start = msgbufp->msg_bufx;
	tpr = tprintf_open(curproc);
	tprintf(tpr, "tprintf %s\n", "prints");
	tprintf_close(tpr);
	CHECK(strcmp(printed(start), "tprintf prints\n") == 0);
	return 0;
}

/* The ring forgets the oldest byte when it is full. */
int
test_msgbuf(void)
{
	struct kern_msgbuf *before = msgbufp;
	static char space[sizeof(struct kern_msgbuf) + 7];
	long size, first;
	int i;

	initmsgbuf(space, sizeof(space));
	size = msgbufp->msg_bufs;
	for (i = 0; i < 3; i++)
		logputchar('a' + i);
	first = msgbufp->msg_bufr;
	CHECK(msgbufp->msg_bufx == 3 && first == 0);
	for (; i < size + 2; i++)
		logputchar('a' + i);
	CHECK(msgbufp->msg_bufx == 2 && msgbufp->msg_bufr == 3);
	CHECK(msgbufp->msg_bufc[1] == 'a' + (int)size + 1);
	CHECK(msgbufp->msg_bufc[2] == 'c');
	CHECK(msgbufp->msg_magic == MSG_MAGIC && msgbufenabled);
	msgbufp = before;
	return 0;
}
