package provider_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/h2push"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/internal/provider/wakertest"
	"github.com/hushpush/hush/push"
)

// script is a sender that gives results in turn, the last one again and again.
type script struct {
	results []provider.Result
	mend    []bool // what it was allowed, each time
}

func (s *script) Send(_ context.Context, r provider.Request) provider.Result {
	s.mend = append(s.mend, r.Mend)
	return s.results[min(len(s.mend), len(s.results))-1]
}

func (*script) Close(context.Context) {}

// room returns a client whose only sender is s.
func room(t *testing.T, s *script) (*provider.Client, *wakertest.Credentials) {
	t.Helper()
	creds := &wakertest.Credentials{}
	creds.Put("notes", push.Credential{APNs: &push.APNsCredential{TeamID: "one"}})
	c := provider.NewClient(provider.Config{
		Provider: push.APNs, Credentials: creds, RequestTimeout: time.Hour, TimedOut: push.Timeout("too late"),
		Logger: (&wakertest.Log{}).Logger(), Now: time.Now,
		NewSender: func(string, push.Credential) (provider.Sender, error) { return s, nil },
	})
	t.Cleanup(c.Close)
	return c, creds
}

func TestHowOftenAWakeIsSent(t *testing.T) {
	t.Parallel()
	taken := provider.Result{Answer: push.Answer{Status: 200}}
	mended := provider.Result{Answer: push.Answer{Status: 403}, Refused: &push.WakeError{Fault: push.FaultCredentials}, Mended: true}
	refused := provider.Result{Answer: push.Answer{Status: 403}, Refused: &push.WakeError{Fault: push.FaultCredentials}}
	closed := provider.Result{Refused: &push.WakeError{Fault: push.FaultProvider, Err: fmt.Errorf("x: %w", h2push.ErrClosed)}}
	lost := provider.Result{Refused: &push.WakeError{Fault: push.FaultProvider, Err: fmt.Errorf("x: %w", h2push.ErrClosed), Unclear: true}}
	for name, c := range map[string]struct {
		results []provider.Result
		mend    []bool // what the sender may do, for each time that the wake is sent
		mended  int
		want    push.Fault // "": taken
	}{
		"taken":                           {[]provider.Result{taken}, []bool{true}, 0, ""},
		"refused":                         {[]provider.Result{refused}, []bool{true}, 0, push.FaultCredentials},
		"mended, then taken":              {[]provider.Result{mended, taken}, []bool{true, false}, 1, ""},
		"mended, then refused":            {[]provider.Result{mended, refused}, []bool{true, false}, 1, push.FaultCredentials},
		"the sender was closed before":    {[]provider.Result{closed, taken}, []bool{true, true}, 0, ""},
		"closed and mended":               {[]provider.Result{closed, mended, taken}, []bool{true, true, false}, 1, ""},
		"closed again and again":          {[]provider.Result{closed}, []bool{true, true, true}, 0, push.FaultProvider},
		"closed when it may have arrived": {[]provider.Result{lost, taken}, []bool{true}, 0, push.FaultProvider},
	} {
		s := &script{results: c.results}
		client, _ := room(t, s)
		answer, err := client.Send(t.Context(), &push.Device{App: "notes"}, &push.Wake{}, provider.Request{}, nil)
		var e *push.WakeError
		var fault push.Fault
		if errors.As(err, &e) {
			fault = e.Fault
		}
		if !slices.Equal(s.mend, c.mend) || len(answer.Mended) != c.mended || fault != c.want || (err == nil) != (c.want == "") {
			t.Errorf("%s: sent with leave to mend %v, %d mended, %v; want %v, %d, %q", name, s.mend, len(answer.Mended), err, c.mend, c.mended, c.want)
		}
	}
}

func TestTheStoreIsAskedAgainOnceACredentialWasRefused(t *testing.T) {
	t.Parallel()
	for fault, want := range map[push.Fault]int{push.FaultCredentials: 2, push.FaultToken: 1} {
		client, creds := room(t, &script{results: []provider.Result{{Refused: &push.WakeError{Fault: fault}}}})
		for range 2 {
			_, _ = client.Send(t.Context(), &push.Device{App: "notes"}, &push.Wake{}, provider.Request{}, nil)
		}
		if got := creds.Asked(); got != want {
			t.Errorf("two wakes refused for %s: the store was asked %d times, want %d", fault, got, want)
		}
	}
}

func TestAWakeOfWhichNoRequestCanBeMadeIsNotSent(t *testing.T) {
	t.Parallel()
	s := &script{}
	client, _ := room(t, s)
	answer, err := client.Send(t.Context(), &push.Device{App: "notes"}, &push.Wake{}, provider.Request{},
		&push.WakeError{Fault: push.FaultPush, Reason: "BadTopic", Err: errors.New("no such topic")})
	var e *push.WakeError
	if !errors.As(err, &e) || e.Reason != "BadTopic" || answer.Error != push.FailureNotSent || answer.Detail != "no such topic" || len(s.mend) != 0 {
		t.Errorf("got %+v, %v after %d requests; want not sent, and why", answer, err, len(s.mend))
	}
}
