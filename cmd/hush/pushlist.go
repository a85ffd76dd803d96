package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// listedUnlessTold is how many pushes a table has if --limit does not say.
const listedUnlessTold = 50

func newPushList(w world) *cobra.Command {
	var after, before string
	var filter client.PushFilter
	cmd, r := w.client(&cobra.Command{
		Use: "list", Short: "List pushes, newest first, with their states", Args: noArgs,
		Long: `List an app's pushes, newest first, with how many of their deliveries are in which state. A push must match all filters that
are given; with --user, --state is that of the user's own deliveries.

--after and --before take a time (RFC 3339), a day (2006-01-02), "today", or how long ago (such as 2h).`,
		Example: "  hush push list --app notes\n" +
			"  hush push list --app notes --state expired --after today\n" +
			"  hush push list --app notes --user alice --after 2h",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		if err := readPushFilter(&filter, after, before, time.Now()); err != nil {
			return err
		}
		if r.json {
			_, err := one(ctx, r, func(ctx context.Context) (protocol.Pushes, error) { return r.Pushes(ctx, r.app, filter, r.page) })
			return err
		}
		return listPushes(ctx, r, filter)
	})
	fs := cmd.Flags()
	addChoice(cmd, &filter.State, "state", "with a delivery in this state: "+push.StateNames(), stateNames()...)
	fs.StringVar(&filter.Resource, "resource", "", "under this resource")
	fs.StringVar(&filter.User, "user", "", "for this user")
	fs.StringVar(&after, "after", "", "accepted at this time or later")
	fs.StringVar(&before, "before", "", "accepted before this time")
	fs.IntVar(&r.page.Limit, "limit", 0, fmt.Sprintf("at most so many (default %d; --json 100)", listedUnlessTold))
	fs.StringVar(&r.page.Cursor, "cursor", "", "go on where the page with this cursor ended")
	r.offerFlag(cmd, "resource", true, resourceNames)
	for flag, field := range map[string]string{"state": "query.state", "resource": "query.resource", "user": "query.user", "after": "query.after",
		"before": "query.before", "limit": "query.limit", "cursor": "query.cursor"} {
		becomes(cmd, flag, field)
	}
	return cmd
}

// readPushFilter reads the flags that need it.
func readPushFilter(f *client.PushFilter, after, before string, now time.Time) (err error) {
	if f.After, err = timeFlag("after", after, now); err != nil {
		return err
	}
	f.Before, err = timeFlag("before", before, now)
	return err
}

// timeFlag reads a time as people say it; zero for none.
func timeFlag(flag, text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if text == "today" {
		y, m, d := now.Date()
		return time.Date(y, m, d, 0, 0, 0, 0, now.Location()), nil
	}
	if ago, err := time.ParseDuration(text); err == nil && ago >= 0 {
		return now.Add(-ago), nil
	}
	if day, err := time.ParseInLocation(time.DateOnly, text, now.Location()); err == nil {
		return day, nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, usagef("--%s is %q; want a time such as 2026-01-02T15:04:05Z, a day such as 2026-01-02, today, or how long ago, such as 2h", flag, text)
	}
	return t, nil
}

// listPushes prints as many pushes as were asked for. A search that goes on longer than one request takes several.
func listPushes(ctx context.Context, r *remote, filter client.PushFilter) error {
	const longestPage = 1000
	limit := r.page.Limit
	if limit == 0 {
		limit = listedUnlessTold
	}
	t := newTable("PUSH", "ACCEPTED", "RESOURCE", "DELIVERIES")
	page := client.Page{Cursor: r.page.Cursor, Limit: min(limit, longestPage)}
	found := 0
	for {
		answer, err := one(ctx, r, func(ctx context.Context) (protocol.Pushes, error) { return r.Pushes(ctx, r.app, filter, page) })
		if err != nil {
			return err
		}
		for _, p := range answer.Pushes {
			t.add(p.PushID, terminal.Moment(p.AcceptedAt), p.ResourceID, listedCounts(p))
		}
		found += len(answer.Pushes)
		page.Cursor, page.Limit = answer.Cursor, min(limit-found, longestPage)
		if page.Cursor == "" || page.Limit <= 0 {
			break
		}
	}
	if found == 0 {
		r.say("no push of app %s matches\n", r.app)
		return nil
	}
	r.show(t)
	if page.Cursor != "" {
		r.say("there are more: --limit N, or go on with --cursor %s\n", page.Cursor)
	}
	return nil
}

// listedCounts says how a push's deliveries stand, in the order of their states.
func listedCounts(p protocol.ListedPush) string {
	var words []string
	for _, s := range push.States() {
		if n := p.Counts[s]; n > 0 {
			words = append(words, fmt.Sprintf("%d %s", n, s))
		}
	}
	switch {
	case !p.Expanded && p.DeliverAt != nil && p.DeliverAt.After(p.AcceptedAt) && len(words) == 0:
		return "none yet; its time is " + terminal.Moment(*p.DeliverAt)
	case !p.Expanded && p.Counts[push.Scheduled] == 0:
		words = append(words, "more to be made")
	}
	text := strings.Join(words, ", ")
	switch {
	case len(p.Warnings) == 0:
		return text
	case text == "":
		return timeline.WhyNobody(p.Warnings[0])
	}
	return text + " (" + timeline.WhyNobody(p.Warnings[0]) + ")"
}
