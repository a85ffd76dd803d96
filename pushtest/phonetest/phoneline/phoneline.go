// Package phoneline is the line between a simulated phone and the app that runs on it as a process: what the phone writes
// to the app's standard input and what the app answers on its standard output, one JSON object a line. An app in any
// language can speak it; for apps in Go there is [Serve].
//
//	phone → app   {"id":"1","phone":"p1","event":"push","data":{…},"allowed":"30s"}
//	app → phone   {"id":"1","result":"new_data"}
//
// An app that knows only pushes is complete: it ignores all other events.
package phoneline

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"
)

// MaxLineBytes is the longest line in either direction.
const MaxLineBytes = 1 << 20

// Kind is what happened to an app.
type Kind string

// The kinds of events.
const (
	Launch          Kind = "launch"           // first event of every process; State says whether there is a UI
	State           Kind = "state"            // the app came to the foreground, or left it
	Token           Kind = "token"            // the provider gave a new token
	Push            Kind = "push"             // a push: Data, and the time Allowed
	Disk            Kind = "disk"             // State says that the phone's disk is full, so that an app cannot write, or free again
	DeletedMessages Kind = "deleted_messages" // Android: the provider threw waiting messages away; catch up
)

// App states, as an app sees its own.
const (
	Foreground = "foreground"
	Background = "background"
)

// States of a phone's disk.
const (
	Full = "full"
	Free = "free"
)

// Results of an event. A push wants one of the first three, as Apple names them (UIBackgroundFetchResult); other events
// need no answer, and OK means that the app is done with one.
const (
	NewData = "new_data"
	NoData  = "no_data"
	Failed  = "failed"
	OK      = "ok"
)

// Event is a line from the phone. The fields below Kind belong to the kinds that their comments name.
type Event struct {
	ID          string          `json:"id"`
	Phone       string          `json:"phone"`
	Kind        Kind            `json:"event"`
	Data        json.RawMessage `json:"data,omitempty"`        // push: APNs' whole body, or FCM's data (string to string)
	Allowed     string          `json:"allowed,omitempty"`     // push, deleted_messages: how long the app may run for it from now, as Go writes durations
	Clock       *time.Time      `json:"clock,omitempty"`       // push, deleted_messages: what the phone's clock shows, where it is wrong
	State       string          `json:"state,omitempty"`       // launch, state, disk
	Token       string          `json:"token,omitempty"`       // launch, token: the provider token
	Platform    string          `json:"platform,omitempty"`    // launch: ios or android
	AppID       string          `json:"app,omitempty"`         // launch: bundle id or package
	Environment string          `json:"environment,omitempty"` // launch on iOS: production or development
}

// Answer is a line from the app.
type Answer struct {
	ID     string `json:"id"`
	Result string `json:"result"`
}

// Serve is an app's end of the line: it calls handle for each event and writes what it returns. Events are handled in
// order, except that each event with a time allowed is handled on a goroutine of its own, with a context that ends with that
// time. Serve returns nil when in ends or ctx is over, after the handlers have returned.
func Serve(ctx context.Context, in io.Reader, out io.Writer, handle func(context.Context, Event) string) error {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	defer wg.Wait()
	defer cancel()
	w := &writer{out: out}
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 4096), MaxLineBytes)
	for ctx.Err() == nil && lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var e Event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return fmt.Errorf("phoneline: reading an event: %w", err)
		}
		if e.Allowed == "" {
			w.write(Answer{e.ID, handle(ctx, e)})
			continue
		}
		wg.Go(func() {
			ctx, cancel := Timed(ctx, e.Allowed)
			defer cancel()
			w.write(Answer{e.ID, handle(ctx, e)})
		})
	}
	if err := lines.Err(); err != nil && ctx.Err() == nil {
		return fmt.Errorf("phoneline: reading an event: %w", err)
	}
	return nil
}

// ErrTime is the cause of a push's context that ended with the time allowed.
var ErrTime = errors.New("phoneline: the time allowed for the push is over")

// Timed returns a context that ends with the time allowed for a push, as an event spells it.
func Timed(ctx context.Context, allowed string) (context.Context, context.CancelFunc) {
	d, err := time.ParseDuration(allowed)
	if err != nil || d <= 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, d, ErrTime)
}

type writer struct {
	mu  sync.Mutex
	out io.Writer // guarded by mu: a line is written whole
}

func (w *writer) write(a Answer) {
	b, err := json.Marshal(a)
	if err != nil {
		return // two strings always marshal
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.out.Write(append(b, '\n')) // a phone that no longer reads has ended the app
}
