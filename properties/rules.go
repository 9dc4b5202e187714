package properties

import (
	"slices"

	"mimic/ops"
)

// Rule is one branch of the model: what is asked, and the claims that break if
// the answer is another.
type Rule struct {
	ID       string
	Says     string
	Claims   []string
	families []Family          // if not those of its claims
	needs    []string          // features without which it cannot be asked
	chance   bool              // the kernel's scheduling decides whether it can be asked
	deadly   bool              // known to kill kernels
	only     func(Kernel) bool // kernels on which it can be asked; nil: all
}

// rules lists every rule, in the order of this file.
var rules []*Rule

func rule(id, says string, claims ...string) *Rule {
	r := &Rule{ID: id, Says: says, Claims: claims}
	rules = append(rules, r)
	return r
}

// in says which families the rule is asked of, if not all of its claims'.
func (r *Rule) in(families ...Family) *Rule {
	r.families = families
	return r
}

// with says which features it takes to ask.
func (r *Rule) with(features ...string) *Rule {
	r.needs = features
	return r
}

// byChance says that the rule need not be asked before its rows hold.
func (r *Rule) byChance() *Rule {
	r.chance = true
	return r
}

// where says on which kernels the rule can be asked.
func (r *Rule) where(only func(Kernel) bool) *Rule {
	r.only = only
	return r
}

// kills says that asking is known to kill kernels.
func (r *Rule) kills() *Rule {
	r.deadly = true
	return r
}

// Demanded says whether a row that rests on the rule holds only once it was asked.
func (r *Rule) Demanded() bool { return !r.chance }

// RulesOf lists the rules that a row of the table of verdicts rests on, on a
// kernel: each must have been asked before the row is said to hold, if demanded.
func RulesOf(row Key, k Kernel) (refs []Ref) {
	for _, r := range rules {
		asked := r.families == nil || slices.Contains(r.families, row.Family)
		if r.only != nil && !r.only(k) {
			continue
		}
		if asked && slices.Contains(r.Claims, row.Claim) && k.missing(r.needs) == "" {
			refs = append(refs, Ref{r, row.Family})
		}
	}
	return refs
}

// The rules.
var (
	kernelLives = rule("lives", "the kernel survives whatever is asked of it", "P00")

	mapMade     = rule("map/made", "an ordinary map can be made", "DOC-2")
	mapRefused  = rule("map/refused", "a map with impossible attributes is refused", "DOC-2")
	innerStored = rule("inner/stored", "what was written to an inner map is read back", "DOC-2")
	innerAbsent = rule("inner/absent", "what was never written, or was deleted, is absent", "DOC-2")
	innerWrite  = rule("inner/write", "an inner map takes writes as an ordinary map does", "DOC-2")
	innerWalk   = rule("inner/walk", "the keys of an inner map are walked as those of an ordinary map", "DOC-2")

	outerMade      = rule("create/made", "an outer map can be made from an ordinary map", "DOC-3")
	outerAnyType   = rule("create/any-type", "any type of map can be a template", "DOC-10")
	outerKeyArray  = rule("create/array-key", "an array of maps has a key of four bytes", "DOC-12")
	outerKeyHash   = rule("create/hash-key", "a hash of maps has a key of the chosen size", "DOC-14")
	outerKeyBad    = rule("create/hash-key-bad", "a hash of maps has a key, of bounded size", "DOC-14")
	outerValue     = rule("create/value", "an outer map has a value of four bytes", "DOC-21")
	outerMaxArray  = rule("create/array-max", "an array of maps has at least one element", "DOC-13")
	outerMaxHash   = rule("create/hash-max", "a hash of maps has room for at least one pair", "DOC-15")
	outerFlags     = rule("create/flags", "flags that an outer map cannot have are refused", "P09")
	outerNoFD      = rule("create/no-template", "an outer map is not made without a template", "DOC-5")
	outerNotMap    = rule("create/not-a-map", "a template is a map", "DOC-5").with(ops.XDP.Feature())
	outerNested    = rule("create/nested", "an outer map is not a template", "DOC-9")
	outerProgArray = rule("create/prog-array", "a program array is not a template", "DOC-10")
	outerOrder     = rule("create/order", "of several faults the first in order is reported", "P02")
	noPrealloc     = rule("hash/no-prealloc", "a hash of maps without preallocation works as one with it", "DOC-17")
	anyKeySize     = rule("hash/key-size", "a hash of maps works with keys of any size", "DOC-14")

	putNew       = rule("update/add", "a fitting map is added", "DOC-22")
	putReplace   = rule("update/replace", "a stored map is replaced", "DOC-7")
	putFlag      = rule("update/flag-held", "NOEXIST adds, EXIST replaces", "P22")
	putExists    = rule("update/exists", "NOEXIST does not replace", "P22")
	putAbsent    = rule("update/absent", "EXIST does not add", "P22")
	putFlagHash  = rule("update/hash-flag", "unknown flags are refused", "P22")
	putFlagArray = rule("update/array-flag", "any flag is refused", "P21")
	putIndex     = rule("update/index", "an index from max_entries on is refused", "DOC-12")
	putNoFD      = rule("update/closed", "a value that is not an open descriptor is refused", "X2").in(both...)
	putNotMap    = rule("update/not-a-map", "a value that is not a descriptor of a map is refused", "X2").in(both...).with(ops.XDP.Feature())
	putNested    = rule("update/nested", "an outer map is not an element", "DOC-9")
	putProgArray = rule("update/prog-array", "a program array is not an element", "DOC-10")
	putType      = rule("update/type", "a map of another type than the template's is refused", "DOC-4")
	putShape     = rule("update/shape", "a map of another key size, value size or flags than the template's is refused", "DOC-5")
	putMax       = rule("update/max", "an array of another max_entries than the template's is refused", "P28")
	putMaxFree   = rule("update/max-free", "a map of another max_entries is taken where the type allows it", "P28")
	putFull      = rule("update/full", "a full hash of maps takes no new key", "DOC-15")
	putCapacity  = rule("update/capacity", "as many pairs fit as max_entries says", "DOC-15")
	putRoom      = rule("update/room", "a freed pair makes room for another", "DOC-15")
	orderArray   = rule("update/array-order", "flags before index before value", "P24")
	orderHash    = rule("update/hash-order", "value before flags before presence before capacity", "P25")

	getStored   = rule("lookup/stored", "a stored key is found", "DOC-7")
	getID       = rule("lookup/id", "the id answered is that of the stored map", "P20")
	getEmpty    = rule("lookup/empty", "an element that was never written is empty", "DOC-13")
	getAbsent   = rule("lookup/absent", "a key that is not stored is not found", "DOC-7")
	getIndex    = rule("lookup/index", "an index from max_entries on is not found", "DOC-12")
	delStored   = rule("delete/stored", "a stored key is deleted", "DOC-7")
	delAbsent   = rule("delete/absent", "a key that is not stored cannot be deleted", "DOC-7")
	delIndex    = rule("delete/index", "an index from max_entries on is refused", "DOC-12")
	nextIndex   = rule("next/index", "walking visits each index below max_entries", "DOC-13")
	nextKey     = rule("next/key", "walking visits each present key once", "P42")
	infoSays    = rule("info", "a map is described as it was made", "P19")
	closedFD    = rule("fd/closed", "a descriptor that is not open is refused", "X2")
	otherFD     = rule("fd/other", "a descriptor of something else is refused", "X2").in(FamilyInner).with(ops.XDP.Feature())
	sansTempl   = rule("template/gone", "an outer map works as before when its template is gone", "DOC-6")
	templLeaves = rule("template/leaves", "an outer map does not keep its template", "DOC-6")

	liveFD      = rule("live/descriptor", "an open descriptor keeps a map", "P65")
	liveSlot    = rule("live/stored", "being stored keeps a map", "P60")
	liveProg    = rule("live/program", "a program keeps the outer map that it uses", "P64")
	deadClose   = rule("dead/closed", "the last descriptor closed, a map is gone", "P65")
	deadReopen  = rule("dead/reopened", "a program array that was reopened while its last close was at work is gone when closed again", "P65").with(ops.FeatureHarm).byChance()
	deadRefused = rule("dead/refused", "a call that was refused keeps nothing of what it was offered", "P38")
	deadRemoved = rule("dead/removed", "replaced or deleted, an inner map is gone", "P61")
	deadOuter   = rule("dead/outer", "the outer map gone, so is what it alone kept", "P63")
	deadProg    = rule("dead/program", "the program gone, so is what it alone kept", "P64")

	progLookup      = rule("prog/lookup", "a program that looks up loads", "DOC-18")
	progWrite       = rule("prog/write", "a program that updates or deletes is refused", "DOC-8", "DOC-11")
	progOther       = rule("prog/other", "a program that calls another helper on the outer map is refused", "DOC-8")
	runFound        = rule("run/found", "a program finds the inner map and what is in it", "DOC-18")
	runBeyondPercpu = rule("run/beyond-percpu", "a program finds nothing between the end of an inner per-CPU array and that of its template", "P85").with(ops.FeatureHarm).kills().
			where(func(k Kernel) bool { return !k.does(percpuArrayMax) })
	runBeyond = rule("run/beyond", "a program finds nothing between the end of an inner map and that of its template", "P85")
	runNull   = rule("run/null", "a program finds NULL where nothing is stored", "DOC-19")
)

// Ref is a rule applied to a family.
type Ref struct {
	Rule   *Rule
	Family Family
}

func on(f Family, rules ...*Rule) (refs []Ref) {
	for _, r := range rules {
		refs = append(refs, Ref{r, f})
	}
	return refs
}

// Keys are the rows of the table of verdicts that a reference speaks for.
func (r Ref) Keys() (keys []Key) {
	for _, c := range r.Rule.Claims {
		keys = append(keys, Key{c, r.Family})
	}
	return keys
}

func keysOf(refs []Ref) (keys []Key) {
	for _, r := range refs {
		keys = append(keys, r.Keys()...)
	}
	return keys
}

// Outcome is one answer that the model allows.
type Outcome struct {
	Want  ops.Result
	By    []Ref                  // what promises it; the first is the most particular
	Blame func(ops.Result) []Ref // if set, what another answer breaks
	Else  ops.Errno              // what another fault of the call would have earned; 0 if none
	Free  bool                   // not modelled: any answer will do
	Then  func(ops.Result)       // moves the state on; nil: nothing changes
}

// refs are what an answer breaks that this outcome does not allow.
func (o Outcome) refs(got ops.Result) []Ref {
	if o.Blame != nil {
		return o.Blame(got)
	}
	return o.By
}
