package phoneline_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

func TestEventsAreHandledInOrderAndPushesBesideThem(t *testing.T) {
	t.Parallel()
	told := make(chan struct{})
	in := strings.NewReader(`{"id":"1","phone":"p1","event":"push","data":{"k":"v"},"allowed":"30s"}` + "\n\n" +
		`{"id":"2","phone":"p1","event":"state","state":"foreground"}` + "\n")
	var out bytes.Buffer
	err := phoneline.Serve(t.Context(), in, &out, func(ctx context.Context, e phoneline.Event) string {
		if e.Kind == phoneline.State {
			close(told) // a push that waits for this would never end if it held up the others
			return phoneline.OK
		}
		<-told
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > 30*time.Second {
			t.Errorf("the push has until %v, want at most 30s", deadline)
		}
		return string(e.Data)
	})
	want := `{"id":"2","result":"ok"}` + "\n" + `{"id":"1","result":"{\"k\":\"v\"}"}` + "\n"
	got := strings.Split(out.String(), "\n")
	if err != nil || len(got) != 3 || !strings.Contains(want, got[0]) || !strings.Contains(want, got[1]) {
		t.Errorf("the app wrote %q, error %v; want the lines of %q", out.String(), err, want)
	}
}

func TestALineThatIsNoEventEndsTheLineWithAnError(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"hello", "[]", `{"id":1}`, strings.Repeat("x", phoneline.MaxLineBytes+1)} {
		err := phoneline.Serve(t.Context(), strings.NewReader(line+"\n"), io.Discard, func(context.Context, phoneline.Event) string {
			t.Errorf("%.20q reached the handler", line)
			return ""
		})
		if err == nil {
			t.Errorf("%.20q: no error", line)
		}
	}
}
