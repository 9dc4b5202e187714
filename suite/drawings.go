package suite

import (
	"sync"

	"mimic/properties"
	"mimic/target"
)

// drawing names a sequence of a kernel that lacks nothing.
type drawing struct {
	on     properties.Version
	row    properties.Key
	seed   uint64
	number int
}

// drawings keeps what was drawn, for who examines hundreds of kernels that lack nothing. A nil
// drawings keeps nothing.
type drawings struct{ jobs sync.Map }

// of is the job of a drawing: what was drawn before, or what draw makes.
func (d *drawings) of(name drawing, draw func() target.Job) target.Job {
	if d == nil {
		return draw()
	}
	if job, ok := d.jobs.Load(name); ok {
		return job.(target.Job)
	}
	job, _ := d.jobs.LoadOrStore(name, draw())
	return job.(target.Job)
}
