package apns_test

import (
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAnAPNsClientCloses(t *testing.T) {
	lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
		w := setup(t, nil)
		return lifecycle.Opened{
			Use:   func() { _, _ = w.Wake(t.Context(), phone(), w.wake("1")) },
			Close: func() error { w.Close(); return nil },
		}
	})
}
