package wakertest

import (
	"encoding/json"
	"testing"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Key seals the wakes of the tests.
var Key = push.WakeKey{ID: "qLqk3vvJ4o1ZbZ0d", Key: "sixteen bytes of"}

// Open returns what is sealed in Hush's part of a request.
func Open(t testing.TB, wake []byte) protocol.Wake {
	t.Helper()
	var sealed protocol.SealedWake
	if err := json.Unmarshal(wake, &sealed); err != nil || sealed.V != 2 || sealed.K != Key.ID {
		t.Fatalf("Hush's part is %.200s, %v; want version 2 and the key's id", wake, err)
	}
	w, err := sealed.Open(Key)
	if err != nil {
		t.Fatal(err)
	}
	return w
}
