package target

import "fmt"

// keep keeps the guest, which waits for its first question, so that those that follow it begin like it
// instead of being booted. Where that does not work they are booted, and that is said once.
func (v *VM) keep() error {
	if v.snapshot != nil || v.cold {
		return nil
	}
	err := v.vm.CanBeKept()
	if err != nil {
		v.giveUp(err)
		return nil
	}
	if v.snapshot, err = v.vm.Keep(); err == nil {
		return nil
	}
	v.giveUp(err)
	v.vm.Close() // it may stand still
	return v.bootCold()
}

// giveUp has guests booted from now on.
func (v *VM) giveUp(why error) {
	v.snapshot.Close()
	v.snapshot, v.cold = nil, true
	if v.config.Progress != nil {
		v.config.Progress(fmt.Sprintf("guests of %s are booted after each death, which takes longer: %v", v.config.Kernel.Name, why))
	}
}
