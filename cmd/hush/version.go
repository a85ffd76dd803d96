package main

import (
	"encoding/json"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// version is set by the Makefile (-ldflags -X) for a released build.
var version = ""

func newVersion(w world) *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use: "version", Short: "Print the version of hush", Args: noArgs,
		Example: "  hush version",
		RunE:    func(*cobra.Command, []string) error { return printVersion(w.stdout, asJSON) },
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "as JSON")
	return cmd
}

func printVersion(to io.Writer, asJSON bool) error {
	v, revision := versionOf()
	if asJSON {
		return json.NewEncoder(to).Encode(map[string]string{"version": v, "revision": revision,
			"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH})
	}
	if revision != "" {
		v += " (" + revision + ")"
	}
	_, err := fmt.Fprintf(to, "hush %s %s %s/%s\n", v, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// versionOf returns the version and the revision of the source, as far as the build knows them.
func versionOf() (v, revision string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return first(version, "unknown"), ""
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			revision = s.Value[:min(len(s.Value), 12)]
		}
	}
	built := info.Main.Version
	if built == "(devel)" {
		built = ""
	}
	return first(version, built, "development"), revision
}
