package demo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/examples/notes"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// The example's names.
const (
	appName = "notes"             // at Hush
	appID   = "com.example.notes" // bundle id and package
)

// world is all that runs in the demo.
type world struct {
	dir     string // the server's data and the apps' directories lie below it
	data    string // the server's
	self    string // this program's path
	url     string // the server's
	root    push.Secret
	sendKey push.Secret
	apns    *apnstest.Server
	fcm     *fcmtest.Server
	hush    *client.Client // with the root key
	backend *notes.Backend
	fleet   *phonetest.Fleet
	logs    deviceLogs
	closers []closer // in the order of starting

	mu    sync.Mutex
	paths []*deadSocketPath // guarded by mu: rows are prepared side by side
}

// closer ends one thing that runs.
type closer struct {
	name string
	end  func() error
}

func (w *world) onClose(name string, end func() error) {
	w.closers = append(w.closers, closer{name, end})
}

// close ends everything, last started first. It may be called twice.
func (w *world) close() error {
	var errs []error
	for len(w.closers) > 0 {
		c := w.closers[len(w.closers)-1]
		w.closers = w.closers[:len(w.closers)-1]
		if err := c.end(); err != nil {
			errs = append(errs, fmt.Errorf("demo: ending %s: %w", c.name, err))
		}
	}
	return errors.Join(errs...)
}

// newWorld starts everything but the phones. If it fails, nothing is left running.
func newWorld(ctx context.Context, o Options) (_ *world, err error) {
	w := &world{}
	defer func() {
		if err != nil {
			err = errors.Join(err, w.close())
		}
	}()
	if w.dir, err = os.MkdirTemp("", "hush-"); err != nil { // a short name: it is in the lines to paste
		return nil, fmt.Errorf("demo: a directory: %w", err)
	}
	w.onClose("the directory", func() error { return os.RemoveAll(w.dir) })
	if w.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("demo: finding this program: %w", err)
	}
	w.data = o.DataDir
	if w.data == "" {
		w.data = filepath.Join(w.dir, "server")
	}
	if there, err := os.ReadDir(w.data); err == nil && len(there) > 0 {
		return nil, fmt.Errorf("demo: %s has something in it; want a new or an empty directory: pushes to an earlier demo's phones would never be handled", w.data)
	}
	for _, start := range []func() error{
		w.startProviders,
		func() error { return w.startHush(ctx, o.Listen) },
		func() error { return w.setUp(ctx) },
		w.startBackend,
	} {
		if err := start(); err != nil {
			return nil, err
		}
	}
	w.fleet = phonetest.New(phonetest.Config{
		APNs: phonetest.APNs(w.apns), FCM: phonetest.FCM(w.fcm), OnLog: w.logs.add,
	})
	w.onClose("the network paths", func() error {
		for _, p := range w.paths {
			p.close()
		}
		return nil
	})
	w.onClose("the phones", func() error { w.fleet.Close(); return nil })
	return w, nil
}

// setUp makes the app with its credentials, its resources and the backend's key, as hush app put and its like do.
func (w *world) setUp(ctx context.Context) (err error) {
	if w.hush, err = client.New(client.Config{Server: w.url, Key: w.root}); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	if _, _, err := w.hush.PutApp(ctx, appName); err != nil {
		return fmt.Errorf("demo: making the app: %w", err)
	}
	if err := w.putCredentials(ctx); err != nil {
		return err
	}
	// Usual strategies, but for their budgets: who tries the demo by hand is not to wait an hour for the fourth wake.
	budget := &protocol.Budget{Wakes: 60, Per: "1h", Burst: 20}
	apns, fcm := &protocol.Strategy{TTL: "24h", Budget: budget}, &protocol.Strategy{TTL: "24h", Budget: budget}
	slow := &protocol.Strategy{TTL: "24h", Budget: &protocol.Budget{Wakes: 2, Per: "10s", Burst: 1}}
	for id, r := range map[string]protocol.Resource{
		iosOnly: {APNs: apns}, fcmOnly: {FCM: fcm}, both: {APNs: apns, FCM: fcm}, paced: {APNs: slow, FCM: slow},
	} {
		if _, _, err := w.hush.PutResource(ctx, appName, id, r); err != nil {
			return fmt.Errorf("demo: making the resource %s: %w", id, err)
		}
	}
	key, err := w.hush.CreateKey(ctx, appName, protocol.KeyRequest{Role: push.RoleSend, Name: "demo"})
	if err != nil {
		return fmt.Errorf("demo: making the backend's key: %w", err)
	}
	w.sendKey = push.Secret(key.Secret)
	return nil
}

func (w *world) startBackend() (err error) {
	w.backend, err = notes.StartBackend(notes.BackendConfig{Server: w.url, App: appName, Key: w.sendKey})
	if err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	w.onClose("the backend", w.backend.Close)
	return nil
}

// home returns the directory of the app on a phone.
func (w *world) home(s spec) string { return filepath.Join(w.dir, "phones", s.name()) }

func (w *world) deadSocketPath() (*deadSocketPath, error) {
	p, err := newDeadSocketPath(w.url[len("http://"):])
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.paths = append(w.paths, p)
	return p, nil
}

// waitSession waits until the server would give a push to the phone's session, or would not, by a dry run.
func (w *world) waitSession(ctx context.Context, s spec, open bool) error {
	for {
		d, err := w.hush.DryRun(ctx, appName, protocol.PushRequest{
			To: protocol.Audience{Users: []string{s.name()}}, ResourceID: s.resource,
		})
		if err != nil {
			return fmt.Errorf("asking what a push would do: %w", err)
		}
		if len(d.Deliveries) == 1 && d.Deliveries[0].DeviceID != "" && (d.Deliveries[0].Do == push.DoSession) == open {
			return nil
		}
		select {
		case <-time.After(dryRunEvery):
		case <-ctx.Done():
			return fmt.Errorf("waiting for the server to see the session (open: %v): %w", open, context.Cause(ctx))
		}
	}
}

// dryRunEvery is between two looks; the API has no event for sessions.
const dryRunEvery = 20 * time.Millisecond
