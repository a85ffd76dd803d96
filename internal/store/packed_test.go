package store

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/hushpush/hush/push"
)

// filled returns a struct with every field set to another value than its zero value.
func filled[T any](t *testing.T, text string) (v T) {
	t.Helper()
	at := time.UnixMicro(1_700_000_000_123_456).UTC()
	for i := range reflect.TypeOf(v).NumField() {
		switch f := reflect.ValueOf(&v).Elem().Field(i); f.Interface().(type) {
		case time.Time:
			f.Set(reflect.ValueOf(at.Add(time.Duration(i) * time.Second)))
		case []push.ID:
			f.Set(reflect.ValueOf([]push.ID{push.ID(text), push.NewID()}))
		case bool:
			f.SetBool(true)
		case int:
			f.SetInt(int64(i) - 5)
		case []push.Item, push.WakeKey:
		default:
			f.SetString(text)
		}
	}
	return v
}

func TestPackedEventsAndWakesComeBackWhole(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"wake_answered", "x", "ünï\x00\xff", string(push.NewID()), "00000000-0000-0000-0000-00000000000A", "urn:uuid:6ba7b810-9dad-11d1-80b4-00c04fd430c8"} {
		events := []push.Event{filled[push.Event](t, text), {At: time.UnixMicro(1).UTC(), Event: "waiting"}, filled[push.Event](t, text)}
		got, err := decodeEvents(bytes.Join([][]byte{encodeEvents(events[:1]), encodeEvents(events[1:])}, nil))
		if err != nil || !reflect.DeepEqual(got, events) {
			t.Errorf("%q: events came back as %+v, %v; want %+v", text, got, err, events)
		}
		want := filled[push.Wake](t, text)
		wake, err := decodeWake(encodeWake(want))
		want.EndsAt = time.Time{} // is not stored
		if err != nil || !reflect.DeepEqual(wake, want) {
			t.Errorf("%q: a wake came back as %+v, %v; want %+v", text, wake, err, want)
		}
	}
	if wake, err := decodeWake(encodeWake(push.Wake{})); err != nil || !reflect.DeepEqual(wake, push.Wake{}) || len(encodeWake(push.Wake{})) != 0 {
		t.Errorf("no wake came back as %+v, %v", wake, err)
	}
}

func TestEachWordHasOneNumber(t *testing.T) {
	t.Parallel()
	if len(wordNumbers) != len(words) {
		t.Errorf("%d words have %d numbers", len(words), len(wordNumbers))
	}
}

func FuzzPackedColumns(f *testing.F) {
	f.Add(encodeEvents([]push.Event{{At: time.UnixMicro(7), Event: push.EventWakeAnswered, Status: 200}}))
	f.Add(encodeWake(push.Wake{ID: push.NewID(), State: push.WakeSending, Pushes: []push.ID{push.NewID()}}))
	f.Fuzz(func(t *testing.T, b []byte) {
		if events, err := decodeEvents(b); err == nil {
			again, err := decodeEvents(encodeEvents(events))
			if err != nil || !reflect.DeepEqual(again, events) {
				t.Errorf("events %+v came back as %+v, %v", events, again, err)
			}
		}
		if w, err := decodeWake(b); err == nil && (w.ID != "" || w.State != "") {
			again, err := decodeWake(encodeWake(w))
			if err != nil || !reflect.DeepEqual(again, w) {
				t.Errorf("wake %+v came back as %+v, %v", w, again, err)
			}
		}
	})
}
