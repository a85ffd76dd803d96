package provider_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// wakeOf returns a wake with an item for each of the payloads; "-" stands for one whose payload is to be fetched anyway.
func wakeOf(payloads ...string) push.Wake {
	w := push.Wake{ID: "0199c0de-0000-7000-8000-000000000000", Key: wakertest.Key, EndsAt: time.Unix(100, 1)}
	for _, p := range payloads {
		item := push.PushItem{ID: push.NewID(), ResourceID: "both", Payload: []byte(p), PayloadBytes: len(p)}
		if p == "-" {
			item.Payload = nil
		}
		w.Items = append(w.Items, item)
	}
	return w
}

// filled tells what a wake carries: a letter an item, P with and i without its payload, in order.
func filled(t *testing.T, w push.Wake, limit int) string {
	t.Helper()
	raw, refused := provider.AppendSealedWake(nil, &w, limit)
	if len(raw) > limit || refused != nil {
		t.Errorf("got %d bytes, %v; want at most %d", len(raw), refused, limit)
	}
	got := wakertest.Open(t, raw)
	var out strings.Builder
	for i, p := range got.Pushes {
		item := w.Items[i].(push.PushItem)
		if p.ID != string(item.ID) || p.Resource != "both" {
			t.Errorf("item %d: got %s of %s, want %s: oldest first, none left out between", i, p.ID, p.Resource, item.ID)
		}
		switch {
		case p.Payload == nil:
			out.WriteByte('i')
		case *p.Payload == string(item.Payload):
			out.WriteByte('P')
		default:
			t.Errorf("item %d: got payload %q, want %q byte for byte", i, *p.Payload, item.Payload)
		}
	}
	return out.String()
}

func TestAWakeCarriesAsManyPushesAsFit(t *testing.T) {
	t.Parallel()
	half, large := strings.Repeat("h", 1250), strings.Repeat("l", 5000)
	cases := []struct {
		name     string
		payloads []string
		want     string
	}{
		{"none", nil, ""},
		{"small ones", []string{"a", "", "b"}, "PPP"},
		{"one too large even alone, then small ones", []string{large, "a", "b"}, "iPP"},
		{"once full, ids only", []string{half, half, half, "small"}, "PPii"},
		{"too large between", []string{half, large, half, half, "small"}, "PiPii"},
		{"without payload anyway", []string{"-", "a", "-"}, "iPi"},
		{"ids until they do not fit", slicesRepeat("-", 100), strings.Repeat("i", 44)},
		{"bytes that JSON must escape", []string{"\x00\x1f\"\\\u2028<>&é🎈"}, "P"},
	}
	for _, c := range cases {
		if got := filled(t, wakeOf(c.payloads...), 4000); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestASealedWakeSaysNothing(t *testing.T) {
	t.Parallel()
	w := wakeOf("payload")
	raw, refused := provider.AppendSealedWake(nil, &w, 4000)
	var fields map[string]any
	if err := json.Unmarshal(raw, &fields); err != nil || refused != nil || len(fields) != 3 || fields["v"] != 2.0 || fields["k"] != wakertest.Key.ID || fields["s"] == "" {
		t.Errorf("got %s, %v, %v; want v, k and s alone", raw, refused, err)
	}
	again, _ := provider.AppendSealedWake(nil, &w, 4000)
	if string(again) == string(raw) {
		t.Error("the same wake was sealed twice with one nonce")
	}
	if got := wakertest.Open(t, raw); got.Wake != string(w.ID) || got.Exp != 101 {
		t.Errorf("sealed is %+v; want the wake's id and its end, rounded up", got)
	}
	w.EndsAt = time.Time{}
	if raw, _ = provider.AppendSealedWake(nil, &w, 4000); wakertest.Open(t, raw).Exp != 0 {
		t.Error("exp of a wake that does not expire is not 0")
	}
}

func TestAWakeWithoutAKeyIsNotSent(t *testing.T) {
	t.Parallel()
	for name, key := range map[string]push.WakeKey{"none": {}, "no id": {Key: wakertest.Key.Key}, "no key": {ID: "k"}, "half a key": {ID: "k", Key: "half"}} {
		w := wakeOf("payload")
		w.Key = key
		raw, refused := provider.AppendSealedWake(nil, &w, 4000)
		if raw != nil || refused == nil || refused.Fault != push.FaultPush || refused.Reason != provider.NoWakeKey {
			t.Errorf("%s: got %q, %v; want nothing to send, and no_wake_key", name, raw, refused)
		}
	}
}

// The exact edge: a payload that just fits travels, and one byte more does not.
func TestTheLastByteCounts(t *testing.T) {
	t.Parallel()
	for limit := 3990; limit < 4000; limit++ { // base64 has room for a byte more in three cases of four
		bare, _ := json.Marshal(protocol.Wake{Wake: string(wakeOf().ID), Exp: 101, Pushes: []protocol.WakePush{{ID: string(push.NewID()), Resource: "both", Payload: new(string)}}})
		largest := protocol.WakeRoom(wakertest.Key.ID, limit) - len(bare)
		if got := filled(t, wakeOf(strings.Repeat("x", largest)), limit); got != "P" {
			t.Errorf("limit %d: got %s for a payload that just fits, want P", limit, got)
		}
		if got := filled(t, wakeOf(strings.Repeat("x", largest+1)), limit); got != "i" {
			t.Errorf("limit %d: got %s for one byte more, want i", limit, got)
		}
		w := wakeOf(strings.Repeat("x", largest))
		if raw, _ := provider.AppendSealedWake(nil, &w, limit); len(raw) > limit || len(raw) < limit-1 {
			t.Errorf("limit %d: the largest wake has %d bytes; want no room left", limit, len(raw))
		}
	}
}

func FuzzFillWake(f *testing.F) {
	f.Add("a", "b", 4000)
	f.Add(strings.Repeat("x", 3900), "\x00", 4000)
	f.Fuzz(func(t *testing.T, a, b string, limit int) {
		a, b = strings.ToValidUTF8(a, "?"), strings.ToValidUTF8(b, "?")
		if a == "-" || b == "-" {
			return
		}
		filled(t, wakeOf(a, b), max(limit, 300)%10_000+300)
	})
}

func slicesRepeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}

// A wake filled and sealed.
func BenchmarkSealedWake(b *testing.B) {
	for _, pushes := range []int{1, 20} {
		b.Run(fmt.Sprintf("pushes=%d", pushes), func(b *testing.B) {
			w := wakeOf(slices.Repeat([]string{strings.Repeat("x", 60)}, pushes)...)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := provider.AppendSealedWake(nil, &w, 4_000); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
