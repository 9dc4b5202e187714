package target

import (
	"time"

	"mimic/ops"
)

// late is how long after an answer the kernel may complain of what was answered:
// maps are freed, and reports printed, while the next sequence runs.
const late = 500 * time.Millisecond

// held keeps traces back that the kernel may yet complain of. Nobody waits for
// that: they are handed over as others come.
type held struct {
	each   func(int, ops.Trace)
	traces []ops.Trace
	at     []time.Time
	done   int // how many were handed over
}

// take takes the trace of a job and hands over those that are old enough.
func (h *held) take(_ int, t ops.Trace) {
	h.traces, h.at = append(h.traces, t), append(h.at, time.Now())
	h.release(late)
}

// release hands over what has been held for so long.
func (h *held) release(age time.Duration) {
	for len(h.traces) > 0 && time.Since(h.at[0]) >= age {
		h.each(h.done, h.traces[0])
		h.traces, h.at = h.traces[1:], h.at[1:]
		h.done++
	}
}

// steps are those of the trace that was taken last, if it is still held.
func (h *held) steps() []ops.Step {
	if len(h.traces) == 0 {
		return nil
	}
	return h.traces[len(h.traces)-1].Steps
}
