package notes

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/hushpush/hush/protocol"
)

// pushCursor pushes the cursor of the latest change to a user's phones. This is all that a backend does to send a silent push.
func (b *Backend) pushCursor(ctx context.Context, user, resource string, cursor int64) (pushID string, err error) {
	payload, err := json.Marshal(Payload{Cursor: cursor})
	if err != nil {
		return "", fmt.Errorf("notes: encoding the payload: %w", err)
	}
	accepted, err := b.hush.Push(ctx, b.cfg.App, protocol.PushRequest{
		To: protocol.Audience{Users: []string{user}}, ResourceID: resource, Payload: string(payload),
	})
	if err != nil {
		return "", fmt.Errorf("notes: pushing to the phones: %w", err)
	}
	return accepted.PushID, nil
}
