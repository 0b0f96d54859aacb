/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The hypercall that ends a request which came through kern_export: whoever
 * made the request said what is to be called.  Held: it must not block.
 */

#include <stddef.h>

#include <rumpy/export.h>

#include "fuse_kernel.h"

void
hypercall_export_reply(struct hyp_kernel *k, struct export_req *req)
{

	(void)k;
	if (req->er_reply != NULL)
		req->er_reply(req);
}
