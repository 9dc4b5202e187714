package vmtest

import (
	"fmt"
	"strings"
	"time"
)

// EndKind is how a guest ended.
type EndKind int

// The ends. The zero value is the one to distrust.
const (
	Undecided EndKind = iota // not ended yet
	Completed                // init said goodbye; ExitCode is what it said
	InitDied                 // init ended, or was killed, without a goodbye
	Panicked                 // the kernel gave up without an oops
	Oopsed                   // the kernel did something invalid
	Splatted                 // the kernel complained of what Config.Allowed does not accept; we killed it
	Hung                     // no end, or no readiness, by the deadline; we killed it
	Stopped                  // the caller wanted it to end: Close, Kill, a cancelled context
	Lost                     // QEMU ended and nobody said why
	Unstarted                // QEMU did not even run the machine; only in a BootError
)

var endNames = [...]string{"undecided", "completed", "init died", "panicked", "oopsed",
	"splatted", "hung", "stopped", "lost", "unstarted"}

func (k EndKind) String() string {
	if k < 0 || int(k) >= len(endNames) {
		return fmt.Sprintf("EndKind(%d)", int(k))
	}
	return endNames[k]
}

// End says how a guest ended. Reason is one line for people; ExitCode counts when Completed.
type End struct {
	Kind     EndKind
	Reason   string
	ExitCode int
}

func (e End) String() string { return e.Kind.String() + ": " + e.Reason }

// evidence is all that is known when QEMU has ended.
type evidence struct {
	goodbye *int   // the code of init's goodbye
	crash   crash  // what the console says
	splat   Splat  // the complaint on it that nothing allows; zero if there is none
	last    string // its last line
	killed  *End   // why we killed QEMU
	status  string // how QEMU ended
	stderr  string // what it said
	lived   time.Duration
}

// judge decides how a guest ended. QEMU's status comes last: it is 0 after a panic too.
func judge(e evidence) End {
	c := e.crash
	switch {
	case c.oops != "":
		return End{Kind: Oopsed, Reason: oopsReason(c)}
	case e.splat != Splat{} && !e.gaveUp():
		return End{Kind: Splatted, Reason: e.splat.String()}
	case e.goodbye != nil:
		return End{Completed, fmt.Sprintf("init exited with code %d", *e.goodbye), *e.goodbye}
	case strings.HasPrefix(c.panic, initDied):
		return End{Kind: InitDied, Reason: "init ended without a goodbye: " + initStatus(c.panic)}
	case c.panic != "":
		return End{Kind: Panicked, Reason: panicReason(c)}
	case e.killed != nil:
		return e.afterKill()
	}
	return End{Kind: Lost, Reason: lostReason(e)}
}

const initDied = "Attempted to kill init!"

// gaveUp says whether the kernel panicked by itself, and not because init ended.
func (e evidence) gaveUp() bool {
	return e.goodbye == nil && e.crash.panic != "" && !strings.HasPrefix(e.crash.panic, initDied)
}

// afterKill adds to the end of a guest that hung what it was doing.
func (e evidence) afterKill() End {
	end := *e.killed
	if end.Kind == Hung && e.last != "" {
		end.Reason += fmt.Sprintf("; the console ends with %q", e.last)
	}
	return end
}

func panicReason(c crash) string {
	if c.bug == "" {
		return c.panic
	}
	return c.panic + " after " + c.bug
}

func oopsReason(c crash) string {
	reason := c.oops
	if c.bug != "" {
		reason = c.bug
	}
	if c.rip != "" {
		reason += " in " + c.rip
	}
	return reason
}

// initStatus turns the wait status that the kernel prints in hexadecimal into words.
func initStatus(panic string) string {
	var status uint32
	_, hex, _ := strings.Cut(panic, "exitcode=0x")
	if _, err := fmt.Sscanf(hex, "%x", &status); err != nil {
		return panic
	}
	if signal := status & 0x7f; signal != 0 {
		return fmt.Sprintf("killed by signal %d", signal)
	}
	return fmt.Sprintf("exit status %d", status>>8&0xff)
}

func lostReason(e evidence) string {
	reason := fmt.Sprintf("QEMU ended (%s) after %.1fs and neither init nor the console says why",
		e.status, e.lived.Seconds())
	if e.stderr != "" {
		reason += "; QEMU says: " + e.stderr
	}
	return reason
}
