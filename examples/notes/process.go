package notes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// Main is the app as a phone runs it: a process that reads events on standard input until that ends. Its directory is in
// the environment, see DirEnv and Install. It exits with a status other than 0 if it cannot run.
func Main() {
	if err := Run(context.Background(), os.Getenv(DirEnv), os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// Run runs the app until in ends or ctx is over.
func Run(ctx context.Context, dir string, in io.Reader, out io.Writer) (err error) {
	if dir == "" {
		return fmt.Errorf("notes: %s is empty; want the directory of an installation (this program is run by a phone, see hush demo)", DirEnv)
	}
	a := &app{home: home(dir)}
	defer func() {
		if a.hush != nil {
			err = errors.Join(err, a.hush.Close())
		}
	}()
	return phoneline.Serve(ctx, in, out, a.handle)
}
