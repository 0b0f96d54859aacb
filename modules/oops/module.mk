# SPDX-License-Identifier: BSD-2-Clause
CFLAGS_oops_smash = -fstack-protector-all -mstack-protector-guard=global
