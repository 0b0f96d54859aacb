/* SPDX-License-Identifier: BSD-2-Clause */
/* The vnode layer's sysctl nodes: kern.maxvnodes and vfs.generic. */

#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kmem.h>
#include <sys/mount.h>
#include <sys/mutex.h>
#include <sys/sysctl.h>
#include <sys/vnode.h>

#include "vnode_impl.h"

#define MAXVNODES_MIN	64

/* More may be cached at once; fewer are, once the drain thread has run. */
static int
sysctl_kern_maxvnodes(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	int value = desiredvnodes, error;

	node.sysctl_data = &value;
	error = sysctl_lookup(SYSCTLFN_CALL(&node));
	if (error != 0 || newp == NULL)
		return error;
	if (value < MAXVNODES_MIN)
		return EINVAL;
	desiredvnodes = value;
	vnode_drain_kick();
	return 0;
}

/* The names of the file system types, space separated. */
static int
sysctl_vfs_fstypes(SYSCTLFN_ARGS)
{
	struct sysctlnode node = *rnode;
	char text[1024] = "";
	struct vfsops *v;

	mutex_enter(&vfs_list_lock);
	LIST_FOREACH(v, &vfs_list, vfs_list) {
		if (text[0] != '\0')
			strlcat(text, " ", sizeof(text));
		strlcat(text, v->vfs_name, sizeof(text));
	}
	mutex_exit(&vfs_list_lock);
	node.sysctl_data = text;
	node.sysctl_size = strlen(text) + 1;
	return sysctl_lookup(SYSCTLFN_CALL(&node));
}

SYSCTL_SETUP(sysctl_vfs_setup, "sysctl vfs subtree")
{
	const struct sysctlnode *node = NULL;

	sysctl_createv(clog, 0, NULL, NULL,
	    CTLFLAG_PERMANENT | CTLFLAG_READWRITE, CTLTYPE_INT, "maxvnodes",
	    NULL, sysctl_kern_maxvnodes, 0, NULL, 0, CTL_KERN,
	    KERN_MAXVNODES, CTL_EOL);
	sysctl_createv(clog, 0, NULL, NULL, CTLFLAG_PERMANENT, CTLTYPE_NODE,
	    "vfs", NULL, NULL, 0, NULL, 0, CTL_VFS, CTL_EOL);
	sysctl_createv(clog, 0, NULL, &node, CTLFLAG_PERMANENT,
	    CTLTYPE_NODE, "generic", NULL, NULL, 0, NULL, 0, CTL_VFS,
	    VFS_GENERIC, CTL_EOL);
	sysctl_createv(clog, 0, &node, NULL, CTLFLAG_PERMANENT,
	    CTLTYPE_STRING, "fstypes", NULL, sysctl_vfs_fstypes, 0, NULL, 0,
	    CTL_CREATE, CTL_EOL);
}
