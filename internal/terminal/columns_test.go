package terminal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/terminal"
)

func TestColumnsAreInStep(t *testing.T) {
	t.Parallel()
	rows := [][]string{{"A", "B", "C"}, {"漢字", "", "x"}, {"", "yy", ""}}
	got := terminal.Columns(rows, nil)
	if want := []string{"A     B   C", "漢字      x", "      yy"}; !slices.Equal(got, want) {
		t.Errorf("got\n%q, want\n%q", got, want)
	}
	s := terminal.Style{Colored: true}
	painted := terminal.Columns(rows, func(_, column int, cell string) string {
		return s.Paint([]terminal.Color{terminal.Red, terminal.Plain, terminal.Bold}[column], cell)
	})
	plain := strings.NewReplacer("\x1b[31m", "", "\x1b[1m", "", "\x1b[0m", "").Replace(strings.Join(painted, "\n"))
	if plain != strings.Join(got, "\n") || !strings.Contains(painted[0], "\x1b[31mA\x1b[0m") {
		t.Errorf("painted %q, want the same in colours", painted)
	}
}

func TestOnlyAColouredStylePaints(t *testing.T) {
	t.Parallel()
	var plain terminal.Style
	if got := plain.Good("a") + plain.Bold("b"); got != "ab" {
		t.Errorf("plain: %q, want ab", got)
	}
	if got := (terminal.Style{Colored: true}).Bad("a"); got != "\x1b[31ma\x1b[0m" {
		t.Errorf("coloured: %q, want red", got)
	}
}
