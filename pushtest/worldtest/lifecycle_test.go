package worldtest_test

import (
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/worldtest"
)

func TestAWorldCloses(t *testing.T) {
	app := phonetest.InProcess(func(_ string, log func(string)) phonetest.Program { return greeter{log} })
	lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
		w, err := worldtest.Start(worldtest.Config{
			APNs: apnstest.Config{Listen: "127.0.0.1:0"}, FCM: fcmtest.Config{Listen: "127.0.0.1:0"}, Control: "127.0.0.1:0",
		})
		if err != nil {
			t.Fatal(err)
		}
		return lifecycle.Opened{
			Use: func() {
				_, _ = w.Phones.Add(t.Context(), phonetest.Spec{Platform: phonetest.IOS, App: app, AppID: "a", State: phonetest.Background})
			},
			Close: func() error { w.Close(); return nil },
		}
	})
}
