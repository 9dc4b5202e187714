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
	raced    bool              // asked by races only
	only     func(Kernel) bool // kernels on which it can be asked; nil: all
	against  *Rule             // a sentence that says otherwise than kernels do
	defect   bool              // such a sentence: no answer is judged by it
	covers   []string          // assertions of the notes and of others that it makes
}

// rules lists every rule, in the order of ruletable.go.
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

// contradicts says that the answer contradicts a sentence of the documentation.
func (r *Rule) contradicts(sentence *Rule) *Rule {
	r.against = sentence
	sentence.defect = true
	return r
}

// races says that only what happens at the same time asks for the rule.
func (r *Rule) races() *Rule {
	r.raced = true
	return r
}

// kills says that asking is known to kill kernels.
func (r *Rule) kills() *Rule {
	r.deadly = true
	return r
}

// Demanded says whether a row that rests on the rule holds only once it was asked.
func (r *Rule) Demanded() bool { return !r.chance && !r.defect }

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

// union appends to refs those of more that are not among them.
func union(refs, more []Ref) []Ref {
	for _, ref := range more {
		if !slices.Contains(refs, ref) {
			refs = append(refs, ref)
		}
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
	Rests []Ref                  // what has to hold before that promise is come to
	Else  ops.Errno              // what another fault of the call would have earned; 0 if none
	Free  bool                   // not modelled: any answer will do
	// Accepts, if set, says which other answers are allowed as well, where there
	// are too many to list.
	Accepts func(ops.Result) bool
	Then    func(ops.Result) // moves the state on; nil: nothing changes
}

// refs are what an answer breaks that this outcome does not allow.
func (o Outcome) refs(got ops.Result) []Ref {
	if o.Blame != nil {
		return o.Blame(got)
	}
	return o.By
}
