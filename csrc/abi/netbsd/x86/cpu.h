/* SPDX-License-Identifier: BSD-2-Clause */

#include <machine/cpu.h>
