package h2push_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/hushpush/hush/internal/h2push"
)

func TestAFieldOfAnAnswerIsFoundHoweverItWasSpelt(t *testing.T) {
	t.Parallel()
	h := http.Header{}
	h.Add("Retry-After", "5")
	h.Add("Retry-After", "6")
	h.Add("apns-id", "x")
	got := h2push.HeaderOf(h)
	for name, want := range map[string]string{"retry-after": "5", "apns-id": "x", "content-type": ""} {
		if value := got.Get(name); value != want {
			t.Errorf("%s is %q, want %q as in %v", name, value, want, h)
		}
	}
}

func TestWhatAStrangerSaysIsPrintable(t *testing.T) {
	t.Parallel()
	if got := h2push.Printable("Bad\nTopic\x00é"); got != "BadTopic" {
		t.Errorf("got %q, want BadTopic", got)
	}
	if got := len(h2push.Printable(strings.Repeat("x", 1000))); got != 100 {
		t.Errorf("got %d bytes, want 100", got)
	}
}
