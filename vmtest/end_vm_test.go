package vmtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Each way for a guest to end, on a real kernel. A test wants the kind, a word of the reason, and
// to know within a few seconds.

func TestEndsAfterReadiness(t *testing.T) {
	for _, tt := range []struct {
		behaviour string
		limit     time.Duration
		want      EndKind
		reason    string
	}{
		{"exit", 5 * time.Second, Completed, "code 42"},
		{"die", 5 * time.Second, InitDied, "exit status 3"},
		{"panic", 5 * time.Second, Panicked, "sysrq triggered crash"},
		{"hang", time.Second, Hung, "deadline"},
	} {
		t.Run(tt.behaviour, func(t *testing.T) {
			t.Parallel()
			vm := mustBoot(t, configFor(t, tt.behaviour))
			start := time.Now()
			wantEnd(t, waitFor(t, vm, tt.limit), tt.want, tt.reason)
			if took := time.Since(start); took > tt.limit+time.Second {
				t.Errorf("it took %v to know", took)
			}
			if n, err := vm.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("Read of a guest that is gone = %d, %v, want EOF", n, err)
			}
		})
	}
}

func TestEndsBeforeReadiness(t *testing.T) {
	for _, tt := range []struct {
		behaviour string
		patience  time.Duration
		want      EndKind
		reason    string
	}{
		{"silent", 20 * time.Second, InitDied, "exit status 7"},
		{"unready", 3 * time.Second, Hung, "not ready after 3s"},
	} {
		t.Run(tt.behaviour, func(t *testing.T) {
			t.Parallel()
			c := configFor(t, tt.behaviour)
			c.Recipe, c.ReadyTimeout = Recipe{TCG, MicroVM}, tt.patience
			start := time.Now()
			_, err := Boot(context.Background(), c)
			var failed *BootError
			if !errors.As(err, &failed) {
				t.Fatalf("Boot = %v, want a *BootError", err)
			}
			wantEnd(t, End{Kind: failed.Kind, Reason: failed.Detail}, tt.want, tt.reason)
			if took := time.Since(start); took > tt.patience+time.Second {
				t.Errorf("it took %v to know", took)
			}
		})
	}
}

func wantEnd(t *testing.T, got End, kind EndKind, reason string) {
	t.Helper()
	if got.Kind != kind || !strings.Contains(got.Reason, reason) {
		t.Errorf("end is %q, want %v with %q", got, kind, reason)
	}
}

// The debugger's door puts an invalid instruction into sync(2), and init calls it.
func TestOops(t *testing.T) {
	t.Parallel()
	door := filepath.Join(t.TempDir(), "gdb")
	c := configFor(t, "sync")
	c.extra = []string{"-gdb", "unix:" + door + ",server=on,wait=off"}
	vm := mustBoot(t, c)
	address, err := bufio.NewReader(vm).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	writeMemory(t, door, strings.TrimSpace(address), "0f0b")
	if _, err := vm.Write([]byte(".")); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, waitFor(t, vm, 10*time.Second), Oopsed, "sys_sync")
}

// writeMemory stops the guest, writes bytes in hexadecimal, and lets it go on.
func writeMemory(t *testing.T, door, address, hex string) {
	t.Helper()
	conn, err := net.Dial("unix", door)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answers := bufio.NewReader(conn)
	for _, packet := range []string{fmt.Sprintf("M%s,%x:%s", address, len(hex)/2, hex), "D"} {
		var sum byte
		for _, b := range []byte(packet) {
			sum += b
		}
		fmt.Fprintf(conn, "$%s#%02x", packet, sum)
		for answer := ""; !strings.HasSuffix(answer, "$OK#"); { // it also says that it stopped
			if answer, err = answers.ReadString('#'); err != nil {
				t.Fatalf("%s: the debugger's door says %q, %v", packet, answer, err)
			}
		}
		fmt.Fprint(conn, "+")
	}
}

func TestQEMUKilledFromOutside(t *testing.T) {
	t.Parallel()
	vm := mustBoot(t, configFor(t, "hang"))
	if err := syscall.Kill(vm.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, waitFor(t, vm, 5*time.Second), Lost, "signal: killed")
}

func TestCallerEndsGuest(t *testing.T) {
	t.Run("close", func(t *testing.T) {
		t.Parallel()
		vm := mustBoot(t, configFor(t, "hang"))
		if err := vm.Close(); err != nil {
			t.Error(err)
		}
		wantEnd(t, waitFor(t, vm, time.Second), Stopped, "closed by the caller")
		if _, err := vm.Write([]byte(".")); err == nil {
			t.Error("Write to a closed guest succeeds")
		}
	})
	t.Run("cancel", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(context.Background())
		vm, err := Boot(ctx, configFor(t, "hang"))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		wantEnd(t, waitFor(t, vm, 5*time.Second), Stopped, "cancelled")
		vm.Close()
	})
	t.Run("cancel-boot", func(t *testing.T) {
		t.Parallel()
		c := configFor(t, "unready")
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_, err := Boot(ctx, c)
		var failed *BootError
		if !errors.As(err, &failed) {
			t.Fatalf("Boot = %v, want a *BootError", err)
		}
		wantEnd(t, End{Kind: failed.Kind, Reason: failed.Detail}, Hung, "deadline")
	})
}
