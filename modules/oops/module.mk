# SPDX-License-Identifier: BSD-2-Clause
CFLAGS_oops_smash = -fstack-protector-all -mstack-protector-guard=global
CFLAGS_oops_undefined = -fsanitize=undefined -fno-wrapv -Wno-vla
