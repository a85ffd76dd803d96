package gateway

import (
	"testing"

	"github.com/hushpush/hush/push"
)

func TestEachKindOfItemHasAFrame(t *testing.T) {
	t.Parallel()
	for _, kind := range push.ItemKinds() {
		if writers[kind] == nil {
			t.Errorf("items of kind %s have no frame", kind)
		}
	}
}
