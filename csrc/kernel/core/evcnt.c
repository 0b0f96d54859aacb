/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Event counters (evcnt(9)): a list that vmstat -e would show; here it is what
 * sysctl kern.evcnt answers.
 */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/evcnt.h>
#include <sys/mutex.h>

struct	evcntlist allevents = TAILQ_HEAD_INITIALIZER(allevents);

extern struct evcnt *const __start_link_set_evcnts[];
extern struct evcnt *const __stop_link_set_evcnts[];

/* Entries into the kernel by the system-call door. */
struct evcnt syscall_evcnt = EVCNT_INITIALIZER(EVCNT_TYPE_MISC, NULL, "door",
    "system calls");
EVCNT_ATTACH_STATIC(syscall_evcnt);

void
evcnt_init(void)
{
	struct evcnt *const *evp;

	for (evp = __start_link_set_evcnts; evp < __stop_link_set_evcnts; evp++)
		evcnt_attach_static(*evp);
}

void
evcnt_attach_static(struct evcnt *ev)
{
	size_t len;

	len = strlen(ev->ev_group);
	KASSERT(len <= EVCNT_STRING_MAX);
	ev->ev_grouplen = (unsigned char)len;
	len = strlen(ev->ev_name);
	KASSERT(len <= EVCNT_STRING_MAX);
	ev->ev_namelen = (unsigned char)len;
	TAILQ_INSERT_TAIL(&allevents, ev, ev_list);
}

void
evcnt_attach_dynamic_nozero(struct evcnt *ev, int type,
    const struct evcnt *parent, const char *group, const char *name)
{
	ev->ev_type = (unsigned char)type;
	ev->ev_parent = parent;
	ev->ev_group = group;
	ev->ev_name = name;
	evcnt_attach_static(ev);
}

void
evcnt_attach_dynamic(struct evcnt *ev, int type, const struct evcnt *parent,
    const char *group, const char *name)
{
	memset(ev, 0, sizeof(*ev));
	evcnt_attach_dynamic_nozero(ev, type, parent, group, name);
}

void
evcnt_detach(struct evcnt *ev)
{
	TAILQ_REMOVE(&allevents, ev, ev_list);
}
