package hushtest_test

import (
	"testing"

	"go.uber.org/goleak"
)

// Start has no end of its own: it ends with its test, and leaves nothing.
func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/hushpush/hush/internal/child.launch"))
}
