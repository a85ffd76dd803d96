package worldtest

import (
	"net/http"
	"strings"

	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// FaultBody is the body of POST /_sim/faults: a fault, and at whom.
type FaultBody struct {
	Provider string `json:"provider,omitempty" enum:"apns,fcm" doc:"Unless told: whose the token in match is, FCM for its endpoint oauth, else both, and each counts for itself."`
	simkit.Fault
}

// FaultResult is the answer to a fault that was set.
type FaultResult struct {
	ID string `json:"id" doc:"The provider and the fault's id there, such as apns-f1; for both apns-f1+fcm-f1."`
}

func (w *World) faultRoutes(c *simkit.Control) {
	simkit.Handle(c, simkit.Route{Method: "POST", Path: "/_sim/faults", Summary: "Spoil requests on purpose.", Status: []int{201}},
		func(call *simkit.Call[FaultBody]) (int, *FaultResult, error) {
			id, err := w.addFault(*call.Body)
			return http.StatusCreated, &FaultResult{id}, err
		})
	simkit.Handle(c, simkit.Route{Method: "DELETE", Path: "/_sim/faults", Summary: "Take all faults away.", Status: []int{204}},
		func(*simkit.Call[simkit.None]) (int, *simkit.None, error) {
			w.APNs.DeleteFaults()
			w.FCM.DeleteFaults()
			return http.StatusNoContent, nil, nil
		})
	simkit.Handle(c, simkit.Route{Method: "DELETE", Path: "/_sim/faults/{id}", Summary: "Take a fault away.", Status: []int{204}},
		func(call *simkit.Call[simkit.None]) (int, *simkit.None, error) {
			if !w.deleteFault(call.Path("id")) {
				return 0, nil, simkit.NotFound("no fault has this id")
			}
			return http.StatusNoContent, nil, nil
		})
}

// addFault sets a fault at whom it is for, or, if it is wrong for one of them, at nobody.
func (w *World) addFault(b FaultBody) (string, error) {
	provider := b.Provider
	if provider == "" && b.Match.Token != "" {
		provider = w.whose(b.Match.Token)
	}
	if known, is := w.APNs.State(b.Match.Token); is {
		b.Match.Token = known.Token // spelled as it was registered
	}
	if provider == "" && b.Match.Endpoint == "oauth" { // which APNs does not have
		provider = nameFCM
	}
	var ids []string
	if provider != nameFCM {
		id, err := w.APNs.AddFault(b.Fault)
		if err != nil {
			return "", err
		}
		ids = append(ids, nameAPNs+"-"+id)
	}
	if provider != nameAPNs {
		id, err := w.FCM.AddFault(b.Fault)
		if err != nil {
			if len(ids) > 0 {
				w.deleteFault(ids[0])
			}
			return "", err
		}
		ids = append(ids, nameFCM+"-"+id)
	}
	return strings.Join(ids, "+"), nil
}

// deleteFault reports whether the id was ever given.
func (w *World) deleteFault(id string) bool {
	all := true
	for part := range strings.SplitSeq(id, "+") {
		name, id, _ := strings.Cut(part, "-")
		switch name {
		case nameAPNs:
			all = w.APNs.DeleteFault(id) && all
		case nameFCM:
			all = w.FCM.DeleteFault(id) && all
		default:
			return false
		}
	}
	return all
}
