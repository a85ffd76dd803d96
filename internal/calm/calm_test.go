package calm_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/internal/calm"
)

func TestAWarningThatRepeatsIsALineAMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var buf bytes.Buffer
		log := calm.Logger(slog.New(slog.NewTextHandler(&buf, &slog.HandlerOptions{ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})))
		for i := range 150 {
			log.With("room", "delivery").Warn("not claimed", "try", i)
			log.WithGroup("g").Warn("not claimed", "try", i)
			log.Info("done")
			time.Sleep(time.Second)
		}
		log.Error("failed", "operation", "a")
		log.Error("failed", "operation", "b")
		text := buf.String()
		want := []string{
			`level=WARN msg="not claimed" room=delivery try=0`, `level=WARN msg="not claimed" room=delivery try=60 more=119`,
			`level=WARN msg="not claimed" room=delivery try=120 more=119`, `level=ERROR msg=failed operation=a`, `level=ERROR msg=failed operation=b`,
		}
		for _, w := range want {
			if !strings.Contains(text, w+"\n") {
				t.Errorf("the log lacks %s", w)
			}
		}
		if n := strings.Count(text, "level=WARN"); n != 3 || strings.Count(text, "level=INFO") != 150 {
			t.Errorf("%d warnings, want 3, and all of 150 that are none:\n%s", n, text)
		}
	})
}
