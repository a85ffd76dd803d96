package config

import (
	"fmt"
	"strings"
)

// Table returns all settings as a table in Markdown, for docs/operations.md.
func Table() string {
	var b strings.Builder
	b.WriteString("| setting | takes | default | means |\n| --- | --- | --- | --- |\n")
	for _, g := range groups {
		fmt.Fprintf(&b, "| **%s** | | | |\n", g.purpose)
		for _, s := range g.settings {
			fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.name, cell(s.value.kind), cell(s.standardText()), cell(s.help))
		}
	}
	return b.String()
}

// standardText returns what holds where the setting is not given, in Markdown.
func (s setting) standardText() string {
	if s.standard != "" {
		return "`" + s.standard + "`"
	}
	return s.without
}

// cell escapes what would end a cell of a table.
func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }
