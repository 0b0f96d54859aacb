# SPDX-License-Identifier: BSD-2-Clause
CFLAGS_maze = -fsanitize-coverage=trace-pc,trace-cmp
