package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// rulesPage is a table of rules as the page in docs/generated shows it.
type rulesPage struct {
	title   string
	command string // that prints it, and switches its rules
	rules   apnstest.RuleTable
	shown   apnstest.RuleTable // on the page
}

var (
	apnsPage = rulesPage{"The rules of the APNs simulator", "hush sim apns", apnstest.Rules(), apnstest.Rules()}
	fcmPage  = rulesPage{"The rules of the FCM simulator", "hush sim fcm", fcmtest.Rules(), fcmtest.Rules()}

	// The rules of a world are those of both providers too, which have pages of their own.
	worldPage = rulesPage{"The rules of the phones", "hush sim world", worldtest.Rules(), phonetest.Table()}
)

// write prints the page in Markdown, with the defaults.
func (p rulesPage) write(to io.Writer) error {
	var page strings.Builder
	fmt.Fprintf(&page, "# %s\n\n", p.title)
	fmt.Fprintf(&page, "Written by `make generate` from the table that the command runs by; `%s --rules` prints it too. A rule with a\n", p.command)
	fmt.Fprintf(&page, "switch can be changed: `%s --set NAME=VALUE`. With `--seed N` it takes one of the values in the last column, the\n", p.command)
	page.WriteString("same one for the same number.\n\n")
	page.WriteString("| rule | how certain | source | switch and default | with a seed |\n| --- | --- | --- | --- | --- |\n")
	for _, r := range p.shown {
		change := ""
		if r.Switch != "" {
			change = "`" + r.Switch + "=" + r.Default + "`"
			if r.Words != nil {
				change += " of " + quoted(r.Words)
			}
		}
		fmt.Fprintf(&page, "| %s | %s | %s | %s | %s |\n", cell(r.Text), cell(string(r.Certain)), cell(r.Source), cell(change), cell(quoted(r.Varies)))
	}
	_, err := io.WriteString(to, page.String())
	return err
}

// quoted lists values so that they can be told apart.
func quoted(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return "`" + strings.Join(values, "`, `") + "`"
}

// cell keeps a text within its cell of a Markdown table.
func cell(s string) string { return strings.NewReplacer("|", `\|`, "<", "&lt;", "\n", " ").Replace(s) }
