package sdk

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// errNoCredential is returned when something is to be asked of the server, or sent to it, without a credential.
var errNoCredential = errors.New("the device is not registered")

// inbox reads the device's open deliveries from the server. It has no state but the queue, which has a lock of its own.
type inbox struct {
	*shared
	registrar *registrar
	queue     *queue // of what is handled in the foreground
}

// page asks for the oldest open deliveries. A void credential is forgotten, so that the next foreground registers again.
func (in *inbox) page(ctx context.Context) (protocol.Inbox, identity, error) {
	i, err := in.dir.self()
	if err != nil {
		return protocol.Inbox{}, i, err
	}
	if i.Credential == "" || i.Changing {
		return protocol.Inbox{}, i, errNoCredential
	}
	page, err := in.calls.inbox(ctx, who{credential: i.Credential})
	if refused(err) == codeRegisterAgain {
		err = errors.Join(err, in.registrar.forgetCredential(i.Credential))
	}
	return page, i, err
}

// isOpen asks whether a push is open, where only the server knows. One that the inbox does not name, or that it could not be
// asked about, is not to be run now: if it is open, it comes again.
func (in *inbox) isOpen(ctx context.Context, id string) (bool, error) {
	page, _, err := in.page(ctx)
	open := err == nil && slices.ContainsFunc(page.Deliveries, func(p protocol.InboxPush) bool { return p.PushID == id })
	return open, err
}

// enqueue puts a page into the queue. What is beyond the page follows when the queue is idle: the answer to the receipts
// then says that more is open.
func (in *inbox) enqueue(ctx context.Context) error {
	page, i, err := in.page(ctx)
	if err != nil {
		in.log.Debug("the inbox could not be read", "error", err)
		return err
	}
	for _, p := range page.Deliveries {
		in.queue.add(arrival{message: messageOf(p, push.PathInbox), of: i.owner()})
	}
	return nil
}

// enqueueDuring puts a page into the queue that a session has said is not empty: again until it could be read, the session
// is closed, or the device needs a new credential, with which the next session comes.
func (in *inbox) enqueueDuring(ctx context.Context, closed <-chan struct{}) {
	for try := 1; ; try++ {
		err := in.enqueue(ctx)
		if err == nil || errors.Is(err, errNoCredential) || refused(err) == codeRegisterAgain {
			return
		}
		select {
		case <-time.After(backoff(try, jitter())):
		case <-closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// messageOf returns a push from the server as a handler gets it.
func messageOf(p protocol.InboxPush, path push.Path) Message {
	return Message{
		ID: p.PushID, ResourceID: p.ResourceID, Extras: map[string]string{ExtraPayload: p.Payload},
		Path: path, AcceptedAt: p.AcceptedAt, ExpiresAt: p.ExpiresAt,
	}
}
