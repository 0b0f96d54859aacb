/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The end of a kernel: say why, on the console and to the host, which leaves
 * this stack and never comes back to it.
 */

#include <sys/param.h>
#include <sys/systm.h>

#include <rumpy/hyp.h>

#include "lwp_impl.h"

const char *panicstr;

static char panic_message[512];

/* Not inlined, and with a frame: the backtrace begins with our caller's. */
void
vpanic(const char *fmt, va_list ap)
{
	static const char prefix[] = "panic: ";
	int n;

	if (panicstr != NULL)		/* in printing the first one */
		hyp_panic(panicstr, strlen(panicstr));
	panicstr = panic_message;
	kern_cpu.cpu_nosleep = 0;	/* the console may be Python's */
	n = vsnprintf(panic_message, sizeof(panic_message), fmt, ap);
	n = MAX(0, MIN(n, (int)sizeof(panic_message) - 1));
	hyp_console_write(prefix, sizeof(prefix) - 1);
	hyp_console_write(panic_message, (uint64_t)n);
	hyp_console_write("\n", 1);
	hyp_panic(panic_message, (uint64_t)n);
}

void
panic(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vpanic(fmt, ap);
	va_end(ap);
}

void
kern_assert(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vpanic(fmt, ap);
	va_end(ap);
}
