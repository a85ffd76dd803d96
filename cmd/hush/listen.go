package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func newListen(w world) *cobra.Command {
	var filter client.EventFilter
	cmd, r := w.client(&cobra.Command{
		Use: "listen", Short: "Show what happens in an app, live", Args: noArgs,
		Long: `Show each event in an app as it is committed, from now on. Each event is a line: the time, the event, the push, its
resource, the device and its user, and the rest of the timeline's entry. Filters may be repeated; an event must match one
filter of each kind that is given. "hush trace PUSH_ID" shows a push's whole timeline.

With --json each event is a line of JSON, as the API sends it. If the server goes away, the command waits for it; events
until it is back are not shown. Ctrl-C ends the command, with exit status 0.`,
		Example: "  hush listen --app notes\n  hush listen --app notes --user alice --state undeliverable --state expired\n  hush listen --app notes --json",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		width, _, _ := terminalSize(r.w.stdout)
		l := &listening{r: r, style: r.w.style(), width: width}
		err := l.follow(ctx, filter)
		if ctx.Err() != nil { // stopping it is how people end it
			r.answer = nil // of an attempt to reach the server; with --json there are events alone
			return nil
		}
		return err
	})
	fs := cmd.Flags()
	fs.StringArrayVar(&filter.Users, "user", nil, "only what happens for this user (repeatable)")
	fs.StringArrayVar(&filter.Devices, "device", nil, "only what happens on this device (repeatable)")
	fs.StringArrayVar(&filter.Resources, "resource", nil, "only pushes under this resource (repeatable)")
	addChoices(cmd, &filter.States, "state", "only events with which a delivery stands in this state (repeatable)", stateNames()...)
	r.offerFlag(cmd, "resource", true, resourceNames)
	for flag, field := range map[string]string{"user": "query.user", "device": "query.device", "resource": "query.resource", "state": "query.state"} {
		becomes(cmd, flag, field)
	}
	fs.Lookup("json").Usage = "a line of JSON per event"
	return cmd
}

func stateNames() []string {
	var names []string
	for _, s := range push.States() {
		names = append(names, string(s))
	}
	return names
}

// listening prints the events of an app.
type listening struct {
	r     *remote
	style terminal.Style
	width int       // of the terminal; 0: none, and lines are as long as they are
	began bool      // the server was there
	away  time.Time // since when it is not; zero while it is
}

// awayRest is the time between two attempts to reach a server that has gone away, beside the client's own.
const awayRest = time.Second

// follow prints what happens. A server that goes away later than at first is waited for.
func (l *listening) follow(ctx context.Context, filter client.EventFilter) error {
	for {
		err := l.r.Listen(ctx, l.r.app, filter, l.put)
		var refused *client.Error
		away := errors.Is(err, client.ErrUnreachable) || errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable
		if !away || !l.began || ctx.Err() != nil {
			return err
		}
		if l.away.IsZero() {
			l.away = time.Now()
			l.warn("the server has gone away; waiting for it")
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(awayRest):
		}
	}
}

// warn prints what is not an event on standard error. Standard output has events alone.
func (l *listening) warn(format string, args ...any) {
	fmt.Fprintf(l.r.w.stderr, "hush: "+format+"\n", args...)
}

func (l *listening) put(e protocol.AppEvent) error {
	switch e.Event.Event {
	case push.EventBegan:
		l.begin()
		return nil
	case push.EventMissed:
		l.warn("%d events were missed: they came faster than they were read", e.Count)
		if !l.r.json {
			return nil
		}
	}
	if l.r.json {
		return json.NewEncoder(l.r.w.stdout).Encode(e)
	}
	_, err := fmt.Fprintln(l.r.w.stdout, timeline.AppEvent(e, l.width, l.style))
	return err
}

func (l *listening) begin() {
	if !l.began {
		fmt.Fprintf(l.r.w.stderr, "listening to app %s on %s; Ctrl-C ends it\n", clean(l.r.app), clean(l.r.server))
	} else {
		l.warn("listening again; what happened while the connection was lost is not shown")
	}
	l.began, l.away = true, time.Time{}
}
