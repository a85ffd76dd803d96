package provider_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/h2push/wakertest"
	"github.com/hushpush/hush/internal/provider"
	"github.com/hushpush/hush/push"
)

// What a wake may come to, for Note.
var (
	refused   = push.Answer{Error: push.FailureRefused, Detail: "x"}
	page      = push.Answer{Error: push.FailureStranger, Status: 403}
	own       = push.Answer{Status: 503}
	answered  = push.Answer{Status: 200}
	noAnswer  = &push.WakeError{Fault: push.FaultProvider}
	badKey    = &push.WakeError{Fault: push.FaultCredentials, Reason: "InvalidProviderToken"}
	deadToken = &push.WakeError{Fault: push.FaultToken, Reason: "Unregistered"}
)

type step struct {
	after  time.Duration
	answer push.Answer
	err    *push.WakeError
}

func TestATroubleIsLoggedWhenItBeginsChangesAndEnds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		steps []step
		want  []string
	}{
		"counted, with how long it lasted": {
			[]step{{0, refused, noAnswer}, {time.Second, refused, noAnswer}, {time.Minute, refused, noAnswer}, {time.Second, answered, nil}, {0, answered, nil}},
			[]string{"wakes fail; error=refused; detail=x", "wakes no longer fail; failed=3; for=1m2s"},
		},
		"a dead token is an answer": {
			[]step{{0, refused, noAnswer}, {0, push.Answer{Status: 410}, deadToken}},
			[]string{"wakes fail", "wakes no longer fail; error=refused; failed=1"},
		},
		"another cause": {
			[]step{{0, refused, noAnswer}, {0, refused, noAnswer}, {0, page, noAnswer}, {0, own, badKey}, {0, own, noAnswer}, {0, answered, nil}},
			[]string{
				"wakes fail; error=refused", "wakes fail in another way; error=not_the_provider; status=403; failed:2",
				"wakes fail in another way; error=credentials; failed:1", "wakes no longer fail; error=credentials; failed=1", // the provider's 503 proves no key
			},
		},
		"causes that take turns": {
			[]step{
				{0, refused, noAnswer}, {0, page, noAnswer}, {time.Second, refused, noAnswer}, {time.Second, page, noAnswer}, {time.Second, refused, noAnswer},
				{10 * time.Second, refused, noAnswer}, {0, page, noAnswer}, {0, refused, noAnswer}, {0, answered, nil},
			},
			[]string{
				"wakes fail; error=refused", "wakes fail in another way; error=not_the_provider; failed:1",
				"wakes fail in another way; error=refused; failed:4", "wakes fail in another way; error=not_the_provider; failed:1",
				"wakes no longer fail; failed=2",
			},
		},
		"a cause that takes another's place while they come and go": {
			[]step{
				{0, refused, noAnswer}, {0, answered, nil}, {time.Second, refused, noAnswer}, {0, page, noAnswer}, {0, refused, noAnswer},
				{0, answered, nil},
			},
			[]string{"wakes fail", "wakes no longer fail"},
		},
		"one that comes and goes": {
			[]step{
				{0, refused, noAnswer}, {0, answered, nil}, {time.Second, refused, noAnswer}, {0, answered, nil}, {time.Second, refused, noAnswer}, {0, answered, nil},
			},
			[]string{"wakes fail", "wakes no longer fail"},
		},
		"one that comes and stays": {
			[]step{{0, refused, noAnswer}, {0, answered, nil}, {time.Second, page, noAnswer}, {11 * time.Second, page, noAnswer}, {0, answered, nil}},
			[]string{"wakes fail", "wakes no longer fail", "wakes fail; error=not_the_provider; failed=2", "wakes no longer fail; failed=2"},
		},
		"one that comes back later": {
			[]step{{0, refused, noAnswer}, {0, answered, nil}, {time.Minute, refused, noAnswer}},
			[]string{"wakes fail", "wakes no longer fail", "wakes fail"},
		},
		"what is nobody's trouble": {
			[]step{
				{0, own, noAnswer}, {0, push.Answer{Status: 410}, deadToken}, {0, push.Answer{Error: push.FailureStopping}, noAnswer},
				{0, push.Answer{Status: 401}, &push.WakeError{Fault: push.FaultCredentials, Reach: push.ReachDevice}},
				{0, push.Answer{Error: push.FailureNotSent}, &push.WakeError{Fault: push.FaultPush}},
			},
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log, now := &wakertest.Log{}, time.Now()
			troubles := provider.NewTroubles(log.Logger(), push.APNs, func() time.Time { return now })
			for _, s := range c.steps {
				now = now.Add(s.after)
				troubles.Note("notes", s.answer, s.err, false)
			}
			wakertest.Warnings(t, log, c.want...)
		})
	}
}

func TestTroublesOfManyAppsAreBounded(t *testing.T) {
	t.Parallel()
	log := &wakertest.Log{}
	troubles := provider.NewTroubles(log.Logger(), push.FCM, time.Now)
	const apps = 10_100
	for i := range apps {
		troubles.Note(fmt.Sprint(i), refused, noAnswer, false)
	}
	for i := range apps {
		troubles.Note(fmt.Sprint(i), answered, nil, false)
	}
	if got := strings.Count(log.String(), "wakes no longer fail"); got != 10_000 {
		t.Errorf("%d apps are remembered, want 10000", got)
	}
}
