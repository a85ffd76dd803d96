package phonetest_test

import (
	"context"
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// openedPhone starts a phone as its person does, with a push on its way.
type openedPhone struct{ *phonetest.Phone }

func (p openedPhone) Start(ctx context.Context) error {
	p.Deliver(message("m1", ""))
	return p.Open(ctx)
}

func (p openedPhone) Stop() error {
	p.Close()
	return nil
}

// openedFleet starts a fleet by adding a phone to it.
type openedFleet struct{ *phonetest.Fleet }

func (f openedFleet) Start(ctx context.Context) error {
	_, err := f.Add(ctx, phonetest.Spec{Platform: phonetest.Android, App: phonetest.InProcess(newApp), AppID: "a", State: phonetest.Foreground})
	return err
}

func (f openedFleet) Stop() error {
	f.Close()
	return nil
}

func TestAPhoneStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(t *testing.T) lifecycle.Service {
		f := phonetest.New(phonetest.Config{})
		p, err := f.Add(t.Context(), phonetest.Spec{Platform: phonetest.IOS, App: phonetest.InProcess(newApp), AppID: "a"})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { // every case has stopped it
			if state := p.State(); state != phonetest.NeverRun && state != phonetest.Reclaimed {
				t.Errorf("the phone is closed, and its app is %s", state)
			}
			f.Close()
		})
		return openedPhone{p}
	})
}

func TestAFleetStartsAndStopsAsEveryServiceDoes(t *testing.T) {
	lifecycle.Exercise(t, func(*testing.T) lifecycle.Service { return openedFleet{phonetest.New(phonetest.Config{})} })
}
