package phonetest

import (
	"time"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// handover gives pushes to the app that runs, and waits for its results. It has no state of its own.
type handover struct {
	device
	budgets *budgets
	app     *execution
}

func newHandover(d device, b *budgets, app *execution) *handover {
	return &handover{device: d, budgets: b, app: app}
}

var dids = map[action]Did{give: Gave, resume: Resumed, launch: Launched}

// give gives a push to the app, which was woken up for it, and waits for its result.
func (h *handover) give(m Message, w wakeUp) {
	instance, run := h.app.running()
	if instance == nil {
		h.record.add(Record{Push: m.ID, Did: dids[w.how], Reason: AppGone, State: w.found})
		return
	}
	if h.spec.Platform == Android && h.budgets.repeats(run, m.ID) {
		h.record.add(Record{Push: m.ID, Did: Dropped, Reason: Repeated, State: w.found, PID: instance.PID()})
		return
	}
	end := h.app.pushEnd(w.began)
	e := phoneline.Event{Kind: phoneline.Push, Data: m.Data, Allowed: time.Until(end).Round(100 * time.Millisecond).String()}
	if m.Deleted {
		e.Kind, e.Data = phoneline.DeletedMessages, nil
	}
	if h.clock.off() != 0 {
		shown := h.clock.shown()
		e.Clock = &shown
	}
	e = h.app.number(e)
	r := h.record.add(Record{Push: m.ID, Did: dids[w.how], State: w.found, PID: instance.PID()})
	r.Result, r.Reason = h.await(instance, instance.Send(e), end)
	r.Took = time.Since(w.began)
	h.finish(r, instance)
}

// await waits for the handler's result, the end of the app, or the end of the time allowed.
func (h *handover) await(instance Instance, answer <-chan phoneline.Answer, end time.Time) (Result, Reason) {
	over := time.NewTimer(time.Until(end))
	defer over.Stop()
	var a phoneline.Answer
	select {
	case a = <-answer:
	case <-instance.Done():
		select {
		case a = <-answer: // it answered, and ended then
		default:
			return "", AppGone
		}
	case <-over.C:
		return "", TimeOver
	}
	switch r := Result(a.Result); r {
	case NewData, NoData, Failed:
		return r, ""
	case phoneline.OK: // of deleted_messages
		return NoData, ""
	}
	h.record.logSystem(instance.PID(), "the app answered a push with the result \""+a.Result+"\"; want new_data, no_data or failed")
	return Failed, ""
}

// finish records how a handler ended, and on iOS what it cost. An app whose handler took longer than allowed is killed, unless
// it is in the foreground.
func (h *handover) finish(r Record, instance Instance) {
	h.app.steps.Lock()
	defer h.app.steps.Unlock()
	rules := h.fleet.cfg.Rules
	if h.spec.Platform == IOS && r.State != Foreground {
		h.budgets.spend(penalty(r.Result, r.Reason, r.Took, rules), h.clock.now())
	}
	if running, _ := h.app.running(); r.Reason == TimeOver && running == instance && h.app.now() != Foreground {
		h.app.kill(Reclaimed, "its handler took longer than the "+rules.allowed(h.spec.Platform).String()+" allowed")
	}
	h.record.amend(r)
}
