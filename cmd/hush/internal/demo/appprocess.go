package demo

import (
	"fmt"
	"os"

	"github.com/hushpush/hush/examples/notes"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// appEnv makes this very program the notes app: the phones of the demo start it so, and no build step is needed.
const appEnv = "HUSH_DEMO_APP"

// RunApp runs the notes app, and reports true, if a phone of the demo has started this program as its app. The command
// asks it before anything else.
func RunApp() bool {
	if os.Getenv(appEnv) == "" {
		return false
	}
	notes.Main()
	return true
}

// appCommand returns a command that runs this program as the app with a directory.
func appCommand(dir string) (phonetest.Command, error) {
	self, err := os.Executable()
	if err != nil {
		return phonetest.Command{}, fmt.Errorf("demo: finding this program: %w", err)
	}
	return phonetest.Command{
		Path: self,
		Dir:  dir,
		Env:  append(os.Environ(), appEnv+"=1", notes.DirEnv+"="+dir),
	}, nil
}
