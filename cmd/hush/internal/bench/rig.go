package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// The app's names.
const (
	appName    = "bench"             // at Hush
	bundleID   = "com.example.bench" // its topic at APNs
	resourceID = "wake"
)

// setupWait bounds each request of the set-up. An import of very many devices is one of them.
const setupWait = 10 * time.Minute

// rig is what a benchmark stands on.
type rig struct {
	options  Options
	self     string // this program
	dir      string // everything that is written lies below it
	database string // URL of the database that was made for the run; "": SQLite
	apple    *process
	server   *process
	hush     *client.Client // with the root key
	sendKey  push.Secret    // of a backend; "" until there is one
	post     *poster
	closers  []func() error // in the order of starting
}

// newRig makes a directory and starts APNs' stand-in; each gets the wakes that come to it, nil: nobody. If it fails, nothing
// is left running. close ends everything.
func newRig(ctx context.Context, o Options, each func(arrival)) (_ *rig, err error) {
	r := &rig{options: o}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if r.self, err = os.Executable(); err != nil {
		return nil, fmt.Errorf("bench: finding this program: %w", err)
	}
	if r.dir, err = os.MkdirTemp("", "hush-bench-"); err != nil {
		return nil, fmt.Errorf("bench: a directory: %w", err)
	}
	r.onClose(func() error { return os.RemoveAll(r.dir) })
	cmd, err := role{Apple: &appleRole{CA: r.ca()}}.command(r.self)
	if err != nil {
		return nil, err
	}
	if each == nil {
		each = func(arrival) {}
	}
	r.apple, err = start(ctx, cmd, func(out *bufio.Reader) error { return readArrivals(out, each) })
	if err != nil {
		return nil, err
	}
	r.onClose(func() error { r.apple.stop(); return nil })
	return r, nil
}

func (r *rig) onClose(end func() error) { r.closers = append(r.closers, end) }

// close ends everything, last started first. It may be called twice.
func (r *rig) close() error {
	var errs []error
	for len(r.closers) > 0 {
		end := r.closers[len(r.closers)-1]
		r.closers = r.closers[:len(r.closers)-1]
		errs = append(errs, end())
	}
	return errors.Join(errs...)
}

func (r *rig) ca() string       { return filepath.Join(r.dir, "ca.pem") }
func (r *rig) data() string     { return filepath.Join(r.dir, "data") }
func (r *rig) appleURL() string { return "https://" + r.apple.addr }

// withServer returns a rig with a server, an app with credentials, and a resource for wakes.
func withServer(ctx context.Context, o Options, each func(arrival)) (_ *rig, err error) {
	o.progress("starting a server and an APNs")
	r, err := newRig(ctx, o, each)
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, r.close())
		}
	}()
	if err := r.makeDatabase(ctx); err != nil {
		return nil, err
	}
	if err := r.startServer(ctx); err != nil {
		return nil, err
	}
	r.onClose(func() error { r.server.stop(); return nil })
	return r, r.setUp(ctx)
}

// setUp makes the app, as hush app put and its like do. The budget is one that no benchmark exhausts.
func (r *rig) setUp(ctx context.Context) error {
	if _, _, err := r.hush.PutApp(ctx, appName); err != nil {
		return fmt.Errorf("bench: making the app: %w", err)
	}
	key, err := signingKey()
	if err != nil {
		return err
	}
	if _, _, err := r.hush.PutAPNs(ctx, appName, protocol.APNsProvider{
		Key: key, KeyID: "HUSHBENCH1", TeamID: "HUSHTEAM01", Topics: []string{bundleID},
	}); err != nil {
		return fmt.Errorf("bench: storing the APNs credential: %w", err)
	}
	strategy := &protocol.Strategy{TTL: "24h", Budget: &protocol.Budget{Wakes: 60, Per: "1h", Burst: 30}}
	if _, _, err := r.hush.PutResource(ctx, appName, resourceID, protocol.Resource{APNs: strategy}); err != nil {
		return fmt.Errorf("bench: making the resource: %w", err)
	}
	sendKey, err := r.hush.CreateKey(ctx, appName, protocol.KeyRequest{Role: push.RoleSend, Name: "bench"})
	if err != nil {
		return fmt.Errorf("bench: making a key: %w", err)
	}
	r.sendKey = push.Secret(sendKey.Secret)
	r.post = r.newPoster()
	r.onClose(func() error { r.post.close(); return nil })
	return nil
}

// spent is what the server's process had used before and after something.
type spent struct {
	before, after usage
	measured      bool // false: the system does not say
}

// measure does some work and returns what it cost the server. It waits before and after until nothing is under way there.
func (r *rig) measure(ctx context.Context, work func() error) (spent, error) {
	return r.measureUntil(ctx, func() error {
		if err := work(); err != nil {
			return err
		}
		return quiet(ctx, r.server.PID())
	})
}

// measureUntil does what measure does, for work after which the server goes on with something else that must not be counted.
func (r *rig) measureUntil(ctx context.Context, work func() error) (s spent, err error) {
	if err := quiet(ctx, r.server.PID()); err != nil {
		return s, err
	}
	forgetPeak(r.server.PID())
	s.before, s.measured = usageOf(r.server.PID())
	err = work()
	s.after, _ = usageOf(r.server.PID())
	return s, err
}

// title returns the name of a user and of its device.
func title(device int) string { return fmt.Sprintf("device-%d", device) }
