/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The supplementary groups of a caller.  A FUSE request names one group only;
 * when the kernel refuses an operation, the rest is read from
 * /proc/PID/status and the operation is tried again.  The caller sleeps in
 * its system call meanwhile, so that the process cannot have changed.
 */

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server.h"

static void
groups_parse(const char *p, struct export_cred *cred)
{

	cred->ec_ngroups = 0;
	while (cred->ec_ngroups < EXPORT_NGROUPS) {
		while (*p == ' ' || *p == '\t')
			p++;
		if (!isdigit((unsigned char)*p))
			break;
		char *end;
		cred->ec_groups[cred->ec_ngroups++] =
		    (uint32_t)strtoul(p, &end, 10);
		p = end;
	}
}

/* 0, or a Linux errno if there is no such process (in our name space). */
int
groups_fetch(uint32_t pid, struct export_cred *cred)
{
	char buf[8192];

	snprintf(buf, sizeof(buf), "/proc/%u/status", pid);
	const int fd = open(buf, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return errno;
	const ssize_t n = read(fd, buf, sizeof(buf) - 1);
	const int error = n < 0 ? errno : 0;
	close(fd);
	if (error != 0)
		return error;
	buf[n] = '\0';
	const char *line = strstr(buf, "\nGroups:");
	if (line == NULL)
		return ENOENT;
	groups_parse(line + strlen("\nGroups:"), cred);
	return 0;
}
