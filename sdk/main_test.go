package sdk_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if job := os.Getenv("SDK_TEST_JOB"); job != "" {
		helper(job)
		return
	}
	goleak.VerifyTestMain(m)
}
