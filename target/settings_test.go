package target

import (
	"strings"
	"testing"

	"mimic/ops"
	"mimic/vmtest"
)

// A kernel is given its settings before the first question, also one that is taken from the cache. One that it has not
// got is said, and nothing is answered.
func TestSettings(t *testing.T) {
	k := mustKernel(t)
	for setting, want := range map[string]ops.Ending{"panic=-2": ops.Completed, "nonsense=1": ops.Refused} {
		vm, err := Boot(t.Context(), vmtest.Config{Kernel: k, Init: agent(t)}, setting)
		if err != nil {
			skipOrFail(t, err)
		}
		defer vm.Close()
		var got ops.Trace
		err = vm.Run(t.Context(), []Job{parse(t, storeAndFind)}, func(_ int, tr ops.Trace) { got = tr })
		if got.End != want || want == ops.Refused && !strings.Contains(got.Detail, "set nonsense=1") {
			t.Errorf("with %s the first question ends %v %q, %v; want %v", setting, got.End, got.Detail, err, want)
		}
	}
}
