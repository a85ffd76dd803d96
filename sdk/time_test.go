package sdk

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestATimeIsOverByTheServersOwnClockOnly(t *testing.T) {
	t.Parallel()
	before, at, after := noon.Add(-time.Hour), noon, noon.Add(time.Hour)
	for _, test := range []struct {
		name    string
		at      time.Time
		reading reading
		want    lateness
	}{
		{"no end", time.Time{}, reading{phone: after, server: after, certain: true}, inTime},
		{"certainly not over", at, reading{phone: after, server: before, certain: true}, inTime},
		{"certainly over", at, reading{phone: before, server: after, certain: true}, over},
		{"over this moment", at, reading{phone: before, server: at, certain: true}, over},
		{"over by neither guess", at, reading{phone: before, server: before}, inTime},
		{"over by what is remembered", at, reading{phone: before, server: after}, doubtful},
		{"over by the phone's clock", at, reading{phone: after, server: before}, doubtful},
		{"over by both guesses", at, reading{phone: after, server: after}, doubtful},
	} {
		if got := latenessAt(test.at, test.reading); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

func TestTheServersTimeIsCertainWhileItRunsOnSteadily(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var set time.Duration
		k := clock{now: func() time.Time { return time.Now().Add(set) }}
		if r := k.read(); r.certain {
			t.Error("certain before anything was heard")
		}
		k.remember(time.Hour)
		if r := k.read(); r.certain || r.server.Sub(r.phone) != time.Hour {
			t.Errorf("what is remembered gives %+v, want a guess an hour ahead", r)
		}
		server := time.Now().Add(-30 * time.Minute)
		k.hear(server)
		time.Sleep(3 * time.Hour)
		if r := k.read(); !r.certain || !r.server.Equal(server.Add(3*time.Hour)) {
			t.Errorf("three steady hours later: %+v, want it certain", r)
		}
		for _, step := range []time.Duration{time.Hour, -time.Hour, 5 * time.Second, -5 * time.Second} {
			set = step
			if r := k.read(); r.certain {
				t.Errorf("with the phone's clock set by %s: certain", step)
			}
			set = 0
			if r := k.read(); !r.certain {
				t.Errorf("with that undone: a guess")
			}
		}
		set = time.Hour
		k.hear(server)
		if r := k.read(); !r.certain || !r.server.Equal(server) {
			t.Errorf("heard anew: %+v, want it certain", r)
		}
	})
}
