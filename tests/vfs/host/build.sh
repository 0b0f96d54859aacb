#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build.sh OUT: buffer cache and page cache as an ordinary program, under
# sanitizers.  build/include must have been generated before.
set -e
out=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
vfs=$root/csrc/kernel/vfs
san="-fsanitize=address,undefined -fno-sanitize=alignment
    -fno-sanitize-recover=all"
kflags="-std=gnu11 -O1 -g -ffreestanding -nostdinc -w -fno-strict-aliasing
    -fwrapv -fno-common -mgeneral-regs-only -D_KERNEL -DDIAGNOSTIC
    -I$root/csrc/abi/netbsd -I$root/csrc/include -I$root/build/include
    -I$root/csrc/kernel -I$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for f in bio biorw bufmem biosubr iobuf fscow uio pageindex pages pagedaemon \
    uvm_page uvm_object ubc readahead genfs_get genfs_put genfs_xfer; do
	cc $kflags $san -c -o "$work/$f.o" "$vfs/$f.c"
done
cc $kflags $san -c -o "$work/standin.o" "$here/standin.c"
cc $kflags $san -c -o "$work/fuzz.o" "$here/fuzz.c"
cc $san -o "$out" "$work"/*.o
