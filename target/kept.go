package target

import (
	"crypto/rand"
	"fmt"

	"mimic/vmtest"
)

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
	if v.life.Err() != nil {
		return v.life.Err()
	}
	v.giveUp(err)
	v.vm.Close() // it may stand still
	return v.bootCold()
}

// giveUp has guests booted from now on.
func (v *VM) giveUp(why error) {
	v.snapshot.Discard()
	v.snapshot, v.cold = nil, true
	v.say(fmt.Sprintf("guests of %s are booted after each death, which takes longer: %v", v.config.Kernel.Name, why))
}

func (v *VM) say(what string) {
	if v.config.Progress != nil {
		v.config.Progress(what)
	}
}

// begin takes the first guest from where an earlier run kept one like it, or boots it and keeps it for the next.
func (v *VM) begin() error {
	if v.config.Cold || v.config.Counted {
		return v.bootCold()
	}
	var err error
	if v.snapshot, err = vmtest.Start(v.config); err != nil {
		v.say(err.Error())
	}
	if v.snapshot != nil {
		return v.boot()
	}
	if err := v.bootCold(); err != nil || v.notWorth() {
		return err
	}
	if err := v.keep(); err != nil || v.snapshot == nil {
		return err
	}
	if err := v.snapshot.Save(); err != nil {
		v.say(err.Error() + "; it is booted each time")
	}
	return nil
}

// notWorth says whether a guest is not worth keeping for the next run, one of KVM boots in less than a second, or cannot be
// kept.
func (v *VM) notWorth() bool { return v.vm.Recipe().Accel == vmtest.KVM || v.vm.CanBeKept() != nil }

// reseed has a kernel draw other random numbers than those that began like it: hashes of keys depend on them.
func reseed(s *session) error { return s.conn.Sow(rand.Text()) }
