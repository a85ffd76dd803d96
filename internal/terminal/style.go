package terminal

import "fmt"

// Color is a way to show text, by its number in ECMA-48 (SGR).
type Color string

const (
	Plain  Color = ""
	Bold   Color = "1"
	Faint  Color = "2"
	Red    Color = "31"
	Green  Color = "32"
	Yellow Color = "33"
	Cyan   Color = "36"
)

// Style shows text in colours, or, as the zero value, plain.
type Style struct{ Colored bool }

// Paint returns the text in a colour.
func (s Style) Paint(c Color, text string) string {
	if !s.Colored || c == Plain || text == "" {
		return text
	}
	return "\x1b[" + string(c) + "m" + text + "\x1b[0m"
}

// Good returns the text of something that ended well.
func (s Style) Good(text string) string { return s.Paint(Green, text) }

// Bad returns the text of something that ended badly.
func (s Style) Bad(text string) string { return s.Paint(Red, text) }

// Open returns the text of something that has not ended.
func (s Style) Open(text string) string { return s.Paint(Yellow, text) }

// Bold returns text that matters more than the text around it.
func (s Style) Bold(text string) string { return s.Paint(Bold, text) }

// Faint returns text that matters less than the text around it.
func (s Style) Faint(text string) string { return s.Paint(Faint, text) }

// Erase returns what removes the last rows of a terminal: the cursor goes up, and the screen is cleared from there.
func Erase(rows int) string { return fmt.Sprintf("\x1b[%dA\x1b[J", rows) }
