package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/hushpush/hush/internal/terminal"
)

// table is rows under a heading.
type table struct{ rows [][]string }

func newTable(heading ...string) *table { return &table{rows: [][]string{heading}} }

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) print(to io.Writer) {
	tw := tabwriter.NewWriter(to, 0, 4, 2, ' ', 0)
	for _, row := range t.rows {
		for i, cell := range row {
			if i > 0 {
				fmt.Fprint(tw, "\t")
			}
			if cell = clean(cell); cell == "" {
				cell = "-"
			}
			fmt.Fprint(tw, cell)
		}
		fmt.Fprintln(tw)
	}
	tw.Flush()
}

// clean keeps what others wrote from steering the terminal.
func clean(s string) string { return terminal.Clean(s) }

// cleanLines is clean for a text of several lines.
func cleanLines(s string) string {
	lines := strings.Split(s, "\n")
	for i := range lines {
		lines[i] = clean(lines[i])
	}
	return strings.Join(lines, "\n")
}

// momentIf is a moment that may not be.
func momentIf(t *time.Time) string {
	if t == nil {
		return ""
	}
	return moment(*t)
}

// moment is a time as people read it here.
func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.Local().Format("2006-01-02 15:04:05")
}
