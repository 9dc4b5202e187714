package properties

import (
	"fmt"
	"slices"
	"strings"

	"mimic/ops"
)

// required says which outcomes of an operation a run must have seen: a run that
// no longer does has stopped asking something.
type required struct {
	verb     string
	families []Family
	errnos   string // words, separated by spaces
	only     func(Kernel) bool
	needs    []string
}

var outerOrInner = []Family{FamilyArray, FamilyHash, FamilyInner}

// lowering is what it takes to do operations with fewer privileges, and hasCaps the kernels on which that is claimed.
var lowering = []string{ops.FeatureCaps, ops.XDP.Feature()}

func hasCaps(k Kernel) bool { return !k.Version.Before(Version{5, 8}) }

// distribution is the table of what must occur in every run of the default budget.
var distribution = []required{
	{verb: "outer", families: both, errnos: "ok EINVAL EBADF ENOTSUPP"},
	{verb: "outer", families: hashOnly, errnos: "E2BIG"},
	{verb: "outer", families: both, errnos: "ENOMEM", needs: []string{ops.FeatureSmall}, only: func(k Kernel) bool { return !k.does(memoryCharged) }},
	{verb: "map", families: innerOnly, errnos: "ok EINVAL EBADF"},
	{verb: "update", families: both, errnos: "ok EINVAL EBADF E2BIG EFAULT EPERM"},
	{verb: "update", families: hashOnly, errnos: "EEXIST ENOENT"},
	{verb: "update", families: innerOnly, errnos: "ok E2BIG EPERM"},
	{verb: "update", families: both, errnos: "ENOTSUPP", only: func(k Kernel) bool { return k.does(percpuArrayMax) }},
	{verb: "lookup", families: both, errnos: "ok ENOENT EINVAL EFAULT EPERM EBADF"},
	{verb: "delete", families: both, errnos: "ok ENOENT EFAULT EPERM EINVAL"},
	{verb: "delete", families: arrayOnly, errnos: "E2BIG"},
	{verb: "take", families: both, errnos: "ENOTSUPP EINVAL EPERM EFAULT"},
	{verb: "next", families: both, errnos: "ok ENOENT EPERM EINVAL"},
	{verb: "dump", families: both, errnos: "ok EPERM"},
	{verb: "lookup_batch", families: both, errnos: "ok ENOENT EINVAL EPERM", only: hasBatch},
	{verb: "lookup_batch", families: hashOnly, errnos: "ENOENT", only: hasBatch},
	{verb: "update_batch", families: both, errnos: "ok EINVAL EBADF EPERM", only: hasBatch},
	{verb: "update_batch", families: arrayOnly, errnos: "E2BIG", only: hasBatch},
	{verb: "update_batch", families: hashOnly, errnos: "E2BIG", only: hasBatch},
	{verb: "delete_batch", families: hashOnly, errnos: "ok ENOENT", only: hasBatch},
	{verb: "delete_batch", families: arrayOnly, errnos: "ENOTSUPP", only: hasBatch},
	{verb: "take_batch", families: hashOnly, errnos: "ok ENOENT", only: hasBatch},
	{verb: "take_batch", families: arrayOnly, errnos: "ENOTSUPP", only: hasBatch},
	{verb: "lookup_batch", families: both, errnos: "ENOTSUPP", only: func(k Kernel) bool { return !hasBatch(k) }},
	{verb: "update_batch", families: both, errnos: "ENOTSUPP", only: func(k Kernel) bool { return !hasBatch(k) }},
	{verb: "freeze", families: outerOrInner, errnos: "ok"},
	{verb: "freeze", families: both, errnos: "EBUSY", only: func(k Kernel) bool { return !k.does(freezeNeedsWrite) }},
	{verb: "freeze", families: both, errnos: "EPERM", only: func(k Kernel) bool { return k.does(freezeNeedsWrite) }},
	{verb: "file", families: both, errnos: "ok EINVAL ENOTSUPP EBADF EACCES"},
	{verb: "reopen", families: outerOrInner, errnos: "ok ENOENT EINVAL"},
	{verb: "pin", families: outerOrInner, errnos: "ok", needs: []string{ops.FeaturePins}},
	{verb: "get", families: outerOrInner, errnos: "ok", needs: []string{ops.FeaturePins}},
	{verb: "cat", families: both, errnos: "EIO", needs: []string{ops.FeaturePins}},
	{verb: "info", families: outerOrInner, errnos: "ok"},
	{verb: "prog", families: both, errnos: "ok EINVAL", needs: []string{ops.XDP.Feature()}},
	{verb: "run", families: innerOnly, errnos: "ok", needs: []string{ops.XDP.Feature(), ops.FeatureRun}},
	{verb: "alive", families: outerOrInner, errnos: "ok"},
	{verb: "caps", families: innerOnly, errnos: "ok", only: hasCaps, needs: lowering},
	{verb: "outer", families: both, errnos: "EPERM", only: hasCaps, needs: append([]string{ops.DisabledByNow.Feature()}, lowering...)},
	{verb: "map", families: innerOnly, errnos: "EPERM", only: hasCaps, needs: lowering},
	{verb: "reopen", families: outerOrInner, errnos: "EPERM", only: hasCaps, needs: lowering},
	{verb: "alive", families: outerOrInner, errnos: "EPERM", only: hasCaps, needs: lowering},
	{verb: "prog", families: both, errnos: "EPERM", only: hasCaps, needs: lowering},
	{verb: "btf", families: innerOnly, errnos: "EPERM", only: hasCaps, needs: lowering},
	{verb: "gone", families: outerOrInner, errnos: "ok"},
}

// together is the table of what threads must have been answered while others did
// something.
var together = []required{
	{verb: "update", families: both, errnos: "ok"},
	{verb: "update", families: hashOnly, errnos: "EEXIST ENOENT"},
	{verb: "delete", families: both, errnos: "ok ENOENT"},
	{verb: "lookup", families: both, errnos: "ok ENOENT"},
	{verb: "renew", families: both, errnos: "ok"},
	{verb: "next", families: hashOnly, errnos: "ok"},
	{verb: "lookup_batch", families: both, errnos: "ENOENT", only: hasBatch},
	{verb: "update_batch", families: both, errnos: "ok", only: hasBatch},
	{verb: "delete_batch", families: hashOnly, errnos: "ok ENOENT", only: hasBatch},
	{verb: "take_batch", families: hashOnly, errnos: "ENOENT", only: hasBatch},
	{verb: "run", families: innerOnly, errnos: "ok", needs: []string{ops.XDP.Feature(), ops.FeatureRun}},
	{verb: runAsleep, families: innerOnly, errnos: "ok", needs: []string{ops.Syscall.Feature(), ops.Syscall.RunFeature()}, only: func(k Kernel) bool { return k.does(sleepInside) }},
	{verb: "still", families: innerOnly, errnos: "ok", needs: []string{ops.XDP.Feature(), ops.FeatureRun}},
	{verb: "close", families: innerOnly, errnos: "ok EBADF"},
	{verb: "pin", families: innerOnly, errnos: "ok", needs: []string{ops.FeaturePins}},
	{verb: "unpin", families: innerOnly, errnos: "ok ENOENT", needs: []string{ops.FeaturePins}},
}

// Absent lists, as text, the outcomes that a run on this kernel should have seen
// and did not.
func (t *Tally) Absent(k Kernel) (absent []string) {
	absent = lacking(k, distribution, t.Triples, "")
	if k.has(ops.FeatureCPUs) {
		absent = append(absent, lacking(k, together, t.Deeds, " beside another thread")...)
	}
	absent = append(absent, t.typesAbsent(k)...)
	if k.has(ops.XDP.Feature()) && k.has(ops.Kprobe.Feature()) {
		for _, p := range requiredPositions(k) {
			if t.Positions[p] == 0 {
				absent = append(absent, p.String())
			}
		}
	}
	slices.Sort(absent)
	return slices.Compact(absent)
}

// lacking lists what a table requires and was not seen.
func lacking(k Kernel, table []required, seen map[Triple]int, where string) (absent []string) {
	for _, r := range table {
		if r.only != nil && !r.only(k) || k.missing(r.needs) != "" {
			continue
		}
		for _, f := range r.families {
			for word := range strings.FieldsSeq(r.errnos) {
				if seen[Triple{r.verb, f, errnoOf(word)}] == 0 {
					absent = append(absent, fmt.Sprintf("%s %s %s%s", r.verb, f, word, where))
				}
			}
		}
	}
	return absent
}

// typesAbsent lists the types of map that this kernel has and that were not tried
// in each way.
func (t *Tally) typesAbsent(k Kernel) (absent []string) {
	for _, typ := range TemplateTypes() {
		for _, use := range []Use{{typ, RoleTemplate, FamilyArray}, {typ, RoleTemplate, FamilyHash}, {typ, RoleElement, FamilyArray}, {typ, RoleElement, FamilyHash}} {
			if _, tried := t.Types[use]; !tried && k.has(typ.Feature()) {
				absent = append(absent, fmt.Sprintf("%s as %s in %s", typ, use.Role, use.Family))
			}
		}
	}
	return absent
}

func errnoOf(word string) ops.Errno {
	r, err := ops.ParseResult(word)
	if err != nil {
		panic(err) // a word of the table above
	}
	return r.Errno
}
