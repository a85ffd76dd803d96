package worldtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// DefaultAppID is the bundle id and package of the app on all phones, if nobody says otherwise.
const DefaultAppID = "com.example.notes"

// MemoryLimit is the garbage collector's limit in hush sim world (see debug.SetMemoryLimit). Without it, a hundred thousand phones
// would take twice the memory that is in use.
const MemoryLimit = 850 << 20

// Config is what a world is started with. The zero value is a good one, but for the providers' usual ports.
type Config struct {
	APNs apnstest.Config // Control, Set, Seed and Logger in it are the world's, below
	FCM  fcmtest.Config  // the same

	Control string // for the control API of all of it, plain HTTP; "" means none
	Set     []string
	Seed    uint64       // varies what is left open, of the providers and the phones; 0 varies nothing
	Logger  *slog.Logger // nil discards

	// App is the app on every phone. nil: one without a process, which writes each push to its device log and answers
	// new_data. With a Seed and without an App the phones take turns, and time stands still but for Advance, so that one
	// client's script has the same effects, in the same order, at each run.
	App phonetest.App
	// AppID is its bundle id and package. "": the first of APNs.Topics or, without one, DefaultAppID.
	AppID string
	// AllEvents sends the app its launches, states and tokens too; without it, the app gets pushes and deleted messages only.
	AllEvents bool
}

// World is a running world. Its methods may be called from any number of goroutines.
type World struct {
	APNs   *apnstest.Server
	FCM    *fcmtest.Server
	Phones *phonetest.Fleet

	clock   *clock
	roster  *roster
	control *control
	close   sync.Once
}

// Start runs a world until Close. If it fails, nothing is left running. Its error says in words that a port is in use.
func Start(cfg Config) (*World, error) {
	apns, fcm, phones, err := splitSwitches(cfg.Set)
	if err != nil {
		return nil, err
	}
	rules, err := phonetest.NewRules(phones, cfg.Seed)
	if err != nil {
		return nil, err
	}
	cfg.APNs.Set, cfg.APNs.Seed, cfg.APNs.Logger, cfg.APNs.Control = apns, cfg.Seed, cfg.Logger, ""
	cfg.FCM.Set, cfg.FCM.Seed, cfg.FCM.Logger, cfg.FCM.Control = fcm, cfg.Seed, cfg.Logger, ""
	if cfg.AppID == "" {
		cfg.AppID = DefaultAppID
		if len(cfg.APNs.Topics) > 0 {
			cfg.AppID = cfg.APNs.Topics[0]
		}
	}
	w := &World{}
	if err := w.start(cfg, rules); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

func (w *World) start(cfg Config, rules phonetest.Rules) (err error) {
	if w.APNs, err = apnstest.Start(cfg.APNs); err != nil {
		return underFlag(err, "apns-listen")
	}
	if w.FCM, err = fcmtest.Start(cfg.FCM); err != nil {
		return underFlag(err, "fcm-listen")
	}
	inOrder := cfg.Seed != 0 && cfg.App == nil
	if inOrder {
		w.APNs.StopClock()
		w.FCM.StopClock()
	}
	if cfg.App == nil {
		cfg.App = phonetest.InProcess(newLogger)
	}
	w.Phones = phonetest.New(phonetest.Config{
		APNs: phonetest.APNs(w.APNs), FCM: phonetest.FCM(w.FCM), Rules: rules,
		Seed: cfg.Seed, InOrder: inOrder,
	})
	both := providers{w.APNs, w.FCM}
	w.clock = &clock{providers: both, phones: w.Phones, inOrder: inOrder}
	w.roster = &roster{
		fleet: w.Phones, providers: both, clock: w.clock,
		app: cfg.App, appID: cfg.AppID, allEvents: cfg.AllEvents,
	}
	w.control = newControl(both, w.roster, w.clock)
	if cfg.Control == "" {
		return nil
	}
	return w.control.serve(cfg.Control)
}

// underFlag returns an error of a simulator's address with the flag that this command has for it; it returns other errors as
// they are.
func underFlag(err error, flag string) error {
	var address *simkit.AddressError
	if !errors.As(err, &address) {
		return err
	}
	named := *address
	named.Flag = flag
	return fmt.Errorf("worldtest: %w", &named)
}

// Close ends the control API, all apps and phones, and the providers. It may be called twice.
func (w *World) Close() {
	w.close.Do(func() {
		if w.control != nil {
			w.control.Close()
		}
		if w.Phones != nil {
			w.Phones.Close()
		}
		if w.FCM != nil {
			w.FCM.Close()
		}
		if w.APNs != nil {
			w.APNs.Close()
		}
	})
}

// ControlAddr returns the control API's "host:port", "" without one.
func (w *World) ControlAddr() string { return w.control.addr() }

// ControlHandler returns the control API as a handler, for tests that mount it on a server of their own.
func (w *World) ControlHandler() http.Handler { return w.control }

// ReadyLine returns what "hush sim world" prints first, without the line break.
func (w *World) ReadyLine() string {
	line := "ready apns=" + w.APNs.Addr() + " fcm=" + w.FCM.Addr()
	if addr := w.ControlAddr(); addr != "" {
		line += " control=" + addr
	}
	return line
}

// Advance moves the time of the whole world ahead: storage, expiry, quotas, pacing, Doze. It goes from one thing that is due
// on a phone to the next, so that a jump has the effects that waiting would have had, and returns when all of them have
// begun.
func (w *World) Advance(by time.Duration) time.Time { return w.clock.advance(by) }

// Reset puts all phones away and everything else back as at the start. Connections and OAuth tokens stay.
func (w *World) Reset() { w.clock.reset() }

// Add puts a phone into the world, as [phonetest.Fleet.Add] does; what the spec leaves out of App, AppID and Environment is
// the world's.
func (w *World) Add(ctx context.Context, s phonetest.Spec) (*phonetest.Phone, error) {
	return w.roster.add(ctx, s)
}
