package vmtest

import (
	"os"
	"strings"
	"testing"
)

func TestMemory(t *testing.T) {
	c := Config{Kernel: Kernel{SHA256: "abc"}, Cache: t.TempDir()}
	m := recall(c)
	if m.board != "" {
		t.Errorf("an empty memory knows board %q", m.board)
	}
	m.failed(Recipe{KVM, MicroVM}, &BootError{Detail: "no answer"})
	if recall(c).kvm != kvmOpens() {
		t.Error("KVM is distrusted before emulation has worked")
	}
	m.worked(Recipe{TCG, PC})
	if m = recall(c); m.board != PC || m.kvm {
		t.Errorf("recall = %+v, want a pc and no KVM", m)
	}
	// After a reboot of the host, KVM gets another chance.
	if err := os.WriteFile(m.distrust, []byte("old boot"), 0o600); err != nil {
		t.Fatal(err)
	}
	if m = recall(c); m.kvm != kvmOpens() {
		t.Errorf("KVM is trusted: %v, it opens: %v", m.kvm, kvmOpens())
	}
}

// KVM is used if it works; if it only seems to, Boot says so once.
func TestKVMIsTriedOnce(t *testing.T) {
	if !kvmOpens() {
		t.Skip("/dev/kvm does not open here: nothing to try")
	}
	t.Parallel()
	c := configFor(t, "look")
	c.ForceTCG, c.Cache = false, t.TempDir()
	var said []string
	c.Progress = func(s string) { said = append(said, s) }
	mode := ""
	for range 2 {
		vm := mustBoot(t, c)
		mode = vm.Mode()
	}
	switch {
	case mode == KVM && len(said) == 0:
	case mode == TCG && len(said) == 1 && strings.Contains(said[0], "emulating until"):
	default:
		t.Errorf("mode %s after %q", mode, said)
	}
}
