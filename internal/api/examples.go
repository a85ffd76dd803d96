package api

import (
	"github.com/danielgtaylor/huma/v2"
)

// documentExamples puts an example into each body.
func documentExamples(op *huma.Operation, r route) {
	if op.RequestBody != nil && r.example != nil {
		for _, media := range op.RequestBody.Content {
			media.Example = r.example
		}
	}
}
