package phonetest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// obedient is a program that works until its context ends, and then takes some more time.
type obedient struct {
	more    time.Duration
	allowed *string
}

func (o obedient) Handle(ctx context.Context, e phoneline.Event) string {
	if e.Kind != phoneline.Push {
		return phoneline.OK
	}
	*o.allowed = e.Allowed
	<-ctx.Done()
	time.Sleep(o.more)
	return phoneline.Failed
}

func TestAHandlerHasThirtySecondsOnIOSAndTwentyOnAndroid(t *testing.T) {
	for platform, want := range map[Platform]time.Duration{IOS: 30 * time.Second, Android: 20 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			d := New(Config{})
			defer d.Close()
			var allowed string
			app := InProcess(func(string, func(string)) Program { return obedient{time.Hour, &allowed} })
			p, err := d.Add(t.Context(), Spec{Platform: platform, App: app, AppID: "a", State: Suspended})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			p.Deliver(Message{ID: "m1", Data: []byte(`{}`)})
			time.Sleep(want - time.Millisecond)
			if got := p.State(); got != Background {
				t.Errorf("%s: just before %s the app is %s, want background", platform, want, got)
			}
			time.Sleep(2 * time.Millisecond)
			synctest.Wait()
			if got := p.State(); got != Reclaimed || allowed != want.String() {
				t.Errorf("%s: after %s the app is %s and was told %s; want reclaimed, %s", platform, time.Since(began), got, allowed, want)
			}
			if r := p.Records(); r[len(r)-1].Reason != TimeOver {
				t.Errorf("%s: the record says %q, want time_over", platform, r[len(r)-1].Reason)
			}
		})
	}
}

func TestPushesThatFollowWhileAnAppIsAwakeGetNoFreshTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := New(Config{})
		defer d.Close()
		var allowed []string
		app := InProcess(func(string, func(string)) Program {
			return handlerFunc(func(_ context.Context, e phoneline.Event) string {
				if e.Kind == phoneline.Push {
					allowed = append(allowed, e.Allowed)
					time.Sleep(12 * time.Second)
				}
				return phoneline.NewData
			})
		})
		p, err := d.Add(t.Context(), Spec{Platform: IOS, App: app, AppID: "a", State: Suspended})
		if err != nil {
			t.Fatal(err)
		}
		p.Deliver(Message{ID: "m1", Data: []byte(`{}`)})
		p.Deliver(Message{ID: "m2", Data: []byte(`{}`)})
		time.Sleep(25 * time.Second)
		synctest.Wait()
		if len(allowed) != 2 || allowed[0] != "30s" || allowed[1] != "18s" {
			t.Errorf("the pushes were allowed %v, want 30s and the 18s that were left", allowed)
		}
		if got := p.State(); got != Suspended {
			t.Errorf("afterwards the app is %s, want suspended", got)
		}
	})
}

type handlerFunc func(context.Context, phoneline.Event) string

func (f handlerFunc) Handle(ctx context.Context, e phoneline.Event) string { return f(ctx, e) }
