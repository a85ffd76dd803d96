package main

import (
	"fmt"
	"io"
)

// output is standard output. It remembers the first write that failed, so that no command that prints has to: a secret that
// is shown once, and was not, must not look like success.
type output struct {
	to  io.Writer
	err error
}

func (o *output) Write(b []byte) (int, error) {
	n, err := o.to.Write(b)
	if err != nil {
		err = fmt.Errorf("standard output: %w", err)
	}
	if o.err == nil {
		o.err = err
	}
	return n, err
}

// terminalOf returns what may be a terminal behind a writer.
func terminalOf(w io.Writer) io.Writer {
	if o, ok := w.(*output); ok {
		return o.to
	}
	return w
}
