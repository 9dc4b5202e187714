package ops

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// Body is what a program does: steps separated by spaces, each a word and its
// arguments separated by colons, as in
//
//	find:in check get:in check read
//
// A program has two registers of its own, it and other, that hold pointers.
// Most steps do something with it. The program ends after the last step, or at
// a check that fails. It is kept as its text, so that operations can be compared.
type Body string

// StepWord is the word of a step.
type StepWord string

// The steps. Argument forms: KEY is a number or the word in, which stands for
// what a run hands over (find: the key of the outer map; elsewhere: that of the
// inner map); the others are numbers.
const (
	StepMap     StepWord = "map"     // it = the map that the program is given
	StepFind    StepWord = "find"    // find:KEY: it = the inner map under a key of the map given, if that is an outer map; else that map itself
	StepSecond  StepWord = "second"  // second:KEY: the same in the second map
	StepEither  StepWord = "either"  // either:KEY: find, or, on a branch of its own, second: both are outer maps, and it is one call that looks up in either
	StepDirect  StepWord = "direct"  // it = the address of the values of the map given
	StepFar     StepWord = "far"     // lookups from here on are calls of the helper, which the kernel does not put in the place of the call
	StepAway    StepWord = "away"    // lookups from here on are made by a subprogram, the same one for all of them
	StepListed  StepWord = "listed"  // maps are named, wherever this stands, by their places in a list (fd_array), not by their descriptors
	StepWithin  StepWord = "within"  // all of it, wherever this stands, is done in a subprogram
	StepCalled  StepWord = "called"  // all of it, wherever this stands, is done in a function that bpf_loop() calls once
	StepGet     StepWord = "get"     // get:KEY: it = what bpf_map_lookup_elem() answers for a key of it
	StepBeside  StepWord = "beside"  // beside:KEY: it = what bpf_map_lookup_percpu_elem() answers for a key of it and another processor, 0 or 1
	StepLend    StepWord = "lend"    // hands it to a subprogram, which answers whether it finds the key that the run hands over in it: 1 or 0
	StepSum     StepWord = "sum"     // answers the sum of what its values begin with, which a function adds up that bpf_for_each_map_elem() calls
	StepCheck   StepWord = "check"   // ends the program if it is NULL
	StepVet     StepWord = "vet"     // the same, but a subprogram checks it, and answers whether it is not
	StepHalf    StepWord = "half"    // ends the program if the lower half of it is 0, which is no check
	StepKeep    StepWord = "keep"    // other = it
	StepSwap    StepWord = "swap"    // exchanges it and other
	StepSpill   StepWord = "spill"   // stores it on the stack and loads it again
	StepStash   StepWord = "stash"   // stores it on the stack, where it stays
	StepFetch   StepWord = "fetch"   // it = what was stashed
	StepSame    StepWord = "same"    // ends the program unless it is other
	StepDiffer  StepWord = "differ"  // ends the program if it is other
	StepSection StepWord = "section" // begins and ends a section of bpf_rcu_read_lock(), which changes nothing
	StepPass    StepWord = "pass"    // it = what a subprogram returns that is given it
	StepMerge   StepWord = "merge"   // it = other, on a branch of its own
	StepCross   StepWord = "cross"   // exchanges it and other, on a branch of its own
	StepMaybe   StepWord = "maybe"   // it = NULL, on a branch of its own
	StepRead    StepWord = "read"    // read, read:OFFSET:SIZE: loads from it and answers that
	StepWrite   StepWord = "write"   // write:OFFSET:SIZE:NUMBER: stores at it
	StepCount   StepWord = "count"   // count:NUMBER: adds 1 to the number at it, so many times; more than 1048576 by bpf_loop()
	StepLoop    StepWord = "loop"    // loop:NUMBER: begins anew at the first step until all was done so many times
	StepAdd     StepWord = "add"     // add:NUMBER, add:in: adds to it
	StepCall    StepWord = "call"    // call:NAME[:KEY[:NUMBER[:FLAGS]]]: has a helper or kfunc do something with it as a map, and answers what it returns
	StepMemory  StepWord = "mem"     // mem:NAME:SIZE: hands it to a helper as memory of that size
	StepAsKey   StepWord = "askey"   // hands it to bpf_map_lookup_elem() as the key of another map
	StepAsVal   StepWord = "asval"   // hands it to bpf_map_update_elem() as the value of another map
	StepTell    StepWord = "tell"    // answers it itself
	StepReturn  StepWord = "return"  // ends the program: it is its return value
	StepLock    StepWord = "lock"    // takes the bpf_spin_lock in it
	StepUnlock  StepWord = "unlock"  // releases the bpf_spin_lock in it
	StepTimer   StepWord = "timer"   // sets up the bpf_timer in it; other is its map
	StepStop    StepWord = "stop"    // cancels the bpf_timer in it
)

// stepArgs says how many arguments a step needs at least and takes at most, and of what form.
var stepArgs = map[StepWord]struct {
	least int
	forms string // k: a key; n: a number; c: a call; m: a call on memory
}{
	StepMap: {}, StepFind: {1, "k"}, StepSecond: {1, "k"}, StepEither: {1, "k"}, StepFar: {}, StepAway: {}, StepListed: {}, StepVet: {}, StepWithin: {}, StepLend: {}, StepSum: {}, StepCalled: {}, StepDirect: {}, StepGet: {1, "k"}, StepBeside: {1, "k"}, StepCheck: {}, StepHalf: {}, StepKeep: {}, StepSwap: {},
	StepSpill: {}, StepStash: {}, StepFetch: {}, StepSame: {}, StepDiffer: {}, StepPass: {}, StepSection: {}, StepMerge: {}, StepCross: {}, StepMaybe: {}, StepRead: {0, "nn"}, StepWrite: {3, "nnn"}, StepAdd: {1, "k"}, StepCount: {1, "n"}, StepLoop: {1, "n"},
	StepCall: {1, "cknn"}, StepMemory: {2, "mn"}, StepAsKey: {}, StepAsVal: {}, StepTell: {}, StepReturn: {},
	StepLock: {}, StepUnlock: {}, StepTimer: {}, StepStop: {},
}

// StepWords lists the words of steps, in alphabetical order.
func StepWords() (all []StepWord) {
	for w := range stepArgs {
		all = append(all, w)
	}
	slices.Sort(all)
	return all
}

// BodyStep is one step of a body.
type BodyStep struct {
	Word StepWord
	Call *HelperCall // of call and mem
	Key  BodyKey     // of find, second, either, get, beside, call and add
	N    []int64     // the numbers, in the order in which they are written
}

// BodyKey is a key of a step: a constant, or what a run hands over.
type BodyKey struct {
	In bool
	N  uint64
}

// BodyLookup looks up the keys that a run hands over, in the outer map and in
// the inner map that it finds there, and reads as much of the value as Run answers.
const BodyLookup Body = "find:in check get:in check read"

// Takes says whether a step is a call that is given one of some arguments.
func (s BodyStep) Takes(args ...ArgOf) bool {
	return s.Call != nil && slices.ContainsFunc(s.Call.Args, func(a ArgOf) bool { return slices.Contains(args, a) })
}

// Functions are those of the kernel (kfuncs) that a step calls, by name.
func (s BodyStep) Functions() []string {
	switch {
	case s.Word == StepSection:
		return sectionFunctions
	case s.Call != nil && s.Call.ID == 0:
		return []string{"bpf_" + s.Call.Name}
	}
	return nil
}

// sectionFunctions begin and end a section.
var sectionFunctions = []string{"bpf_rcu_read_lock", "bpf_rcu_read_unlock"}

// StepFunctions lists all that steps can call.
func StepFunctions() (names []string) {
	names = append(names, sectionFunctions...)
	for _, c := range calls {
		names = append(names, BodyStep{Call: &c}.Functions()...)
	}
	return names
}

// Has says whether there is a step with one of the words.
func (b Body) Has(words ...StepWord) bool {
	return slices.ContainsFunc(b.Steps(), func(s BodyStep) bool { return slices.Contains(words, s.Word) })
}

// MarshalText writes the steps.
func (b Body) MarshalText() ([]byte, error) { return []byte(b), nil }

// UnmarshalText accepts steps.
func (b *Body) UnmarshalText(text []byte) error {
	*b = Body(strings.Join(strings.Fields(string(text)), " "))
	_, err := parseBody(string(*b))
	return err
}

// Second says whether a body looks in the second map.
func (b Body) Second() bool { return b.Has(StepSecond, StepEither) }

// Steps are the steps of a body, not to be changed; none of what is no body.
func (b Body) Steps() []BodyStep {
	if steps, known := parsed.Load(b); known {
		return steps.([]BodyStep)
	}
	steps, _ := parseBody(string(b))
	if bodies.Add(1) > manyBodies {
		parsed.Clear()
		bodies.Store(0)
	}
	parsed.Store(b, steps)
	return steps
}

// parsed keeps the steps of bodies: each is looked at many times, by an emulated
// processor too.
var (
	parsed sync.Map
	bodies atomic.Int32
)

// manyBodies bounds what is kept.
const manyBodies = 1 << 14

func parseBody(text string) (steps []BodyStep, err error) {
	for field := range strings.FieldsSeq(text) {
		s, err := parseStep(strings.Split(field, ":"))
		if err != nil {
			return nil, fmt.Errorf("%q in the body of a program: %w", field, err)
		}
		steps = append(steps, s)
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("the body of a program has no steps")
	}
	return steps, nil
}

func parseStep(parts []string) (s BodyStep, err error) {
	s.Word = StepWord(parts[0])
	form, known := stepArgs[s.Word]
	args := parts[1:]
	switch {
	case !known:
		return s, fmt.Errorf("there is no such step; want one of %v", StepWords())
	case len(args) < form.least || len(args) > len(form.forms) || s.Word == StepRead && len(args) == 1:
		return s, fmt.Errorf("%d arguments, want %d to %d", len(args), form.least, len(form.forms))
	}
	s.Key.In = len(args) < 2 // a call without a key
	for i, a := range args {
		if err := s.arg(form.forms[i], a); err != nil {
			return s, err
		}
	}
	return s, s.possible()
}

// possible errs for an access of a size that no instruction has.
func (s BodyStep) possible() error {
	if (s.Word == StepRead || s.Word == StepWrite) && len(s.N) > 1 && !slices.Contains([]int64{1, 2, 4, 8}, s.N[1]) {
		return fmt.Errorf("%d bytes, want 1, 2, 4 or 8", s.N[1])
	}
	return nil
}

func (s *BodyStep) arg(form byte, a string) (err error) {
	switch form {
	case 'c', 'm':
		if s.Call = CallNamed(a); s.Call == nil || s.Call.Memory != (form == 'm') {
			err = fmt.Errorf("there is no helper %q", a)
		}
	case 'k':
		if s.Key = (BodyKey{In: a == "in"}); !s.Key.In {
			s.Key.N, err = number(a, 64)
		}
	default:
		var n int64
		n, err = strconv.ParseInt(a, 0, 64)
		s.N = append(s.N, n)
	}
	return err
}

// String is the text of a step.
func (s BodyStep) String() string {
	parts := []string{string(s.Word)}
	if s.Call != nil {
		parts = append(parts, s.Call.Name)
	}
	forms := stepArgs[s.Word].forms
	if strings.Contains(forms, "k") && (s.Word != StepCall || !s.Key.In || len(s.N) > 0) {
		parts = append(parts, s.Key.String())
	}
	for _, n := range s.N {
		parts = append(parts, strconv.FormatInt(n, 10))
	}
	return strings.Join(parts, ":")
}

func (k BodyKey) String() string {
	if k.In {
		return "in"
	}
	return strconv.FormatUint(k.N, 10)
}
