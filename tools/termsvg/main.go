// Command termsvg draws what a program printed to a terminal, on standard input, as an SVG picture on standard output; with an
// argument, below that line, such as the command. It knows the few SGR codes (ECMA-48) that hush uses and passes over other
// escape sequences.
package main

import (
	"bufio"
	"fmt"
	"html"
	"io"
	"os"
	"regexp"
	"strings"
	"unicode/utf8"
)

// The picture's measures, in its own units. A monospaced glyph is about 0.6 of its size wide.
const (
	fontSize   = 16.0
	lineHeight = 22.0
	glyph      = fontSize * 0.602
	margin     = 16.0
	titleBar   = 32.0
)

// styles says how a span looks for each SGR code, against the dark background.
var styles = map[string]string{
	"1":  `font-weight="bold" fill="#ffffff"`,
	"2":  `fill="#7d8590"`,
	"31": `fill="#ff7b72"`,
	"32": `fill="#56d364"`,
	"33": `fill="#e3b341"`,
	"36": `fill="#79c0ff"`,
}

var escape = regexp.MustCompile("\x1b\\[([0-9;]*)([A-Za-z])")

func main() {
	if err := draw(os.Stdout, os.Stdin, os.Args[1:]...); err != nil {
		fmt.Fprintln(os.Stderr, "termsvg:", err)
		os.Exit(1)
	}
}

func draw(to io.Writer, from io.Reader, above ...string) error {
	var lines []string
	for _, l := range above {
		lines = append(lines, "\x1b[1m"+l+"\x1b[0m")
	}
	scan := bufio.NewScanner(from)
	for scan.Scan() {
		lines = append(lines, strings.TrimRight(scan.Text(), " "))
	}
	if err := scan.Err(); err != nil {
		return err
	}
	for len(lines) > 0 && lines[0] == "" {
		lines = lines[1:]
	}
	widest := 0
	for _, l := range lines {
		widest = max(widest, utf8.RuneCountInString(escape.ReplaceAllString(l, "")))
	}
	width, height := 2*margin+float64(widest)*glyph, titleBar+2*margin+float64(len(lines))*lineHeight
	out := bufio.NewWriter(to)
	fmt.Fprintf(out, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %.0f" width="%.0f" height="%.0f" role="img" aria-label="hush demo in a terminal">`+"\n",
		width, height, width, height)
	fmt.Fprintf(out, `<rect x="0.5" y="0.5" width="%.0f" height="%.0f" rx="10" fill="#0d1117" stroke="#3d444d"/>`+"\n", width-1, height-1)
	for i, color := range []string{"#ff5f57", "#febc2e", "#28c840"} {
		fmt.Fprintf(out, `<circle cx="%.0f" cy="16" r="5.5" fill="%s"/>`+"\n", margin+4+float64(i)*18, color)
	}
	fmt.Fprintf(out, `<g font-family="ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="%.0f" fill="#e6edf3">`+"\n", fontSize)
	for i, l := range lines {
		fmt.Fprintf(out, `<text x="%.0f" y="%.0f" xml:space="preserve">%s</text>`+"\n", margin, titleBar+margin+float64(i)*lineHeight, spans(l))
	}
	fmt.Fprintln(out, "</g>\n</svg>")
	return out.Flush()
}

// spans turns one line's colours into tspans.
func spans(line string) string {
	var b strings.Builder
	style := ""
	write := func(text string) {
		switch {
		case text == "":
		case style == "":
			b.WriteString(html.EscapeString(text))
		default:
			fmt.Fprintf(&b, "<tspan %s>%s</tspan>", style, html.EscapeString(text))
		}
	}
	at := 0
	for _, m := range escape.FindAllStringSubmatchIndex(line, -1) {
		write(line[at:m[0]])
		at = m[1]
		if line[m[4]:m[5]] == "m" {
			style = styles[line[m[2]:m[3]]] // 0 and unknown codes: plain
		}
	}
	write(line[at:])
	return b.String()
}
