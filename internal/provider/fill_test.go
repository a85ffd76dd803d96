package provider

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// What is sealed is the wire's, byte for byte: apps that were built years ago read it.
func TestAWakesBytes(t *testing.T) {
	t.Parallel()
	large := push.PushItem{ID: "p3", ResourceID: "both", PayloadBytes: 50_000}
	for want, w := range map[string]push.Wake{
		`{"wake":"w1","exp":0,"pushes":[]}`: {ID: "w1"},
		`{"wake":"w1","exp":101,"pushes":[{"id":"p1","resource":"both","payload":"<é>"},{"id":"p2","resource":"ios","payload":""},{"id":"p3","resource":"both"}]}`: {
			ID: "w1", EndsAt: time.Unix(100, 1), Items: []push.Item{
				push.PushItem{ID: "p1", ResourceID: "both", Payload: []byte("<é>"), PayloadBytes: 4}, push.PushItem{ID: "p2", ResourceID: "ios"}, large,
			},
		},
	} {
		got := new(filling).fill(&w, 4000)
		if string(got) != want {
			t.Errorf("a wake is %s, want %s", got, want)
		}
		if got := new(filling).fill(&w, len(want)); string(got) != want {
			t.Errorf("with no byte to spare it is %s, want %s", got, want)
		}
		var read protocol.Wake
		if err := json.Unmarshal(got, &read); err != nil || len(read.Pushes) != len(w.Items) {
			t.Errorf("%s is read as %+v, %v", got, read, err)
		}
	}
}

func TestEachKindOfItemHasAListInAWake(t *testing.T) {
	t.Parallel()
	for _, kind := range push.ItemKinds() {
		if !slices.ContainsFunc(lists[:], func(l list) bool { return l.kind == kind }) {
			t.Errorf("items of kind %s have no list", kind)
		}
	}
}
