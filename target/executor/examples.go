package executor

import (
	"mimic/loader"
	"mimic/ops"
)

// loadExample has a loader load an example of the document, and then waits until
// the kernel has forgotten what that left. Sequences that begin meanwhile make
// maps of their own: what is asked is whether any map of the example stays.
func loadExample(o ops.Load) (ask func() ops.Result, want ops.Result) {
	before := lastMap()
	line, err := loader.Run(string(o.Example))
	if err != nil {
		failed := ops.Read("failed: " + err.Error())
		return func() ops.Result { return failed }, failed
	}
	left := mapsAfter(before)
	return func() ops.Result {
		for _, id := range left {
			if known(cmdMapNextID, id) != ops.Read(ops.WordGone) {
				return ops.Read("maps are left")
			}
		}
		return ops.Read(line)
	}, ops.Read(line)
}

// lastMap is the highest id of a map that there is.
func lastMap() (last uint32) {
	for _, id := range mapsAfter(0) {
		last = id
	}
	return last
}

// mapsAfter lists the ids of maps from one on.
func mapsAfter(id uint32) (all []uint32) {
	for {
		attr := idAttr{id: id}
		if _, errno := bpf(cmdMapNextID, &attr); errno != 0 {
			return all
		}
		id = attr.next
		all = append(all, id)
	}
}
