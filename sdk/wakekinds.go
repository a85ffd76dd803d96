package sdk

import (
	"context"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// wakeKinds handle what a wake carries, a line for each kind of item. Kinds that this version does not know are left to the
// inbox.
var wakeKinds = []func(*inWake, context.Context){
	(*inWake).pushes,
}

// inWake is one wake that is being handled.
type inWake struct {
	runner     *runner
	wake       protocol.Wake
	path       push.Path
	of         owner
	background bool
	inDoubt    bool                 // it may have expired: the inbox has those of its pushes that have not
	fetch      map[string]push.Path // pushes that the inbox has, with how their wake came
	results    []FetchResult
	errs       []error
}

// pushes handles the pushes that the wake carries, as far as the time allows.
func (h *inWake) pushes(ctx context.Context) {
	for _, p := range h.wake.Pushes {
		if p.Payload == nil || h.inDoubt {
			h.fetch[p.ID] = h.path
			continue
		}
		r, o, err := h.runner.run(ctx, arrival{message: wakeMessage(p, h.path), of: h.of, background: h.background})
		if err != nil {
			h.errs = append(h.errs, err)
		}
		if o != dropped && o != notRun {
			h.results = append(h.results, r)
		}
	}
}
