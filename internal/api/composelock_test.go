package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/hushpush/hush/push"
)

func TestFollowersComposeWhatTheyTellOneAfterTheOther(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &API{composing: newComposeLock()}
		follow := func() *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			s := &appStream{eventWriter: &eventWriter{w: w, control: http.NewResponseController(w)}, api: a, app: "notes"}
			events := []push.AppEvent{{PushID: "p1", ResourceID: "both"}, {PushID: "p2", ResourceID: "both"}}
			go func() {
				if err := s.sendAsked(t.Context(), events); err != nil {
					t.Error(err)
				}
			}()
			return w
		}
		composing := make(chan struct{})
		go func() { _ = a.composing.do(t.Context(), func() error { <-composing; return nil }) }()
		synctest.Wait()
		first, second := follow(), follow()
		synctest.Wait()
		if first.Body.Len()+second.Body.Len() != 0 {
			t.Errorf("told %q and %q while another one composes; want nothing yet", first.Body, second.Body)
		}
		close(composing)
		synctest.Wait()
		for _, w := range []*httptest.ResponseRecorder{first, second} {
			if n := strings.Count(w.Body.String(), "event: event\n"); n != 2 {
				t.Errorf("told %d events in %q; want 2", n, w.Body)
			}
		}
	})
}
