package worldtest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// DefaultAppID is the bundle id and package of the app on all phones, if nobody says otherwise.
const DefaultAppID = "com.example.notes"

// MemoryLimit is what hush sim world has the garbage collector keep to (see debug.SetMemoryLimit): with a hundred thousand
// phones it would else let twice as much gather as there is in use.
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
	// AllEvents has the app told of its launches, states and tokens too; else it is told of pushes and deleted messages only.
	AllEvents bool
}

// World is a running world. Its methods may be called from any number of goroutines.
type World struct {
	APNs   *apnstest.Server
	FCM    *fcmtest.Server
	Phones *phonetest.Fleet

	app       phonetest.App
	appID     string
	allEvents bool
	inOrder   bool
	control   *simkit.Control
	controlLn net.Listener

	mu    sync.RWMutex // held to read by whoever works on a phone, to write while time or everything is changed
	close sync.Once
}

// Start runs a world until Close. If it fails, nothing is left running; a port in use is said in words.
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
	w := &World{app: cfg.App, appID: cfg.AppID, allEvents: cfg.AllEvents}
	if w.appID == "" {
		w.appID = DefaultAppID
		if len(cfg.APNs.Topics) > 0 {
			w.appID = cfg.APNs.Topics[0]
		}
	}
	if w.app == nil {
		w.app = phonetest.InProcess(newLogger)
	}
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
	if w.inOrder = cfg.Seed != 0 && cfg.App == nil; w.inOrder {
		w.APNs.StopClock()
		w.FCM.StopClock()
	}
	w.Phones = phonetest.New(phonetest.Config{
		APNs: phonetest.APNs(w.APNs), FCM: phonetest.FCM(w.FCM), Rules: rules,
		Seed: cfg.Seed, InOrder: w.inOrder,
	})
	w.control = w.newControl()
	if cfg.Control == "" {
		return nil
	}
	if err := simkit.CheckAddress("Control", "control", cfg.Control); err != nil {
		return fmt.Errorf("worldtest: %w", err)
	}
	if w.controlLn, err = simkit.Listen(cfg.Control, "control"); err != nil {
		return fmt.Errorf("worldtest: %w", err)
	}
	w.control.Serve(w.controlLn)
	return nil
}

// underFlag is an error of a simulator's address under the flag that this command has for it; other errors stay.
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

// ControlAddr is the control API's "host:port", "" without one.
func (w *World) ControlAddr() string {
	if w.controlLn == nil {
		return ""
	}
	return w.controlLn.Addr().String()
}

// ReadyLine is what "hush sim world" prints first, without the line break.
func (w *World) ReadyLine() string {
	line := "ready apns=" + w.APNs.Addr() + " fcm=" + w.FCM.Addr()
	if w.controlLn != nil {
		line += " control=" + w.ControlAddr()
	}
	return line
}

// Advance moves the time of the whole world ahead: storage, expiry, quotas, pacing, Doze. It goes from one thing that is due
// on a phone to the next, so that a jump has the effects that waiting would have had, and returns when all of them have
// begun.
func (w *World) Advance(by time.Duration) time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Phones.AdvanceWith(by, w.APNs.Advance, w.FCM.Advance)
	return w.Phones.Now()
}

// settleTurns waits, where the phones take turns, for what has been sent before.
func (w *World) settleTurns(ctx context.Context) error {
	if !w.inOrder {
		return nil
	}
	return w.Phones.Settle(ctx)
}

// Reset puts all phones away and everything else back as at the start. Connections and OAuth tokens stay.
func (w *World) Reset() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Phones.Reset()
	w.APNs.Reset()
	w.FCM.Reset()
}

// Rules is the table of both providers and of the phones; the switches' names are as --set takes them.
func Rules() simkit.Rules {
	var all simkit.Rules
	for _, part := range []struct {
		name  string
		rules simkit.Rules
	}{{"apns/", apnstest.Rules()}, {"fcm/", fcmtest.Rules()}, {"", phonetest.Table()}} {
		for _, r := range part.rules {
			r.Name = part.name + r.Name
			all = append(all, r)
		}
	}
	return all
}

// splitSwitches sorts "NAME=VALUE" by whose switch it is; no name is used twice.
func splitSwitches(sets []string) (apns, fcm, phones []string, err error) {
	lists := map[string]*[]string{}
	for _, part := range []struct {
		rules simkit.Rules
		list  *[]string
	}{{apnstest.Rules(), &apns}, {fcmtest.Rules(), &fcm}, {phonetest.Table(), &phones}} {
		for _, r := range part.rules {
			lists[r.Switch] = part.list
		}
	}
	for _, set := range sets {
		name, _, ok := strings.Cut(set, "=")
		list := lists[name]
		switch {
		case !ok:
			return nil, nil, nil, fmt.Errorf("worldtest: set %q: want NAME=VALUE", set)
		case name == "" || list == nil:
			return nil, nil, nil, fmt.Errorf("worldtest: %w", simkit.UnknownSwitch(Rules(), set))
		}
		*list = append(*list, set)
	}
	return apns, fcm, phones, nil
}

// problemOf makes an answer of the control API out of why a phone could not be made or changed.
func problemOf(err error, field string) error {
	var p *rest.Problem
	if !errors.As(err, &p) {
		return rest.InvalidField("body."+field, err.Error())
	}
	out := *p
	out.Errors = nil
	for _, e := range p.Errors {
		if e.Location == "body.topic" || e.Location == "body.package" {
			e.Location = "body.app"
		}
		out.Errors = append(out.Errors, e)
	}
	out.Detail = cmp.Or(rest.Invalid(out.Errors...).Detail, p.Detail)
	return &out
}
