package main

import (
	"bytes"
	"os"
	"runtime/pprof"

	"mimic/target/executor"
	"mimic/target/wire"
)

// profile is where the time of this process went, if that is wanted.
var profile bytes.Buffer

func startProfile() {
	if os.Getenv(wire.ProfileEnv) != "" {
		_ = pprof.StartCPUProfile(&profile)
	}
}

// counters are those of the kernel, and the profile up to now.
func counters() map[string][]byte {
	files := executor.Counters()
	pprof.StopCPUProfile()
	if profile.Len() > 0 {
		files[wire.ProfileName] = bytes.Clone(profile.Bytes())
	}
	return files
}
