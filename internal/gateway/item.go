package gateway

import (
	"context"
	"fmt"

	"github.com/lxzan/gws"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// writers has the function that makes the frame of an item, a line for each kind of item.
var writers = map[push.ItemKind]func(s *session, item push.Item) frame{
	push.ItemPush: writer((*session).pushFrame),
}

// writer adapts a function for one kind of item to all items.
func writer[T push.Item](write func(*session, T) frame) func(*session, push.Item) frame {
	return func(s *session, item push.Item) frame { return write(s, item.(T)) }
}

// send queues items, and returns false if the session ends. A batch is accepted as a whole while the queue has room, so that
// one long batch for a device that reads well is not mistaken for a slow reader.
func (s *session) send(items []push.Item) bool {
	queue := make([]frame, 0, len(items))
	for _, item := range items {
		if owner := item.Owner(); owner != 0 && owner != s.generation {
			s.end(protocol.CloseOwnerChanged)
			return false
		}
		queue = append(queue, writers[item.Kind()](s, item))
	}
	return s.enqueue(queue...)
}

// pushFrame returns the frame of a push. A large payload is read from the store when the frame is about to be written.
func (s *session) pushFrame(p push.PushItem) frame {
	if !p.Whole() {
		return frame{opcode: gws.OpcodeText, late: func(ctx context.Context) (frame, error) { return s.largePush(ctx, p) }}
	}
	return text(protocol.ServerFrame{Type: protocol.FramePush, Push: &protocol.InboxPush{
		PushID: string(p.ID), ResourceID: p.ResourceID, Payload: string(p.Payload),
		AcceptedAt: p.AcceptedAt.UTC(), ExpiresAt: p.ExpiresAt.UTC(),
	}})
}

// largePush reads a push's payload and returns the push's frame.
func (s *session) largePush(ctx context.Context, p push.PushItem) (frame, error) {
	stored, _, err := s.gateway.cfg.Pushes.Push(ctx, s.key.App, p.ID)
	if err != nil {
		return frame{}, fmt.Errorf("push %s: %w", p.ID, err)
	}
	p.Payload, p.PayloadBytes = stored.Payload, len(stored.Payload)
	return s.pushFrame(p), nil
}
