package properties

import (
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"mimic/ops"
)

// moreLies are about access, freezing, batches, paths and BTF.
func moreLies() (lies []Lie) {
	for _, f := range both {
		lies = append(lies, accessLies(f)...)
		lies = append(lies, batchLies(f)...)
		lies = append(lies, keepers(f)...)
	}
	return append(lies, pathLies()...)
}

// allowed answers as if nothing denied an operation that something did.
func allowed(id string, breaks []Key, is func(s *State, op ops.Op) bool) Lie {
	return corner(id, breaks, func(s *State, op ops.Op, honest Outcome) *ops.Result {
		if honest.Want.Errno != ops.Errno(unix.EPERM) || !is(s, op) {
			return nil
		}
		r := ops.Result{Got: honest.Want.Got}
		return &r
	})
}

// accessLies forget access modes, or that a map is frozen, in one command.
func accessLies(f Family) []Lie {
	deletes := func(s *State, op ops.Op) *object {
		if o, ok := op.(ops.Delete); ok {
			return outerOf(s, o.On, f)
		}
		return nil
	}
	return []Lie{
		allowed("frozen-takes-deletes/"+string(f), rowsOf(f, "P37"), func(s *State, op ops.Op) bool {
			m := deletes(s, op)
			return m != nil && m.frozen && s.via.mode == 0
		}),
		allowed("read-only-deletes/"+string(f), rowsOf(f, "P57"), func(s *State, op ops.Op) bool {
			m := deletes(s, op)
			return m != nil && !m.frozen && s.via.mode == ops.ReadOnly
		}),
		allowed("write-only-walks/"+string(f), rowsOf(f, "P57"), func(s *State, op ops.Op) bool {
			o, ok := op.(ops.Next)
			return ok && outerOf(s, o.On, f) != nil
		}),
		allowed("frozen-takes-batches/"+string(f), rowsOf(f, "P37"), func(s *State, op ops.Op) bool {
			o, ok := op.(ops.UpdateBatch)
			return ok && outerOf(s, o.On, f) != nil && s.via.mode == 0
		}),
		numberNotStored("zero", ops.NumberZero, f), numberNoTemplate("zero", ops.NumberZero, f),
		numberNotStored("high", ops.NumberHigh, f), numberNoTemplate("high", ops.NumberHigh, f),
	}
}

func numberNotStored(word string, number ops.FDNumber, f Family) Lie {
	return corner(word+"-not-stored/"+string(f), rowsOf(f, "P16"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Update)
		return notOpen(honest, ok && outerOf(s, o.On, f) != nil && s.isAt(o.Value.Name, number))
	})
}

func numberNoTemplate(word string, number ops.FDNumber, f Family) Lie {
	return corner(word+"-no-template/"+string(f), rowsOf(f, "P16"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
		o, ok := op.(ops.Outer)
		return notOpen(honest, ok && familyOf(o.Kind) == f && s.isAt(o.Template, number))
	})
}

// notOpen says of a descriptor that was taken that it is none, if it is so.
func notOpen(honest Outcome, so bool) *ops.Result {
	if !so || honest.Want != accepted {
		return nil
	}
	r := ops.Failed(unix.EBADF)
	return &r
}

// batchLies miscount, skip and go on.
func batchLies(f Family) []Lie {
	read := func(s *State, op ops.Op) bool {
		o, ok := op.(ops.LookupBatch)
		return ok && outerOf(s, o.On, f) != nil
	}
	return []Lie{
		corner("batch-counts-the-failed/"+string(f), rowsOf(f, "P50"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			o, ok := op.(ops.UpdateBatch)
			if !ok || outerOf(s, o.On, f) == nil || honest.Want.Errno == 0 || len(honest.By) == 0 || honest.By[0].Rule != batchPartly {
				return nil
			}
			n, _ := strconv.Atoi(honest.Want.Got)
			r := ops.Result{Errno: honest.Want.Errno, Got: strconv.Itoa(n + 1)}
			return &r
		}),
		corner("batch-skips-the-last/"+string(f), rowsOf(f, "P48", "P53"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			fields := strings.Fields(honest.Want.Got)
			if !read(s, op) || len(fields) < 4 {
				return nil
			}
			r := ops.Result{Errno: honest.Want.Errno, Got: strconv.Itoa(len(fields)-2) + ": " + strings.Join(fields[1:len(fields)-1], " ")}
			return &r
		}),
		corner("batch-ends-without-saying/"+string(f), rowsOf(f, "P48", "P53"), func(s *State, op ops.Op, honest Outcome) *ops.Result {
			if !read(s, op) || honest.Want.Errno != ops.Errno(unix.ENOENT) || !strings.Contains(honest.Want.Got, "=") {
				return nil
			}
			r := ops.Result{Got: honest.Want.Got}
			return &r
		}),
	}
}

// keepers keep what they should let go.
func keepers(f Family) []Lie {
	return []Lie{
		before("failed-batch-leaks/"+string(f), rowsOf(f, "P38", "P14"), func(s *State, op ops.Op, got ops.Result) {
			o, ok := op.(ops.UpdateBatch)
			if !ok || got.Errno == 0 || outerOf(s, o.On, f) == nil {
				return
			}
			n, _ := strconv.Atoi(got.Got)
			if values := o.Values.List(); n < len(values) {
				if inner := s.open(values[n].Name); inner != nil {
					inner.kept++
				}
			}
		}),
		after("template-btf-kept/"+string(f), rowsOf(f, "P14"), func(s *State, op ops.Op) {
			if o, ok := op.(ops.Outer); ok {
				if m := outerOf(s, o.Def, f); m != nil && m.template.btf != nil {
					m.template.btf.kept++
				}
			}
		}),
	}
}

// pathLies are about what one family, or all of them, can do.
func pathLies() []Lie {
	return []Lie{
		before("batch-delete-leaks/hash", rowsOf(FamilyHash, "P61"), func(s *State, op ops.Op, got ops.Result) {
			o, ok := op.(ops.DeleteBatch)
			if !ok || got.Errno != 0 || outerOf(s, o.On, FamilyHash) == nil {
				return
			}
			for _, k := range o.Keys.List() {
				if inner := s.open(o.On).slots[ops.Truncate(k.N, s.open(o.On).spec.Key)]; inner != nil {
					inner.kept++
				}
			}
		}),
		before("unpin-leaks", []Key{{"L1", FamilyInner}}, func(s *State, op ops.Op, got ops.Result) {
			if o, ok := op.(ops.Unpin); ok && got == ops.OK {
				if m := s.objectOf(o.On); m != nil {
					m.kept++
				}
			}
		}),
		after("get-forgets-the-mode", []Key{{"P57", FamilyArray}, {"P57", FamilyHash}, {"P57", FamilyInner}, {"P56", FamilyArray}, {"P56", FamilyHash}}, func(s *State, op ops.Op) {
			if o, ok := op.(ops.Get); ok {
				if h := s.handles[o.Def]; h != nil {
					h.mode = 0
				}
			}
		}),
	}
}
