package h2push

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// SealedWake is Hush's part of a provider's payload, a protocol.SealedWake as JSON, in at most limit bytes. A wake without a
// key is refused: nothing leaves in clear.
func SealedWake(w push.Wake, limit int) ([]byte, *push.WakeError) {
	sealed, err := protocol.SealWake(w.Key, fillWake(w, protocol.WakeRoom(w.Key.ID, limit)))
	if err != nil {
		return nil, &push.WakeError{Fault: push.FaultPush, Reason: NoWakeKey, Err: err}
	}
	return sealed, nil
}

// NoWakeKey is the reason of a WakeError where a wake came without a key.
const NoWakeKey = "no_wake_key"

// fillWake is a protocol.Wake as JSON, in at most limit bytes: the pushes, oldest first. One that would not fit even alone
// goes without its payload; once the room is used up, the rest go without theirs, as long as their ids fit. What is left out
// is fetched from the inbox.
func fillWake(w push.Wake, limit int) []byte {
	frame := protocol.Wake{Wake: string(w.ID), Exp: expiry(w.EndsAt), Pushes: []protocol.WakePush{}}
	empty := EncodeJSON(frame) // ends with []}
	out := bytes.NewBuffer(empty[:len(empty)-2])
	alone := limit - len(empty)
	left, full := alone, false
	for _, item := range w.Items {
		entry := EncodeJSON(protocol.WakePush{ID: string(item.ID), Resource: item.ResourceID, Payload: item.Payload})
		comma := min(out.Len()-(len(empty)-2), 1)
		if len(entry)+comma > left || full && item.Payload != nil {
			full = full || len(entry) <= alone
			entry = EncodeJSON(protocol.WakePush{ID: string(item.ID), Resource: item.ResourceID})
		}
		if len(entry)+comma > left {
			break
		}
		if comma > 0 {
			out.WriteByte(',')
		}
		out.Write(entry)
		left -= len(entry) + comma
	}
	out.WriteString("]}")
	return out.Bytes()
}

// expiry is a time as the SDK gets it: Unix seconds, rounded up, so that nothing is dropped before its time; 0: never.
func expiry(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Add(time.Second - time.Nanosecond).Unix()
}

// EncodeJSON is JSON without escapes for HTML, which would only cost room. It is for values that always can be encoded.
func EncodeJSON(v any) []byte {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(v)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}
