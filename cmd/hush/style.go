package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/hushpush/hush/internal/terminal"
)

// style returns how to show text on standard output: in colours on a terminal, unless NO_COLOR (no-color.org) or TERM=dumb
// asks for plain text.
func (w world) style() terminal.Style {
	_, _, isTerminal := terminalSize(w.stdout)
	return terminal.Style{Colored: isTerminal && w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb"}
}

// terminalSize reports whether to is a terminal, and how many columns and lines it has; 0 where it does not say.
func terminalSize(to io.Writer) (width, height int, isTerminal bool) {
	f, ok := terminalOf(to).(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return 0, 0, false
	}
	width, height, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0, 0, true
	}
	return width, height, true
}
