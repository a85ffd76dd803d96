package internal_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// testOnly are modules that only tests or tools need. If this module required them, whoever imports the SDK or the client
// would have to settle on a version of each; so they belong to a module beside this one.
var testOnly = []string{
	"firebase.google.com/go/v4", "github.com/sideshow/apns2", "golang.org/x/oauth2", "google.golang.org/api", "google.golang.org/grpc",
	"honnef.co/go/tools", "github.com/spf13/viper",
}

func TestOurModuleHasWhatTheServerAndItsUsersNeed(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	for _, module := range testOnly {
		if strings.Contains(string(file), "\t"+module+" ") {
			t.Errorf("go.mod requires %s; let what needs it stand in a module of its own, as pushtest/senders does", module)
		}
	}
}

func TestEveryModuleIsRenewed(t *testing.T) {
	t.Parallel()
	var config struct {
		Updates []struct {
			Ecosystem   string   `yaml:"package-ecosystem"`
			Directories []string `yaml:"directories"`
			Schedule    struct{ Interval string }
			Groups      map[string]any
		}
	}
	text, err := os.ReadFile("../.github/dependabot.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &config); err != nil {
		t.Fatal(err)
	}
	var renewed []string
	for _, u := range config.Updates {
		if u.Ecosystem == "gomod" {
			renewed = append(renewed, u.Directories...)
		}
		if u.Schedule.Interval != "weekly" || len(u.Groups) != 1 {
			t.Errorf("%s: renewed %s in %d groups; want weekly, all at once", u.Ecosystem, u.Schedule.Interval, len(u.Groups))
		}
	}
	modules := ourModules(t)
	slices.Sort(renewed)
	if !slices.Equal(renewed, modules) {
		t.Errorf(".github/dependabot.yml renews %v, want all modules: %v", renewed, modules)
	}
}

func TestEveryModuleIsChecked(t *testing.T) {
	t.Parallel()
	out, err := exec.CommandContext(t.Context(), "make", "-s", "--no-print-directory", "-C", "..", "modules").Output()
	if err != nil {
		t.Fatalf("make modules: %v", err)
	}
	checked := []string{"/"} // by name in each target
	for _, module := range strings.Fields(string(out)) {
		checked = append(checked, "/"+module)
	}
	slices.Sort(checked)
	if modules := ourModules(t); !slices.Equal(checked, modules) {
		t.Errorf("make check goes into %v, want all modules: %v", checked, modules)
	}
}

// ourModules returns the folders with a go.mod, in order, from the root "/" on.
func ourModules(t *testing.T) (modules []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(file string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{".git", "bin"}, d.Name()):
			return fs.SkipDir
		case d.Name() == "go.mod":
			modules = append(modules, path.Join("/", strings.TrimPrefix(filepath.ToSlash(filepath.Dir(file)), "..")))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(modules)
	return modules
}
