package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// pushFlags is what hush push was told.
type pushFlags struct {
	to          []string
	request     protocol.PushRequest
	payloadFile string
	key         string
}

func newPush(w world) *cobra.Command {
	var f pushFlags
	cmd, r := w.client(&cobra.Command{
		Use: "push", Short: "Send a push", Args: pushArgs,
		Long: `Send a push. When the answer comes, the push is committed and flushed to the server's disk; "hush trace" shows what becomes
of it. --to is user:U, device:D, tag:T (users with any of the tags) or all; the first three may be repeated, but not mixed.

For tags and all, the server makes the deliveries after that answer. The command shows how many are made, in which states
and how fast, until all are made; on a terminal it redraws in place. Ctrl-C or SIGTERM ends the command, and does not affect
the push. With --json the answer is printed at once.`,
		Example: `  hush push --app notes --to user:alice --resource both \
    --payload '{"cursor":1841}'
  hush push --app notes --to tag:beta --resource both --payload-file note.json
  hush push --app notes --to user:alice --resource both --dry-run
  hush push list --app notes --state expired --after today`,
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		if err := f.read(w, time.Now()); err != nil {
			return err
		}
		if f.request.DryRun {
			return dryRun(ctx, r, f.request)
		}
		var opts []client.PushOption
		if f.key != "" {
			opts = append(opts, client.IdempotencyKey(f.key))
		}
		accepted, err := one(ctx, r, func(ctx context.Context) (protocol.PushAccepted, error) {
			return r.Push(ctx, r.app, f.request, opts...)
		})
		if err != nil {
			return err
		}
		if !r.json {
			sayAccepted(ctx, r, accepted, f.request.DeliverAt)
		}
		return nil
	})
	f.addTo(cmd)
	r.offerFlag(cmd, "resource", true, resourceNames)
	_ = cmd.RegisterFlagCompletionFunc("to", offerAudience) // it fails only for a flag that does not exist
	cmd.AddCommand(newPushList(w))
	return cmd
}

func (f *pushFlags) addTo(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringArrayVar(&f.to, "to", nil, "user:U, device:D, tag:T or all (repeatable)")
	fs.StringVar(&f.request.ResourceID, "resource", "", "the resource it goes under")
	fs.StringVar(&f.request.Payload, "payload", "", "what the handler gets, byte for byte; UTF-8, at most 64 KiB")
	fs.StringVar(&f.payloadFile, "payload-file", "", "the same from a file; - is standard input")
	fs.StringVar(&f.request.TTL, "ttl", "", "how long it lives, 0s (now or never) to 672h (default the strategy's)")
	fs.StringVar(&f.request.CollapseKey, "collapse-key", "", "of open pushes with the same key, a device keeps the newest")
	addChoice(cmd, &f.request.Deliver, "deliver", "auto (default), session (only to apps in the foreground) or wake (also beside a session)",
		"auto", "session", "wake")
	fs.StringVar(&f.request.DeliverAt, "deliver-at", "", "a time (RFC 3339), or how long from now (such as 10m)")
	fs.BoolVar(&f.request.DryRun, "dry-run", false, "say per device what would be done, and do nothing")
	fs.StringVar(&f.key, "idempotency-key", "", "the same key with the same push, sent again, makes no second one")
	for flag, field := range map[string]string{"to": "body.to", "resource": "body.resource_id", "payload": "body.payload", "payload-file": "body.payload",
		"ttl": "body.ttl", "collapse-key": "body.collapse_key", "deliver": "body.deliver", "deliver-at": "body.deliver_at", "dry-run": "body.dry_run",
		"idempotency-key": "header.Idempotency-Key"} {
		becomes(cmd, flag, field)
	}
}

// read makes the request of the flags.
func (f *pushFlags) read(w world, now time.Time) (err error) {
	if f.request.To, err = parseAudience(f.to); err != nil {
		return err
	}
	if f.request.ResourceID == "" {
		return usagef("no resource is given; want --resource NAME")
	}
	if f.payloadFile != "" {
		if f.request.Payload != "" {
			return usagef("--payload and --payload-file are both given; want one of them")
		}
		payload, err := w.readFile("payload-file", f.payloadFile)
		if err != nil {
			return err
		}
		f.request.Payload = string(payload)
	}
	if !utf8.ValidString(f.request.Payload) {
		flag := "payload"
		if f.payloadFile != "" {
			flag = "payload-file"
		}
		return usagef("--%s is not UTF-8; want UTF-8, or an encoding of it such as base64", flag)
	}
	if f.request.DeliverAt == "" {
		return nil
	}
	wait, err := time.ParseDuration(f.request.DeliverAt)
	if err == nil {
		f.request.DeliverAt = now.Add(wait).UTC().Format(time.RFC3339Nano)
	} else if _, err = time.Parse(time.RFC3339, f.request.DeliverAt); err != nil {
		return usagef("--deliver-at is %q; want a time such as 2027-01-02T15:04:05Z, or a while from now such as 10m", f.request.DeliverAt)
	}
	return nil
}

// pushArgs refuses arguments, and knows an audience when it sees one.
func pushArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		if _, err := parseAudience(args[:1]); err == nil {
			return usagef("'%s' does not know %q; did you mean --to %s?", cmd.CommandPath(), args[0], args[0])
		}
	}
	return noArgs(cmd, args)
}

// parseAudience reads --to. Which ids exist, and how many there may be, is for the server to say.
func parseAudience(to []string) (protocol.Audience, error) {
	var a protocol.Audience
	kinds := map[string]bool{}
	for _, t := range to {
		kind, id, named := strings.Cut(t, ":")
		if named == (kind == "all") || named && id == "" {
			return a, usagef("--to is %q; want user:U, device:D, tag:T or all", t)
		}
		switch kind {
		case "user":
			a.Users = append(a.Users, id)
		case "device":
			a.Devices = append(a.Devices, id)
		case "tag":
			if a.Tags == nil {
				a.Tags = &protocol.TagRule{}
			}
			a.Tags.Any = append(a.Tags.Any, id)
		case "all":
			a.All = true
		default:
			return a, usagef("--to is %q; want user:U, device:D, tag:T or all", t)
		}
		kinds[kind] = true
	}
	switch len(kinds) {
	case 0:
		return a, usagef("nobody is named; want --to user:U, device:D, tag:T or all")
	case 1:
		return a, nil
	}
	return a, usagef("--to mixes users, devices, tags or all; want one kind in one push")
}

func sayAccepted(ctx context.Context, r *remote, accepted protocol.PushAccepted, deliverAt string) {
	r.say("push        %s\n", accepted.PushID)
	switch {
	case accepted.Deliveries != nil:
		r.say("deliveries  %d\n", *accepted.Deliveries)
	case deliverAt != "":
		r.say("deliveries  made when its time has come\n")
	default:
		newMaking(r, time.Now()).show(ctx, accepted.PushID)
	}
	sayWarnings(r, accepted.Warnings)
	r.say("follow it:  hush trace --app %s %s\n", r.app, accepted.PushID)
}

func sayWarnings(r *remote, warnings []protocol.Warning) {
	for _, warning := range warnings {
		r.say("warning     %s\n", warningText(warning))
	}
}

func warningText(w protocol.Warning) string {
	switch {
	case w.Code == push.UserNotSeen:
		return fmt.Sprintf("user %s has no device yet; what can wait waits for the first", w.User)
	case w.User != "":
		return timeline.WhyNobody(w) + " " + w.User
	}
	return timeline.WhyNobody(w)
}

func dryRun(ctx context.Context, r *remote, request protocol.PushRequest) error {
	answer, err := one(ctx, r, func(ctx context.Context) (protocol.DryRun, error) { return r.DryRun(ctx, r.app, request) })
	if err != nil {
		return err
	}
	t := newTable("DEVICE", "WOULD", "REASON", "PROVIDER")
	for _, d := range answer.Deliveries {
		t.add(d.DeviceID, string(d.Do), string(d.Reason)+timeline.BudgetWait(d.Budget), string(d.Provider))
	}
	if len(answer.Deliveries) == 0 {
		r.say("nobody would get it%s\n", whyNobodyNow(answer.Warnings))
	} else {
		r.show(t)
		sayWarnings(r, answer.Warnings)
	}
	if slices.ContainsFunc(answer.Deliveries, func(d protocol.Decision) bool { return d.Budget != nil }) {
		r.say("%s\n", timeline.AboutBudgets)
	}
	r.say("nothing was sent\n")
	return nil
}

// whyNobodyNow says why a push would reach nobody now.
func whyNobodyNow(warnings []protocol.Warning) string {
	for _, w := range warnings {
		switch w.Code {
		case push.NobodyHasTheTags:
			return ": no user with a device has the tags"
		case push.NoDevices:
			return ": the app has no device"
		}
	}
	return ""
}

func newCancel(w world) *cobra.Command {
	cmd, r := w.client(&cobra.Command{
		Use: "cancel PUSH_ID", Short: "Cancel a push on the devices where it is not final", Args: wantArgs("PUSH_ID"),
		Example: "  hush cancel --app notes PUSH_ID",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		done, err := one(ctx, r, func(ctx context.Context) (protocol.Cancelled, error) { return r.Cancel(ctx, r.app, args[0]) })
		if err != nil {
			return err
		}
		r.say("%s\n", cancelledText(done))
		if len(done.AlreadyFinal) > 0 && len(done.Warnings) == 0 {
			t := newTable("DEVICE", "STATE")
			for _, f := range done.AlreadyFinal {
				t.add(f.DeviceID, string(f.State))
			}
			r.show(t)
		}
		return nil
	})
	r.offerArgument(cmd, true, recentPushes)
	argumentBecomes(cmd, "PUSH_ID", "path.push_id")
	return cmd
}

// cancelledText says what there was to cancel.
func cancelledText(done protocol.Cancelled) string {
	switch {
	case len(done.Warnings) > 0 && done.Warnings[0].Code == push.CancelledBeforeItBegan:
		return "cancelled before it began"
	case len(done.Warnings) > 0:
		return "nothing to cancel; " + timeline.WhyNobody(done.Warnings[0])
	}
	return fmt.Sprintf("%d cancelled, %d already final", done.Cancelled, len(done.AlreadyFinal))
}
