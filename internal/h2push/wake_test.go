package h2push_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// payloads are the items of a wake; "-" stands for one whose payload is to be fetched anyway.
func wakeOf(payloads ...string) push.Wake {
	w := push.Wake{ID: "0199c0de-0000-7000-8000-000000000000", Generation: 3, EndsAt: time.Unix(100, 1)}
	for _, p := range payloads {
		item := push.WakeItem{ID: push.NewID(), ResourceID: "both", Payload: &p}
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
	raw := h2push.FillWake(w, limit)
	if len(raw) > limit {
		t.Errorf("got %d bytes, want at most %d", len(raw), limit)
	}
	var got protocol.Wake
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatalf("got %s: %v", raw, err)
	}
	var out strings.Builder
	for i, p := range got.Pushes {
		if p.ID != string(w.Items[i].ID) || p.Resource != "both" {
			t.Errorf("item %d: got %s of %s, want %s: oldest first, none left out between", i, p.ID, p.Resource, w.Items[i].ID)
		}
		switch {
		case p.Payload == nil:
			out.WriteByte('i')
		case *p.Payload == *w.Items[i].Payload:
			out.WriteByte('P')
		default:
			t.Errorf("item %d: got payload %q, want %q byte for byte", i, *p.Payload, *w.Items[i].Payload)
		}
	}
	return out.String()
}

func TestAWakeCarriesAsManyPushesAsFit(t *testing.T) {
	t.Parallel()
	half, large := strings.Repeat("h", 1800), strings.Repeat("l", 5000)
	cases := []struct {
		name     string
		payloads []string
		want     string
	}{
		{"none", nil, ""},
		{"small ones", []string{"a", "", "b"}, "PPP"},
		{"one too large even alone, then small ones", []string{large, "a", "b"}, "iPP"},
		{"once full, ids only", []string{half, half, half, "small"}, "PPii"},
		{"too large between", []string{half, large, half, half, "small"}, "PiPi"},
		{"without payload anyway", []string{"-", "a", "-"}, "iPi"},
		{"ids until they do not fit", slicesRepeat("-", 100), strings.Repeat("i", 61)},
		{"bytes that JSON must escape", []string{"\x00\x1f\"\\\u2028<>&é🎈"}, "P"},
	}
	for _, c := range cases {
		if got := filled(t, wakeOf(c.payloads...), 4000); got != c.want {
			t.Errorf("%s: got %s, want %s", c.name, got, c.want)
		}
	}
}

func TestAWakeSaysWhoseItIsAndWhenItEnds(t *testing.T) {
	t.Parallel()
	got := string(h2push.FillWake(wakeOf(), 4000))
	want := `{"v":1,"wake":"0199c0de-0000-7000-8000-000000000000","gen":3,"exp":101,"pushes":[]}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	never := wakeOf()
	never.EndsAt = time.Time{}
	if got := string(h2push.FillWake(never, 4000)); !strings.Contains(got, `"exp":0,`) {
		t.Errorf("got %s, want exp 0 for a wake that does not expire", got)
	}
}

// The exact edge: a payload that just fits travels, and one byte more does not.
func TestTheLastByteCounts(t *testing.T) {
	t.Parallel()
	bare := len(h2push.FillWake(wakeOf(""), 4000))
	if got := filled(t, wakeOf(strings.Repeat("x", 4000-bare)), 4000); got != "P" {
		t.Errorf("got %s for a payload that just fits, want P", got)
	}
	if got := filled(t, wakeOf(strings.Repeat("x", 4001-bare)), 4000); got != "i" {
		t.Errorf("got %s for one byte more, want i", got)
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
		filled(t, wakeOf(a, b), max(limit, 200)%10_000+200)
	})
}

func slicesRepeat(s string, n int) []string {
	out := make([]string, n)
	for i := range out {
		out[i] = s
	}
	return out
}
