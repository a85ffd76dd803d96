package apnstest_test

import (
	"testing"

	"github.com/hushpush/hush/pushtest/apnstest"
)

func TestNotificationsThatAreOffAreASwitch(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{"deliver": "delivered", "discard": "discarded"} {
		w := setup(t, apnstest.Control(), apnstest.Set("notifications.off", word))
		if status, text := w.call("POST", "/_sim/tokens", `{"token":"`+token(1)+`","notifications":false}`); status != 200 {
			t.Fatalf("switching them off: %d %s", status, text)
		}
		w.send().mustBe(t, 200, "", "to an app whose notifications are off")
		if got := w.outcome(1); got != want {
			t.Errorf("notifications.off=%s: %s, want %s", word, got, want)
		}
	}
}
