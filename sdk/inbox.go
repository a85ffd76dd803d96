package sdk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// page asks for the oldest open deliveries. A void credential is forgotten, so that the next foreground registers again.
func (c *Client) page(ctx context.Context) (protocol.Inbox, identity, error) {
	s, err := c.dir.self()
	if err != nil {
		return protocol.Inbox{}, s, err
	}
	if s.Credential == "" || s.Changing {
		return protocol.Inbox{}, s, errNoCredential
	}
	page, err := c.calls.inbox(ctx, who{credential: s.Credential})
	if refused(err) == codeRegisterAgain {
		err = errors.Join(err, c.voidCredential(s.Credential))
	}
	return page, s, err
}

// stillOpen asks the inbox whether a push is open, where only the server knows. One that it does not name, or that it could
// not be asked about, is not to be run now: if it is open, it comes again.
func (c *Client) stillOpen(ctx context.Context, id string) (bool, error) {
	page, _, err := c.page(ctx)
	open := err == nil && slices.ContainsFunc(page.Deliveries, func(p protocol.InboxPush) bool { return p.PushID == id })
	return open, err
}

// catchUpQueued puts a page of the inbox into the queue. What is beyond the page follows when the queue is idle: the answer
// to the receipts then says that more is open.
func (c *Client) catchUpQueued(ctx context.Context) error {
	page, s, err := c.page(ctx)
	if err != nil {
		c.log.Debug("the inbox could not be read", "error", err)
		return err
	}
	for _, p := range page.Deliveries {
		c.queue.add(arrival{message: messageOf(p, push.PathInbox), of: s.owner()})
	}
	return nil
}

// catchUpBeside reads the inbox that a session has said is not empty: again until it could, the session has ended, or it
// needs a new credential, with which the next session comes.
func (c *Client) catchUpBeside(ctx context.Context, l *link) {
	for try := 1; ; try++ {
		err := c.catchUpQueued(ctx)
		if err == nil || errors.Is(err, errNoCredential) || refused(err) == codeRegisterAgain {
			return
		}
		select {
		case <-time.After(backoff(try, jitter())):
		case <-l.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// catchUp handles the inbox in the time of ctx, page after page, until nothing is open or nothing changes any more.
// paths names pushes that a wake has announced.
func (c *Client) catchUp(ctx, tell context.Context, background bool, paths map[string]push.Path) (results []FetchResult, err error) {
	for {
		page, s, err := c.page(ctx)
		if err != nil {
			return results, err
		}
		progress := false
		for _, p := range page.Deliveries {
			path, named := paths[p.PushID]
			if !named {
				path = push.PathInbox
			}
			r, o, err := c.run(ctx, arrival{message: messageOf(p, path), of: s.owner(), background: background})
			if err != nil {
				return append(results, r), err
			}
			if o == ran {
				results = append(results, r)
			}
			progress = progress || o == ran
		}
		open, err := c.flush(tell)
		if err != nil || open == 0 || !progress || page.Open == 0 {
			return results, err
		}
	}
}

// messageOf is a push from the server as a handler gets it.
func messageOf(p protocol.InboxPush, path push.Path) Message {
	return Message{
		ID: p.PushID, ResourceID: p.ResourceID, Extras: map[string]string{ExtraPayload: p.Payload},
		Path: path, AcceptedAt: p.AcceptedAt, ExpiresAt: p.ExpiresAt,
	}
}
