package gateway

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// nobody stands in for the other rooms in tests where only time matters.
type nobody struct {
	Auth
	Receiver
	Devices
	Pushes
}

func (nobody) SessionOpened(push.DeviceKey) {}
func (nobody) SessionClosed(push.DeviceKey) {}

// asleep returns a gateway whose sessions have no socket: their frames stay queued.
func asleep(t *testing.T, tokens ...time.Duration) (*Gateway, []*session) {
	t.Helper()
	g, err := New(Config{Auth: nobody{}, Receiver: nobody{}, Notify: nobody{}, Devices: nobody{}, Pushes: nobody{}})
	if err != nil {
		t.Fatal(err)
	}
	var sessions []*session
	for i, ttl := range tokens {
		s := newSession(g, push.Device{App: "notes", ID: fmt.Sprint(i)}, time.Now().Add(ttl))
		s.release = func() {}
		g.enter(s)
		s.mu.Lock()
		s.beat()
		s.mu.Unlock()
		sessions = append(sessions, s)
	}
	return g, sessions
}

// standing returns a session's close code and how many frames wait.
func (s *session) standing() (code, frames int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.out != nil {
		frames = len(s.out.queue)
	}
	return int(s.code), frames
}

func TestEachSessionEndsWithItsOwnToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tokens := make([]time.Duration, 200)
		for i := range tokens {
			tokens[i] = time.Duration(i+1) * 100 * time.Millisecond
		}
		rand.Shuffle(len(tokens), func(i, j int) { tokens[i], tokens[j] = tokens[j], tokens[i] })
		_, sessions := asleep(t, tokens...)
		for i := 0; i < len(sessions); i += 3 {
			sessions[i].end(protocol.CloseReplaced) // the others keep their time
		}
		time.Sleep(50 * time.Millisecond)
		for range tokens {
			synctest.Wait()
			for i, s := range sessions {
				code, _ := s.standing()
				if over := time.Since(time.Unix(0, s.since)) > tokens[i]; i%3 != 0 && over != (code == protocol.CloseTokenExpired) {
					t.Fatalf("%s after the start, a session whose token lasts %s has close code %d", time.Since(time.Unix(0, s.since)), tokens[i], code)
				}
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
}

func TestHeartbeatsPingAndThenEndASilentSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		g, sessions := asleep(t, time.Hour, time.Hour, time.Hour)
		silent, heard, left := sessions[0], sessions[1], sessions[2]
		left.end(protocol.CloseReplaced)
		time.Sleep(g.cfg.Heartbeat + time.Millisecond)
		synctest.Wait()
		if code, frames := silent.standing(); code != 0 || frames != 1 {
			t.Errorf("after one heartbeat: close code %d and %d frames, want a ping", code, frames)
		}
		heard.hear()
		time.Sleep(g.cfg.Heartbeat)
		synctest.Wait()
		if code, _ := silent.standing(); code != protocol.CloseIdle {
			t.Errorf("silent for two heartbeats: close code %d, want %d", code, protocol.CloseIdle)
		}
		if code, frames := heard.standing(); code != 0 || frames != 2 {
			t.Errorf("heard meanwhile: close code %d and %d frames, want two pings", code, frames)
		}
		if _, frames := left.standing(); frames != 0 {
			t.Errorf("a session that has ended got %d frames", frames)
		}
		heard.end(protocol.CloseReplaced)
		g.beats.mu.Lock()
		defer g.beats.mu.Unlock()
		if len(g.beats.due) != 0 {
			t.Errorf("%d sessions are to be called, want none", len(g.beats.due))
		}
	})
}
