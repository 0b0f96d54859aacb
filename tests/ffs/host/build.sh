#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# build.sh OUT [fast]: the driver as an ordinary program, under sanitizers, or
# fast without them.
set -e
out=$1
here=$(cd "$(dirname "$0")" && pwd)
root=$here/../../..
san="-fsanitize=address,undefined -fno-sanitize=alignment -fno-sanitize-recover=all"
[ "${2:-}" = fast ] && san="-O2"
kflags="-std=gnu11 -g -O1 -ffreestanding -nostdinc -w -fno-strict-aliasing
    -fwrapv -D_KERNEL -D_MODULE -DDIAGNOSTIC -I$root/csrc/abi/netbsd
    -I$root/csrc/include -I$root/build/include -I$here"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for f in "$root"/modules/ffs/*.c "$root"/csrc/kernel/vfs/acl.c \
    "$root"/csrc/kernel/vfs/acl_nfs4.c "$here/standin.c"; do
	case $f in
	*/standin.c) cov= ;;
	*) cov=-fsanitize-coverage=trace-pc ;;
	esac
	cc $kflags $san $cov -c -o "$work/$(basename "$f" .c).o" "$f"
done
# The rest of the kernel: descriptors of operations, and for operations that
# only the vectors name, a function that stops.
ld -r -o "$work/all.k" "$work"/*.o
{
	echo '#include <sys/vnode.h>'
	n=1
	for d in $(nm -u "$work/all.k" | sed -n 's/^ *U \(vop_.*_desc\)$/\1/p')
	do
		echo "const struct vnodeop_desc $d = { .vdesc_offset = $n };"
		n=$((n + 1))
	done
} >"$work/descs.c"
{
	echo 'extern void abort(void);'
	nm -u "$work/all.k" | sed -n 's/^ *U \(.*\)$/\1/p' |
	    grep -E '^(genfs|spec|vn|vfs|lf|uvm|bdevsw)_' |
	    sed 's/.*/int &(void); int &(void) { abort(); }/'
} >"$work/stops.c"
cc $kflags $san -c -o "$work/descs.o" "$work/descs.c"
cc -w -c -o "$work/stops.o" "$work/stops.c"
# What is called in each block of the driver should be fast.
cc -std=gnu11 -O2 -g -c -o "$work/guide.o" "$here/guide.c"
cc -std=gnu11 -O1 -g -fsanitize-coverage=trace-pc -c -o "$work/planted.o" \
    "$here/planted.c"
cc -std=gnu11 -O1 -g $san -I"$here" -I"$root/csrc/include" -o "$out" \
    "$here/main.c" "$here/mutate.c" "$work"/*.o
