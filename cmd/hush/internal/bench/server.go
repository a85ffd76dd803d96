package bench

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/config"
	"github.com/hushpush/hush/push"
)

// startServer starts hush serve with its defaults, but for where things are and a quiet log. env is added to its environment.
func (r *rig) startServer(ctx context.Context, env ...string) error {
	cmd := exec.Command(r.self, "serve")
	cmd.Env = slices.Concat(r.serverEnviron(os.Environ()), env)
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

// serverEnviron returns the environment of the measured server. Whatever settings it would inherit, it has its defaults, but
// for where things are and a quiet log.
func (r *rig) serverEnviron(inherited []string) []string {
	return append(config.WithoutSettings(inherited), config.Environ(config.Config{
		Data: r.data(), Listen: "127.0.0.1:0", Database: push.Secret(r.database),
		APNs: config.APNs{URL: r.appleURL(), CA: r.ca()}, Log: config.Log{Level: slog.LevelWarn},
	})...)
}
