// Package vmtest boots a Linux kernel in QEMU, runs one static binary in it as init, and says
// how that ended.
//
// A kernel comes from a Debian archive or an OCI image (ParseMatrix, Source.Fetch), from a file (FromFile), or is built
// (BuildTree).
// Boot starts it and returns when the binary, which uses package guest, has said that it is
// ready; then VM is a byte channel to it. Wait says how the guest ended.
//
// What is easy to get wrong:
//   - QEMU's exit status says nothing: a guest that panics leaves it with 0. Ask Wait.
//   - The channel is memory that both sides map, unless the kernel refuses that (CONFIG_DEVMEM is
//     off, or it is locked down). Then it is a serial port: about 120 kB/s, a third of a
//     millisecond for a short line and its answer, and no back pressure inside the guest. Keep at
//     most MaxOutstanding bytes on the way to a guest that may be too busy to read. arm64, riscv64
//     and ppc64le have nothing but memory, s390x has a port of virtio.
//   - /dev/kvm may open and still never run a kernel. Boot finds out once for every boot of the
//     host, says so through Config.Progress, and emulates from then on.
package vmtest
