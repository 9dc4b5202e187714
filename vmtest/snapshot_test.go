package vmtest

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// mustKeep boots a guest that is held, and keeps it.
func mustKeep(t *testing.T) *Snapshot {
	t.Helper()
	c := configFor(t, "held")
	c.Counted = true
	var s *Snapshot
	err := ErrDrifted
	for tries := 10; errors.Is(err, ErrDrifted) && tries > 0; tries-- {
		vm, failed := Boot(t.Context(), c)
		if failed != nil {
			t.Fatal(failed)
		}
		s, err = vm.Snapshot()
		vm.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// said is all that a guest of the snapshot says to a text, after what it said before.
func said(t *testing.T, s *Snapshot, text string) string {
	t.Helper()
	vm, err := s.Resume(t.Context(), func(vm *VM) error {
		_, err := io.WriteString(vm, text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer vm.Close()
	got, err := io.ReadAll(vm)
	if err != nil {
		t.Fatal(err)
	}
	wantEnd(t, waitFor(t, vm, 5*time.Second), Completed, "code 0")
	return string(got)
}

// TestSnapshotRepeats: clocks and random numbers, too, are the same in every guest of a snapshot, and
// in those of the snapshot of another boot.
func TestSnapshotRepeats(t *testing.T) {
	s := mustKeep(t)
	first := said(t, s, "hello")
	if !strings.HasPrefix(first, "before;hello at 17") {
		t.Errorf("a guest says %q", first)
	}
	for range 4 {
		if again := said(t, s, "hello"); again != first {
			t.Errorf("a guest says %q and another %q", first, again)
		}
	}
	if other := said(t, s, "goodbye"); !strings.HasPrefix(other, "before;goodbye at ") {
		t.Errorf("told something else a guest says %q", other)
	}
	if again := said(t, mustKeep(t), "hello"); again != first {
		t.Errorf("a guest says %q and one of another boot %q", first, again)
	}
}

// TestSnapshotLeavesNothing counts descriptors and looks for the processes.
func TestSnapshotLeavesNothing(t *testing.T) {
	configFor(t, "held") // fetches the kernel if nobody did, over a connection that stays open
	before := descriptors(t)
	s := mustKeep(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	vm, err := s.Resume(ctx, func(*VM) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	kept, err := vm.Keep()
	if kept != nil || err == nil || !strings.Contains(err.Error(), "of a snapshot itself") {
		t.Errorf("a guest of a snapshot is kept: %v", err)
	}
	cancel()
	if end := vm.Wait(t.Context()); end.Kind != Stopped {
		t.Errorf("a guest whose context was cancelled ended %v", end)
	}
	vm.Close()
	_, err = s.Resume(t.Context(), func(*VM) error { return os.ErrInvalid })
	if err == nil || !strings.Contains(err.Error(), os.ErrInvalid.Error()) {
		t.Errorf("a guest that was not told is resumed: %v", err)
	}
	s.Close()
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}

func descriptors(t *testing.T) int {
	t.Helper()
	all, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(all)
}

// TestSnapshotWantsCounting says what is missing.
func TestSnapshotWantsCounting(t *testing.T) {
	if _, err := mustBoot(t, configFor(t, "hang")).Snapshot(); err == nil || !strings.Contains(err.Error(), "not counted") {
		t.Errorf("a guest whose time is the host's is kept: %v", err)
	}
	c := configFor(t, "held")
	c.Counted, c.CPUs = true, 2
	if _, err := Boot(t.Context(), c); err == nil || !strings.Contains(err.Error(), "one emulated processor") {
		t.Errorf("two processors are counted: %v", err)
	}
}

// keepEcho boots a guest with two processors that echoes, and keeps it.
func keepEcho(t *testing.T) (*VM, *Snapshot) {
	t.Helper()
	c := configFor(t, "echo")
	c.CPUs = 2
	vm := mustBoot(t, c)
	s, err := vm.Keep()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return vm, s
}

// wantEcho says a text and waits for it.
func wantEcho(t *testing.T, vm *VM, text string) {
	t.Helper()
	vm.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(vm, text); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(text))
	if _, err := io.ReadFull(vm, got); err != nil || string(got) != text {
		t.Fatalf("told %q the guest says %q, %v", text, got, err)
	}
}

func quietly(*VM) error { return nil }

// TestKeptGuestGoesOn: what was kept and each guest made of it know nothing of what others were told.
func TestKeptGuestGoesOn(t *testing.T) {
	vm, s := keepEcho(t)
	wantEcho(t, vm, "one")
	for _, text := range []string{"another", "and another"} {
		other, err := s.Resume(t.Context(), quietly)
		if err != nil {
			t.Fatal(err)
		}
		wantEcho(t, other, text)
		if s.console == "" || !strings.HasPrefix(other.Console(), s.console) {
			t.Errorf("the console of a guest of a snapshot does not begin with that of the boot:\n%s\n%s", s.console, other.Console())
		}
		if err := other.Close(); err != nil {
			t.Error(err)
		}
	}
	wantEcho(t, vm, "still the first")
}

// TestKeepLeavesNothing counts descriptors, also where QEMU is gone in the middle.
func TestKeepLeavesNothing(t *testing.T) {
	before := descriptors(t)
	vm, s := keepEcho(t)
	s.Close()
	vm.Close()
	vm = mustBoot(t, configFor(t, "echo"))
	vm.Kill("a test")
	<-vm.Done()
	if _, err := vm.Keep(); err == nil {
		t.Error("a guest that is gone is kept")
	}
	vm.Close()
	if after := descriptors(t); after > before {
		t.Errorf("%d descriptors before, %d after", before, after)
	}
}
