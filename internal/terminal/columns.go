package terminal

import "strings"

// Gap is what stands between two columns.
const Gap = "  "

// Columns returns a line for each row, with the columns in step. paint returns a cell as it is shown, which may have a colour
// but not another width; nil shows all cells as they are.
func Columns(rows [][]string, paint func(row, column int, cell string) string) (lines []string) {
	widths := Widths(rows)
	for y, row := range rows {
		var b strings.Builder
		pad := 0 // not written yet, so that no line ends in spaces
		for x, cell := range row {
			if x > 0 {
				pad += len(Gap)
			}
			if cell != "" {
				b.WriteString(strings.Repeat(" ", pad))
				pad = 0
				if paint == nil {
					b.WriteString(cell)
				} else {
					b.WriteString(paint(y, x, cell))
				}
			}
			pad += widths[x] - Cells(cell)
		}
		lines = append(lines, b.String())
	}
	return lines
}

// Widths returns the width of each column, which is that of its widest cell.
func Widths(rows [][]string) (widths []int) {
	for _, row := range rows {
		for x, cell := range row {
			if x == len(widths) {
				widths = append(widths, 0)
			}
			widths[x] = max(widths[x], Cells(cell))
		}
	}
	return widths
}
