package notes

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hushpush/hush/protocol"
)

// tell sends a user's phones the cursor of the latest change: all that a backend has to do to send a silent push.
func (b *Backend) tell(ctx context.Context, user, resource string, cursor int64) (pushID string, err error) {
	payload, err := json.Marshal(Payload{Cursor: cursor})
	if err != nil {
		return "", fmt.Errorf("notes: writing the payload: %w", err)
	}
	accepted, err := b.hush.Push(ctx, b.cfg.App, protocol.PushRequest{
		To: protocol.Audience{Users: []string{user}}, ResourceID: resource, Payload: string(payload),
	})
	if err != nil {
		return "", fmt.Errorf("notes: telling the phones: %w", err)
	}
	return accepted.PushID, nil
}
