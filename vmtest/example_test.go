package vmtest_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"os"
	"time"

	"mimic/vmtest"
)

// Boot the newest kernel of the first row and read what init has to say. ./agent is a static
// binary that calls guest.Setup, guest.Open and guest.Exit.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	text, err := os.Open("kernels.txt")
	if err != nil {
		log.Fatal(err)
	}
	rows, err := vmtest.ParseMatrix("kernels.txt", text)
	if err != nil {
		log.Fatal(err)
	}
	progress := func(s string) { log.Print(s) }
	kernel, err := vmtest.NewSource(progress).Fetch(ctx, rows[0])
	if err != nil {
		log.Fatal(err)
	}
	vm, err := vmtest.Boot(ctx, vmtest.Config{Kernel: kernel, Init: "./agent", Progress: progress})
	if err != nil {
		log.Fatal(err)
	}
	defer vm.Close()
	said, err := io.ReadAll(vm)
	fmt.Printf("%s, %v\n%v\n", said, err, vm.Wait(ctx))
}
