package h2push

import (
	"bytes"
	"encoding/json"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// FillWake is Hush's part of a provider's payload, a protocol.Wake as JSON, in at most limit bytes: the pushes, oldest
// first. One that would not fit even alone goes without its payload; once the room is used up, the rest go without
// theirs, as long as their ids fit. What is left out is fetched from the inbox.
func FillWake(w push.Wake, limit int) []byte {
	frame := protocol.Wake{
		V: protocol.WakeVersion, Wake: string(w.ID), Gen: w.Generation, Exp: expiry(w.EndsAt),
		Pushes: []protocol.WakePush{},
	}
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
