#!/bin/sh
# Compiles src/*.c to elf/*.o and notes in elf/SHA256SUMS what was made from
# what; or, given a folder, into that folder, for comparison. The objects are
# committed: only who changes a source needs the compiler. That is, of Debian 12:
#
#   apt-get install --no-install-recommends clang-14 llvm-14 linux-libc-dev
set -eu
cd "$(dirname "$0")"
out=${1:-elf}

for source in src/*.c; do
	object=$out/$(basename "$source" .c).o
	clang-14 -target bpfel -mcpu=v2 -g -O2 -Wall -Werror \
		-I"/usr/include/$(uname -m)-linux-gnu" -fdebug-compilation-dir=. \
		-c "$source" -o "$object"
	llvm-strip-14 -g "$object" # DWARF goes, BTF stays
done
[ "$out" != elf ] || sha256sum build.sh src/* elf/*.o >elf/SHA256SUMS
