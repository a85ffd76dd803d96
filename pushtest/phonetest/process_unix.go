//go:build unix && !linux

package phonetest

// awaitStopped is for systems that tell when a process has stopped; here the signal takes effect a moment later.
func awaitStopped(int) {}
