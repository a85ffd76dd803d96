// Command page replaces the table of settings in docs/operations.md with the one that the server runs by:
//
//	go run ./internal/config/page docs/operations.md
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/hushpush/hush/internal/config"
)

// The table stands between these lines.
const (
	begin = "<!-- settings: written by make generate -->\n"
	end   = "<!-- end of settings -->\n"
)

func main() {
	if err := replace(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "page:", err)
		os.Exit(1)
	}
}

func replace(file string) error {
	page, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	before, rest, begins := strings.Cut(string(page), begin)
	_, after, ends := strings.Cut(rest, end)
	if !begins || !ends {
		return fmt.Errorf("%s has no lines %q and %q", file, begin, end)
	}
	return os.WriteFile(file, []byte(before+begin+config.Table()+end+after), 0o644)
}
