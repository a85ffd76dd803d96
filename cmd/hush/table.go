package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/terminal"
)

// table is rows under a heading.
type table struct{ rows [][]string }

func newTable(heading ...string) *table { return &table{rows: [][]string{heading}} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(to io.Writer) {
	rows := make([][]string, len(t.rows))
	for y, row := range t.rows {
		for _, cell := range row {
			if cell = clean(cell); cell == "" {
				cell = "-"
			}
			rows[y] = append(rows[y], cell)
		}
	}
	for _, line := range terminal.Columns(rows, nil) {
		fmt.Fprintln(to, line)
	}
}

// clean keeps what others wrote from steering the terminal.
func clean(s string) string { return terminal.Clean(s) }

// cleanLines does what clean does, for a text of several lines.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// momentIf returns a moment that may be missing.
func momentIf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return terminal.Moment(*t)
}
