//go:build unix

package internal_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/pushtest/hushtest"
)

// foreign lists first keys of YAML that other programs read. Such YAML is only parsed.
var foreign = map[string]string{
	"services":       "Docker Compose",
	"scrape_configs": "Prometheus",
	"groups":         "Prometheus' rules",
	"apiVersion":     "Kubernetes",
}

// workflow is the part of a GitHub workflow that a test runs.
type workflow struct {
	Jobs map[string]struct {
		Steps []struct{ Name, Uses, Run string }
	}
}

func TestTheDocsYAMLIsServedWithOrRun(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		blocks := in("yaml", blocksOf(t, page))
		for _, b := range blocks {
			t.Run(b.String(), func(t *testing.T) {
				t.Parallel()
				var keys map[string]any
				if err := yaml.Unmarshal([]byte(b.text), &keys); err != nil {
					t.Fatalf("%s is no YAML: %v", b, err)
				}
				var jobs workflow
				if err := yaml.Unmarshal([]byte(b.text), &jobs); err == nil && len(jobs.Jobs) > 0 {
					newBed(t, blocks).work(t, b, jobs)
					return
				}
				for key := range keys {
					if foreign[key] != "" {
						return
					}
				}
				newBed(t, blocks).serve(t, b)
			})
		}
	}
}

// serve starts a server with the block as its settings file.
func (b *bed) serve(t *testing.T, settings block) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(b.dir, "hush.yaml"), []byte(b.moved(settings.text)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.run(t, "bash", b.typed("hush serve --config hush.yaml\n"), fmt.Sprint(settings, ", as the file of --config (YAML of another program is named in foreign, internal/pasteyaml_test.go)"))
}

// work runs a workflow's steps as GitHub does, each in a bash of its own, and leaves out steps that use an action. Processes
// that the steps have started end with the runner.
func (b *bed) work(t *testing.T, at block, w workflow) {
	t.Helper()
	for _, name := range slices.Sorted(maps.Keys(w.Jobs)) {
		var script strings.Builder
		for i, step := range w.Jobs[name].Steps {
			if step.Run == "" {
				continue
			}
			file := filepath.Join(t.TempDir(), fmt.Sprint("step", i))
			if err := os.WriteFile(file, []byte(b.typed(step.Run)), 0o600); err != nil {
				t.Fatal(err)
			}
			fmt.Fprintf(&script, "echo '=== step %d'\nbash -e %q\n", i+1, file)
		}
		b.run(t, "bash", script.String(), fmt.Sprintf("%s, job %s", at, name))
	}
}

func TestTheDocsJSONIsTakenByAServer(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		for _, b := range in("json", blocksOf(t, page)) {
			for lines := json.NewDecoder(strings.NewReader(b.text)); lines.More(); {
				var raw json.RawMessage
				if err := lines.Decode(&raw); err != nil {
					t.Errorf("%s is no JSON: %v", b, err)
					break
				}
				var resource protocol.Resource
				strict := json.NewDecoder(bytes.NewReader(raw))
				strict.DisallowUnknownFields()
				if strict.Decode(&resource) != nil || resource.APNs == nil && resource.FCM == nil {
					continue
				}
				if _, _, err := hushtest.Start(t).PutResource(t.Context(), hushtest.App, "pasted", resource); err != nil {
					t.Errorf("%s: a server refuses this resource: %v", b, err)
				}
			}
		}
	}
}
