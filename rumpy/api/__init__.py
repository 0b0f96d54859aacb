# SPDX-License-Identifier: BSD-2-Clause
"""The os-shaped half of a process: system calls with the signatures of `os`.

Each file is one mixin of rumpy.process.Process: descriptors, names, trees.
"""
