package fcm_test

import (
	"testing"

	"github.com/hushpush/hush/internal/lifecycle"
)

func TestAnFCMClientCloses(t *testing.T) {
	lifecycle.ExerciseClose(t, func(t *testing.T) lifecycle.Opened {
		w := setup(t, nil)
		return lifecycle.Opened{
			Use:   func() { _, _ = w.Wake(t.Context(), phone(), wake("1")) },
			Close: func() error { w.Close(); return nil },
		}
	})
}
