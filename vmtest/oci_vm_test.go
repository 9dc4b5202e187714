package vmtest

import (
	"context"
	"io"
	"os"
	"testing"
	"time"
)

// A real kernel comes out of an image, boots, and has the image's modules before it.
func TestImageBoots(t *testing.T) {
	packaged, err := os.ReadFile(needKernel(t, testSeries).Image)
	if err != nil {
		t.Fatal(err)
	}
	s, reg, _ := ociSource(t)
	reg.push(t, "real:1", map[string][]byte{"boot/vmlinuz": packaged}, moduleFiles)
	k, err := s.Fetch(context.Background(), Line{Images: []string{"real:1"}})
	if err != nil {
		t.Fatal(err)
	}
	c := configFor(t, "show")
	c.Kernel, c.Args = k, append(c.Args, "/lib/modules/6.6.9/modules.dep")
	vm := mustBoot(t, c)
	said, err := io.ReadAll(vm)
	if want := string(moduleFiles["lib/modules/6.6.9/modules.dep"]); err != nil || string(said) != want {
		t.Errorf("the guest sees %q, %v; want %q", said, err, want)
	}
	wantEnd(t, waitFor(t, vm, 30*time.Second), Completed, "code 0")
}
