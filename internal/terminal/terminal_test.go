package terminal_test

import (
	"slices"
	"testing"

	"github.com/hushpush/hush/internal/terminal"
)

func TestFoldBreaksBetweenWordsAndThenWithin(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		text string
		room int
		want []string
	}{
		{"", 10, []string{""}},
		{"one two", 10, []string{"one two"}},
		{"one two three", 8, []string{"one two", "three"}},
		{"one 0123456789abc two", 5, []string{"one", "01234", "56789", "abc", "two"}},
		{"漢字漢字", 5, []string{"漢字", "漢字"}},                 // two columns each
		{"e\u0301e\u0301", 2, []string{"e\u0301e\u0301"}}, // marks take none
		{"漢", 1, []string{"漢"}},                           // what never fits still comes out
	} {
		if got := terminal.Fold(c.text, c.room); !slices.Equal(got, c.want) {
			t.Errorf("fold(%q, %d) is %q, want %q", c.text, c.room, got, c.want)
		}
	}
}

func TestRowsCountsWhatATerminalBreaks(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		line    string
		columns int
		want    int
	}{
		{"", 5, 1},
		{"12345", 5, 1},
		{"123456", 5, 2},
		{"12345678901", 5, 3},
		{"123456", 0, 1}, // nobody knows how wide it is
		{"漢字漢字", 4, 2},
		{"漢字漢字", 5, 2}, // no half of a character stands in the fifth column
		{"漢字漢", 3, 3},
		{"漢字", 1, 2},
		{"e\u0301e\u0301", 2, 1},
	} {
		if got := terminal.Rows(c.line, c.columns); got != c.want {
			t.Errorf("rows(%q, %d) is %d, want %d", c.line, c.columns, got, c.want)
		}
	}
}
