package bench

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/push"
)

// startServer starts hush serve with its defaults, but for where things are and a quiet log. env is added to its environment.
func (r *rig) startServer(ctx context.Context, env ...string) error {
	cmd := exec.Command(r.self, "serve", "--data", r.data(), "--listen", "127.0.0.1:0", "--log-level", "warn",
		"--apns-url", r.appleURL(), "--apns-ca", r.ca())
	cmd.Env = append(withoutSettings(os.Environ()), env...)
	if r.database != "" {
		cmd.Env = append(cmd.Env, "HUSH_DATABASE="+r.database) // not on the command line: it may have a password
	}
	p, err := start(ctx, cmd, nil)
	if err != nil {
		return err
	}
	r.server = p
	if r.post != nil { // it has started before
		r.post.close()
		r.post = r.newPoster()
	}
	root, err := os.ReadFile(filepath.Join(r.data(), "root.key"))
	if err != nil {
		return fmt.Errorf("bench: the root key: %w", err)
	}
	r.hush, err = client.New(client.Config{
		Server: "http://" + p.addr, Key: push.Secret(strings.TrimSpace(string(root))),
		HTTP: &http.Client{Timeout: setupWait, Transport: &http.Transport{MaxIdleConnsPerHost: setupWorkers}},
	})
	return err
}

// withoutSettings is an environment without those of a server: what is measured is a server with its defaults.
func withoutSettings(environ []string) (rest []string) {
	settings := map[string]bool{"HUSH_SECRET_KEY": true}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.AddFlags(flags)
	flags.VisitAll(func(f *pflag.Flag) {
		settings["HUSH_"+strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))] = true
	})
	for _, variable := range environ {
		if name, _, _ := strings.Cut(variable, "="); !settings[name] {
			rest = append(rest, variable)
		}
	}
	return rest
}
