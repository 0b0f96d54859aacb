/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The end of a request that came through kern_export: whoever made it said
 * whom to tell (csrc/fuse, or a test).
 */

#include <rumpy/export.h>

#include "internal.h"

void
hypercall_export_reply(struct hyp_kernel *k, struct export_req *req)
{

	(void)k;
	req->er_reply(req);
}
