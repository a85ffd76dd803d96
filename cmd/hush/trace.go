package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/internal/terminal"
	"github.com/hushpush/hush/internal/timeline"
	"github.com/hushpush/hush/protocol"
)

func newTrace(w world) *cobra.Command {
	var noFollow bool
	cmd, r := w.client(&cobra.Command{
		Use: "trace PUSH_ID", Short: "Draw a push's timeline for each device, live until it is final", Args: wantArgs("PUSH_ID"),
		Long: `Draw the timeline of a push for each device, and follow it live until the push is final on all devices. With --json the
API's answer is printed once, when the push is final (with --no-follow: at once). If the server restarts meanwhile, the
command waits for it, up to a minute. Ctrl-C or SIGTERM ends the command, and does not affect the push.

Exit status: 0 handled on every device, stopped by Ctrl-C or SIGTERM, or with --no-follow not final yet; 4 final, but not
handled on every device.`,
		Example: "  hush trace --app notes PUSH_ID\n  hush trace --app notes PUSH_ID --no-follow --json",
	}, true, func(ctx context.Context, r *remote, args []string) error {
		p, err := trace(ctx, r, args[0], !noFollow)
		switch {
		case err != nil && !noFollow:
			return r.stopped(ctx, err, "hush trace --app "+r.app+" "+args[0])
		case err != nil:
			return err
		}
		if p.Final && !handledEverywhere(p) {
			return &exitError{exitNotHandled}
		}
		return nil
	})
	cmd.Flags().BoolVar(&noFollow, "no-follow", false, "as it stands now, without waiting")
	r.addPageTo(cmd)
	r.offerArgument(cmd, true, recentPushes)
	argumentBecomes(cmd, "PUSH_ID", "path.push_id")
	return cmd
}

// trace draws the push as it stands and, if follow says so, until it is final. It answers the last standing, whole.
func trace(ctx context.Context, r *remote, id string, follow bool) (protocol.Push, error) {
	p, err := wholePush(ctx, r, id)
	if err != nil {
		return p, err
	}
	if p.Final || !follow {
		if !r.json {
			fmt.Fprint(r.w.stdout, timeline.Text(p, r.w.style()))
		}
		return p, nil
	}
	c := newChart(r, p)
	c.draw()
	if err := c.follow(ctx, id); err != nil {
		return p, err
	}
	if p, err = wholePush(ctx, r, id); err != nil {
		return p, err
	}
	c.end(p)
	return p, nil
}

// wholePush reads all pages of a push. The answer kept for --json is that of the page that was asked for.
func wholePush(ctx context.Context, r *remote, id string) (protocol.Push, error) {
	status := func(page client.Page) (protocol.Push, error) {
		return one(ctx, r, func(ctx context.Context) (protocol.Push, error) { return r.Status(ctx, r.app, id, page) })
	}
	p, err := status(r.page)
	if err != nil {
		return p, err
	}
	answer := r.answer
	if r.page.Limit == 0 || r.json {
		for cursor := p.Cursor; cursor != ""; {
			next, err := status(client.Page{Cursor: cursor, Limit: 1000})
			if err != nil {
				return p, err
			}
			p.Deliveries, p.Final, cursor = append(p.Deliveries, next.Deliveries...), next.Final, next.Cursor
		}
	}
	r.answer = answer
	return p, nil
}

// chart is a timeline on its way. On a terminal that is high enough it is drawn anew in its place; elsewhere each event is
// printed once, under its device. With --json it prints nothing.
type chart struct {
	r       *remote
	style   terminal.Style
	push    protocol.Push
	drawn   int            // rows on the terminal now; they are drawn over
	append  bool           // print events once instead of drawing anew
	printed map[string]int // append: events of a device that are printed
	last    string         // append: the device printed last
}

func newChart(r *remote, p protocol.Push) *chart {
	_, _, isTerminal := terminalSize(r.w.stdout)
	return &chart{r: r, style: r.w.style(), push: p, append: !isTerminal, printed: map[string]int{}}
}

// awayWait is how long a trace outlives its server: long enough for a restart.
const awayWait = time.Minute

// follow draws what comes until the push is final. A server that goes away meanwhile is waited for.
func (c *chart) follow(ctx context.Context, id string) error {
	var awaySince time.Time // zero while it is there
	for {
		err := c.r.Follow(ctx, c.r.app, id, func(d protocol.LiveEvent) error {
			awaySince = time.Time{}
			c.put(d)
			c.draw()
			return nil
		})
		var refused *client.Error
		away := errors.Is(err, client.ErrUnreachable) || errors.As(err, &refused) && refused.Status == http.StatusServiceUnavailable
		switch {
		case !away || ctx.Err() != nil:
			return err
		case awaySince.IsZero():
			awaySince = time.Now()
			fmt.Fprintf(c.r.w.stderr, "hush: the server has gone away; waiting up to %s for it\n", awayWait)
			c.drawn = 0 // what is drawn next stands below that line
		case time.Since(awaySince) > awayWait:
			return err
		}
	}
}

// put takes a delivery as it stands now. One that a user's first device took replaces the one without a device.
func (c *chart) put(d protocol.Delivery) {
	for i, have := range c.push.Deliveries {
		if have.User == d.User && (have.DeviceID == d.DeviceID || have.DeviceID == "") {
			c.push.Deliveries[i] = d
			return
		}
	}
	c.push.Deliveries = append(c.push.Deliveries, d)
}

func (c *chart) draw() {
	switch {
	case c.r.json:
	case c.append:
		c.printNew()
	default:
		c.redraw()
	}
}

func (c *chart) redraw() {
	width, height, _ := terminalSize(c.r.w.stdout)
	rows := rowsOf(c.push, width)
	c.erase()
	if rows >= height {
		c.append = true // it would scroll, and could not be drawn over
		c.printNew()
		return
	}
	fmt.Fprint(c.r.w.stdout, timeline.Text(c.push, c.style))
	c.drawn = rows
}

// rowsOf counts the rows of a terminal that a push's drawing takes; colours take none.
func rowsOf(p protocol.Push, width int) (n int) {
	for line := range strings.Lines(timeline.Text(p, terminal.Style{})) {
		n += terminal.Rows(strings.TrimSuffix(line, "\n"), width)
	}
	return n
}

// erase takes away what was drawn: cursor up, then clear to the end of the screen.
func (c *chart) erase() {
	if c.drawn > 0 {
		fmt.Fprint(c.r.w.stdout, terminal.Erase(c.drawn))
		c.drawn = 0
	}
}

func (c *chart) printNew() {
	out := c.r.w.stdout
	if len(c.printed) == 0 && c.last == "" {
		fmt.Fprintln(out, strings.Join(timeline.Heading(c.push, c.style), "\n"))
	}
	for _, d := range c.push.Deliveries {
		who := d.DeviceID + "\x00" + d.User
		for ; c.printed[who] < len(d.Events); c.printed[who]++ {
			if c.last != who {
				fmt.Fprintf(out, "\n%s\n", timeline.Target(d, c.style))
				c.last = who
			}
			i := c.printed[who]
			fmt.Fprintln(out, timeline.Event(d, i, c.push.AcceptedAt, c.style))
		}
	}
}

// end shows the push as it stands when it is final.
func (c *chart) end(p protocol.Push) {
	c.push = p
	c.draw()
	if !c.append || c.r.json {
		return
	}
	fmt.Fprintln(c.r.w.stdout)
	for _, d := range p.Deliveries {
		fmt.Fprintln(c.r.w.stdout, timeline.Standing(d, c.style))
	}
	fmt.Fprintln(c.r.w.stdout, timeline.Verdict(p, c.style))
}

// handledEverywhere reports whether every delivery ended as it should. A push that nobody got was handled nowhere.
func handledEverywhere(p protocol.Push) bool {
	all, handled, _ := timeline.Tally(p)
	return all > 0 && handled == all
}
