package executor

import (
	"mimic/loader"
	"mimic/ops"
)

// loadExample has a loader load an example of the document and tell what it
// saw, and waits until the kernel has forgotten what that left.
func loadExample(o ops.Load) ops.Result {
	before := lastMap()
	line, err := loader.Run(string(o.Example))
	if err != nil {
		return ops.Read("failed: " + err.Error())
	}
	gone := func() ops.Result {
		if lastMap() > before {
			return ops.Read("maps are left")
		}
		return ops.Read(line)
	}
	return wait(gone, ops.Read(line))
}

// lastMap is the highest id of a map that there is.
func lastMap() (id uint32) {
	for {
		attr := idAttr{id: id}
		if _, errno := bpf(cmdMapNextID, &attr); errno != 0 {
			return id
		}
		id = attr.next
	}
}
