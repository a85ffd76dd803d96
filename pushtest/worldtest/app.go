package worldtest

import (
	"context"
	"os"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// What an app that is a command finds in its environment, beside that of the world's own process.
const (
	PhoneEnv = "HUSH_PHONE"       // the phone's name
	TokenEnv = "HUSH_PHONE_TOKEN" // the provider token at this launch
)

// ShellCommand is an app that /bin/sh runs, as it stands, in a process of its own on every phone; see package phoneline for
// what it reads and writes.
type ShellCommand string

// Launch starts the command.
func (c ShellCommand) Launch(h phonetest.Host) (phonetest.Instance, error) {
	return phonetest.Command{
		Path: "/bin/sh", Args: []string{"-c", string(c)},
		Env: append(os.Environ(), PhoneEnv+"="+h.Phone, TokenEnv+"="+h.Token),
	}.Launch(h)
}

// logger is the app of phones without a process: it writes each event to the device log.
type logger struct{ log func(string) }

func newLogger(_ string, log func(string)) phonetest.Program { return logger{log} }

func (l logger) Handle(_ context.Context, e phoneline.Event) string {
	text := string(e.Kind)
	if len(e.Data) > 0 {
		text += " " + string(e.Data)
	}
	l.log(text)
	if e.Kind == phoneline.Push {
		return phoneline.NewData
	}
	return phoneline.OK
}
