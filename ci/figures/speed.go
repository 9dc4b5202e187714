package main

import (
	"fmt"
	"slices"
	"syscall"
	"time"

	"mimic/ops"
	"mimic/suite"
	"mimic/target"
	"mimic/vmtest"
)

// question is asked first.
const question = "i0 = map(hash, key=4, value=4, max=4)\no0 = outer(array, max=4, template=i0)\no0.update(1, i0)\no0.lookup(1)\nend()\n"

// firstAnswer is how long it takes to it.
func (m *measurement) firstAnswer(spec suite.Spec) (time.Duration, error) {
	seq, err := ops.Parse(question)
	if err != nil {
		return 0, err
	}
	start := time.Now()
	r := suite.Replay(m.ctx, suite.Config{}, spec, seq)
	took := time.Since(start)
	if code := r.ExitCode(); code != 0 {
		return took, fmt.Errorf("%s: exit code %d\n%s", spec.Name, code, r.Text())
	}
	return took, nil
}

// warmTries is how often the faster of two is done, of which the middle counts.
const warmTries = 3

// starts compares the first answer of a guest that is booted with that of one from the cache.
func (m *measurement) starts() error {
	cold, err := specs(m.kernels, true)
	if err != nil {
		return err
	}
	warm, err := specs(m.kernels, false)
	if err != nil {
		return err
	}
	header("From nothing to the first answer\n\n| kernel | booted | from the cache | ratio |\n| --- | --- | --- | --- |")
	for i := range cold {
		booted, err := m.firstAnswer(cold[i])
		if err != nil {
			return err
		}
		if _, err := m.firstAnswer(warm[i]); err != nil { // it may have to be kept yet
			return err
		}
		var took []time.Duration
		for range warmTries {
			d, err := m.firstAnswer(warm[i])
			if err != nil {
				return err
			}
			took = append(took, d)
		}
		slices.Sort(took)
		ratio := took[warmTries/2].Seconds() / booted.Seconds()
		fmt.Printf("| %s | %.2f s | %.2f s | %.3f |\n", cold[i].Name, booted.Seconds(), took[warmTries/2].Seconds(), ratio)
		m.holds("the first answer of "+cold[i].Name+" from the cache, by that of a boot,", ratio, 0.25)
	}
	return nil
}

// quick compares -quick on all kernels with virtme-ng booting each, one after the other.
func (m *measurement) quick() error {
	all, err := specs(m.kernels, false)
	if err != nil {
		return err
	}
	agent, err := target.BuildAgent(m.ctx, vmtest.CacheDir(), "amd64")
	if err != nil {
		return err
	}
	var booted []suite.Spec
	var boots time.Duration
	for _, spec := range all {
		k, err := suite.Fetch(m.ctx, spec.Name, nil)
		if err != nil {
			return err
		}
		start := time.Now()
		vm, err := vmtest.Boot(m.ctx, vmtest.Config{Kernel: k, Init: agent, CPUs: 2, Backend: vmtest.VNG})
		if err != nil {
			fmt.Printf("virtme-ng does not boot %s, which is left out: %v\n", spec.Name, err)
			continue
		}
		boots += time.Since(start)
		booted = append(booted, spec)
		vm.Close()
	}
	if len(booted) == 0 {
		header("virtme-ng boots none of %s here: scripts/setup.sh vng installs it", m.kernels)
		return nil
	}
	for _, again := range []string{"the first time, when nothing is kept of it", "again"} {
		start := time.Now()
		kernels := suite.Run(m.ctx, suite.Config{Kernels: booted, Seed: 1, Quick: true})
		took := time.Since(start)
		header("-quick on %d kernels, %s: %.1f s, exit code %d; virtme-ng boots each up to its init, one after the other: %.1f s; ratio %.2f",
			len(booted), again, took.Seconds(), suite.ExitCode(kernels, false), boots.Seconds(), took.Seconds()/boots.Seconds())
		most := usage()
		fmt.Printf("at most %d MiB here, %d MiB in a guest with its QEMU\n", most.selfMiB, most.guestsMiB)
	}
	return nil
}

// spent is processor time of this process and of the guests that have ended, and the memory of each at most.
type spent struct {
	self, guests       time.Duration
	selfMiB, guestsMiB int64
}

func usage() (s spent) {
	var self, children syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &self)
	_ = syscall.Getrusage(syscall.RUSAGE_CHILDREN, &children)
	sum := func(r syscall.Rusage) time.Duration { return time.Duration(r.Utime.Nano() + r.Stime.Nano()) }
	return spent{sum(self), sum(children), self.Maxrss >> 10, children.Maxrss >> 10}
}

// host says what the usual run on one kernel takes of the processors and the memory on this side; matrix the same of all.
func (m *measurement) host() error { return m.usual(m.one) }

func (m *measurement) matrix() error { return m.usual(m.kernels) }

func (m *measurement) usual(list string) error {
	kernels, err := specs(list, false)
	if err != nil {
		return err
	}
	before := usage()
	start := time.Now()
	k := suite.Run(m.ctx, suite.Config{Kernels: kernels, Seed: 1, Sequences: m.sequences})
	took, after := time.Since(start), usage()
	self, guests := after.self-before.self, after.guests-before.guests
	sequences := 0
	for _, one := range k {
		sequences += one.Sequences
	}
	header("%d sequences on %d kernels (%s): %.1f s, exit code %d; processor time %.1f s here and %.1f s in guests: %.2f of it is spent here. At most %d MiB here, %d MiB in a guest with its QEMU",
		sequences, len(kernels), list, took.Seconds(), suite.ExitCode(k, false), self.Seconds(), guests.Seconds(), self.Seconds()/(self+guests).Seconds(), after.selfMiB, after.guestsMiB)
	m.holds("the share of the processor time that is spent on this side", self.Seconds()/(self+guests).Seconds(), 0.25)
	m.holds("the memory of this side, by 200 MiB,", float64(after.selfMiB)/200, 1)
	return nil
}
