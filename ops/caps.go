package ops

import (
	"fmt"
	"strings"
)

// CapSet is a set of capabilities, of those that bpf(2) asks for; CapsAll has every other as well.
type CapSet uint8

// Capabilities.
const (
	CapBPF CapSet = 1 << iota
	CapPerfmon
	CapNetAdmin
	CapSysAdmin
	capOthers

	CapsNone CapSet = 0
	CapsEach        = capOthers - 1 // of those above
	CapsAll         = capOthers<<1 - 1
)

var capWords = words{uint64(CapBPF): "bpf", uint64(CapPerfmon): "perfmon", uint64(CapNetAdmin): "net_admin", uint64(CapSysAdmin): "sys_admin"}

var capSets = map[CapSet]string{CapsNone: "none", CapsAll: "all"}

func (s CapSet) String() string {
	if word := capSets[s]; word != "" {
		return word
	}
	return string(capWords.flags(uint64(s)))
}

// MarshalText writes none, all, or words joined by |.
func (s CapSet) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText accepts none, all, or words joined by |.
func (s *CapSet) UnmarshalText(b []byte) error {
	for set, word := range capSets {
		if word == string(b) {
			*s = set
			return nil
		}
	}
	*s = CapsNone
	for part := range strings.SplitSeq(string(b), "|") {
		v, err := parseWord(capWords, []byte(part), "capability")
		if err != nil {
			return fmt.Errorf("%w, or none or all", err)
		}
		*s |= CapSet(v)
	}
	return nil
}

func (s CapSet) simpler([]Name) []any {
	if s == CapsAll {
		return nil
	}
	all := []any{CapsAll}
	for _, fewer := range fewerBits(uint32(s)) {
		all = append(all, CapSet(fewer.(uint32)))
	}
	return all
}

func (s CapSet) others([]Name) []any { return nil }

// Disabled is a value of kernel.unprivileged_bpf_disabled. The third, 1, does the same as 2, and stays until the next boot.
type Disabled uint8

// Values.
const (
	NotDisabled   Disabled = 0
	DisabledByNow Disabled = 2
)

var disableds = words{uint64(NotDisabled): "0", uint64(DisabledByNow): "2"}

func (v Disabled) String() string { return string(disableds.text(uint64(v))) }

// MarshalText writes the number.
func (v Disabled) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText accepts 0 or 2.
func (v *Disabled) UnmarshalText(b []byte) error {
	n, err := parseWord(disableds, b, "value of kernel.unprivileged_bpf_disabled that can be taken back")
	*v = Disabled(n)
	return err
}

func (v Disabled) simpler([]Name) []any { return below(v, NotDisabled) }
func (v Disabled) others([]Name) []any  { return nil }

// FeatureCaps is what an agent lacks that cannot do operations with fewer privileges.
const FeatureCaps = "lowered_capabilities"

// Feature is what a machine lacks on which kernel.unprivileged_bpf_disabled is another, and not ours to change.
func (v Disabled) Feature() string { return "unprivileged_bpf_disabled:" + v.String() }

// Lowered says whether an operation is done with the privileges that Caps says: those that ask the kernel one thing
// about maps, or what is needed for them. Any other is done with all there are, as is whatever threads do.
func Lowered(op Op) bool {
	switch op.(type) {
	case Map, Outer, BTF, Prog, Update, Lookup, Delete, Take, Next, LookupBatch, TakeBatch, UpdateBatch, DeleteBatch, Dump,
		Freeze, Info, Alive, Reopen, Pin, Get, Iter:
		return true
	}
	return false
}

// Has says whether all capabilities of another set are in this one.
func (s CapSet) Has(other CapSet) bool { return s&other == other }
