//go:build !unix

package phonetest

import "errors"

// Command is an app that runs as a real process. Suspending one needs signals that this system does not have.
type Command struct {
	Path string
	Args []string
	Env  []string
	Dir  string
}

// Launch returns an error: this system has no such apps.
func (c Command) Launch(Host) (Instance, error) {
	return nil, errors.New("phonetest: apps as processes need a Unix system; use InProcess")
}
