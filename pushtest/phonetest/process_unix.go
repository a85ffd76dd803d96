//go:build unix && !linux

package phonetest

// awaitStopped does nothing: this system does not say when a process has stopped. The signal takes effect a moment later.
func awaitStopped(int) {}
