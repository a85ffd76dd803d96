package worldtest

import (
	"context"
	"net/http"
	"strings"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// FaultBody is the body of POST /_sim/faults: a fault, and the provider that it is for.
type FaultBody struct {
	Provider string `json:"provider,omitempty" minLength:"1" enum:"apns,fcm" doc:"Unless told: whose the token in match is, FCM for its endpoint oauth, else both, and each counts for itself."`
	simkit.Fault
}

// FaultResult is the answer to a fault that was set.
type FaultResult struct {
	ID string `json:"id" doc:"The provider and the fault's id there, such as apns-f1; for both apns-f1+fcm-f1."`
}

func (p providers) faultRoutes(c *simkit.Control) {
	simkit.Handle(c, simkit.SetFault, func(_ context.Context, in *simkit.WithBody[FaultBody]) (*rest.Answer[FaultResult], error) {
		id, err := p.addFault(in.Body)
		return rest.NewAnswer(http.StatusCreated, FaultResult{id}), err
	})
	simkit.Handle(c, simkit.DeleteFaults, func(context.Context, *rest.None) (*rest.None, error) {
		p.apns.DeleteFaults()
		p.fcm.DeleteFaults()
		return &rest.None{}, nil
	})
	simkit.Handle(c, simkit.DeleteFault, func(_ context.Context, in *simkit.OfFault) (*rest.None, error) {
		if !p.deleteFault(in.ID) {
			return nil, simkit.UnknownFault()
		}
		return &rest.None{}, nil
	})
}

// addFault sets a fault at each provider that it is for. If one of them refuses it, it is set at none.
func (p providers) addFault(b FaultBody) (string, error) {
	provider := b.Provider
	if provider == "" && b.Match.Token != "" {
		provider = p.whose(b.Match.Token)
	}
	if known, is := p.apns.State(b.Match.Token); is {
		b.Match.Token = known.Token // spelled as it was registered
	}
	if provider == "" && b.Match.Endpoint == "oauth" { // which APNs does not have
		provider = nameFCM
	}
	var ids []string
	if provider != nameFCM {
		id, err := p.apns.AddFault(b.Fault)
		if err != nil {
			return "", err
		}
		ids = append(ids, nameAPNs+"-"+id)
	}
	if provider != nameAPNs {
		id, err := p.fcm.AddFault(b.Fault)
		if err != nil {
			if len(ids) > 0 {
				p.deleteFault(ids[0])
			}
			return "", err
		}
		ids = append(ids, nameFCM+"-"+id)
	}
	return strings.Join(ids, "+"), nil
}

// deleteFault deletes a fault, and reports whether its id was ever given.
func (p providers) deleteFault(id string) bool {
	all := true
	for part := range strings.SplitSeq(id, "+") {
		name, id, _ := strings.Cut(part, "-")
		switch name {
		case nameAPNs:
			all = p.apns.DeleteFault(id) && all
		case nameFCM:
			all = p.fcm.DeleteFault(id) && all
		default:
			return false
		}
	}
	return all
}
