/* SPDX-License-Identifier: BSD-2-Clause */
/* System calls in the shapes Python needs; see face.cdef. */
#ifndef _FACE_H_
#define	_FACE_H_

#include <stdint.h>

struct hyp_kernel;

#include "face.cdef"

#endif /* _FACE_H_ */
