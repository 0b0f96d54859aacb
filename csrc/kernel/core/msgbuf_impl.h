/* SPDX-License-Identifier: BSD-2-Clause */

/* The console's entry into msgbuf.c. */
#ifndef _RUMPY_CORE_MSGBUF_IMPL_H_
#define	_RUMPY_CORE_MSGBUF_IMPL_H_

void	msgbuf_write(const char *, size_t);

#endif /* !_RUMPY_CORE_MSGBUF_IMPL_H_ */
