package gateway

import (
	"testing"
	"unsafe"
)

func TestSessionsStateIsSmall(t *testing.T) {
	t.Parallel()
	if size := unsafe.Sizeof(session{}); size > 200 {
		t.Errorf("a session has %d bytes of state, want at most 200", size)
	}
}
