package api

import (
	"testing"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

func TestTheTagsOfListsAgreeWithTheirConstants(t *testing.T) {
	t.Parallel()
	for field, c := range map[string]struct {
		body *rest.Schema
		want int
	}{
		"pushes":   {rest.SchemaFor[batchBody](newSchemas()), push.MaxBatch},
		"receipts": {rest.SchemaFor[receiptsBody](newSchemas()), protocol.MaxReceipts},
	} {
		if got := c.body.Target().Properties[field].MaxItems; got == nil {
			t.Errorf("%s has no maxItems; want %d", field, c.want)
		} else if *got != c.want {
			t.Errorf("maxItems of %s is %d; want %d", field, *got, c.want)
		}
	}
}
