package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/hushpush/hush/push"
)

// style colours text on a terminal and leaves it plain elsewhere, and where NO_COLOR (no-color.org) or TERM=dumb asks for
// plain text.
type style struct{ coloured bool }

func (w world) style() style {
	_, _, isTerminal := terminalSize(w.stdout)
	return style{coloured: isTerminal && w.getenv("NO_COLOR") == "" && w.getenv("TERM") != "dumb"}
}

func (s style) paint(code, text string) string {
	if !s.coloured {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) good(text string) string  { return s.paint("32", text) }
func (s style) bad(text string) string   { return s.paint("31", text) }
func (s style) open(text string) string  { return s.paint("33", text) }
func (s style) faint(text string) string { return s.paint("2", text) }
func (s style) bold(text string) string  { return s.paint("1", text) }

// standing is the colour of a state: how it went, or that it is open.
func (s style) standing(state push.State) func(string) string {
	switch {
	case state == push.Handled:
		return s.good
	case state.Final():
		return s.bad
	}
	return s.open
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
