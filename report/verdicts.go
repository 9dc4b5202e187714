package report

// Verdict is what a run says of one claim on one kernel.
type Verdict uint8

// Verdicts. The zero value is the one to distrust.
const (
	Undecided    Verdict = iota
	Holds                // asked often enough, and every answer was allowed
	Violated             // an answer was not allowed
	Deviates             // violated, in ways that known.txt explains and no other
	Defect               // the documentation says otherwise than the kernel does, on purpose: it is the sentence that is wrong
	NotClaimed           // this kernel does not promise it, or cannot be asked
	Inconclusive         // not asked often enough
	Broken               // the harness is at fault
)

// face is how a verdict is shown.
type face struct {
	word  string    // for people
	mark  string    // the same in a table
	green bool      // whether a run with it may be green; "ok" or "not ok" in KTAP
	ktap  string    // KTAP's directive, if any
	junit junitKind // JUnit's element
	kcidb string    // KCIDB's status: FAIL blames the kernel, MISS the harness, ERROR neither
	class string    // of the HTML page, which has a colour for each
}

// faces is the one table of how each format shows each verdict. What is listed or
// known fails in KCIDB too, whose own list of known issues explains it; a sentence
// that is wrong is not the kernel's fault.
var faces = [...]face{
	Undecided:    {"undecided", "?", false, "ERROR", junitError, "MISS", "broken"},
	Holds:        {"holds", "ok", true, "", junitPass, "PASS", "holds"},
	Violated:     {"VIOLATED", "FAIL", false, "", junitFailure, "FAIL", "violated"},
	Deviates:     {"known deviation", "known", true, "XFAIL", junitSkipped, "FAIL", "known"},
	Defect:       {"documentation defect", "doc", true, "XFAIL", junitSkipped, "PASS", "defect"},
	NotClaimed:   {"not claimed here", "-", true, "SKIP", junitSkipped, "SKIP", "skipped"},
	Inconclusive: {"inconclusive", "few", false, "ERROR", junitError, "ERROR", "few"},
	Broken:       {"harness broken", "err", false, "ERROR", junitError, "MISS", "broken"},
}

func (v Verdict) String() string { return faces[v].word }

// Green says whether a run with this verdict may be green.
func (v Verdict) Green() bool { return faces[v].green }

// legend says what the marks of the table mean, the frequent ones first.
func legend() (all []Verdict) {
	return []Verdict{Holds, Violated, Deviates, Defect, NotClaimed, Inconclusive, Broken, Undecided}
}
