package target

import (
	"testing"

	"mimic/ops"
)

// TestUsualMachineLacksNoneOfTheOthers: what other architectures may lack, amd64 has.
func TestUsualMachineLacksNoneOfTheOthers(t *testing.T) {
	lacks := bootVM(t).Hello().Lacks
	for _, feature := range ops.MachineFeatures() {
		if why := lacks[feature]; why != "" {
			t.Errorf("%s: %s", feature, why)
		}
	}
}
