package worldtest

import (
	"context"
	"net/http"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// PhoneResult is the answer to a phone that was made.
type PhoneResult struct {
	Phone string `json:"phone"`
	Token string `json:"token" doc:"The app's provider token, to send to."`
}

// PhonePage is the answer of GET /_sim/phones.
type PhonePage struct {
	Phones []PhoneState `json:"phones" doc:"By name, without their logs."`
	Cursor string       `json:"cursor" doc:"Where the next page begins; empty at the end."`
}

// ofPhone is a request about the phone that its path names.
type ofPhone struct {
	Phone string `path:"phone"`
}

// phoneChange is a request that changes the phone that its path names.
type phoneChange struct {
	ofPhone
	Body PhoneChange
}

func (r *roster) routes(c *simkit.Control) {
	const one = "/_sim/phones/{phone}"
	simkit.Handle(c, rest.Route{Method: "POST", Path: "/_sim/phones", Summary: "Make a phone with the app on it.", Status: http.StatusCreated}, r.post)
	simkit.Handle(c, rest.Route{Method: "GET", Path: "/_sim/phones", Summary: "All phones."}, r.list)
	simkit.Handle(c, rest.Route{Method: "GET", Path: one, Summary: "A phone with its device log and what it did with each push."}, r.get)
	simkit.Handle(c, rest.Route{Method: "POST", Path: one, Summary: "Change a phone, or what its app is doing."}, r.postChange)
	simkit.Handle(c, rest.Route{Method: "DELETE", Path: one, Summary: "Put a phone away; its token is off-line from then on.", Status: http.StatusNoContent}, r.delete)
}

func (r *roster) post(ctx context.Context, in *simkit.WithBody[NewPhone]) (*rest.Answer[PhoneResult], error) {
	p, err := r.create(ctx, in.Body)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusCreated, PhoneResult{p.Name(), p.Token()}), nil
}

func (r *roster) list(_ context.Context, in *simkit.Page) (*rest.Answer[PhonePage], error) {
	if in.Cursor != "" && !phoneName.MatchString(in.Cursor) {
		return nil, rest.InvalidField("query.cursor", "was not given here")
	}
	page := PhonePage{Phones: []PhoneState{}}
	for _, p := range r.fleet.Phones() {
		if in.Cursor != "" && phonetest.CompareNames(p.Name(), in.Cursor) <= 0 {
			continue
		}
		if len(page.Phones) == in.Limit {
			page.Cursor = page.Phones[in.Limit-1].Phone
			break
		}
		page.Phones = append(page.Phones, view(p))
	}
	return rest.NewAnswer(http.StatusOK, page), nil
}

// find returns the phone that a path names.
func (r *roster) find(in ofPhone) (*phonetest.Phone, error) {
	if p := r.fleet.Phone(in.Phone); p != nil {
		return p, nil
	}
	return nil, rest.NotFound("no phone has this name")
}

func (r *roster) get(_ context.Context, in *ofPhone) (*rest.Answer[*Phone], error) {
	p, err := r.find(*in)
	if err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, wholeView(p)), nil
}

func (r *roster) postChange(ctx context.Context, in *phoneChange) (*rest.Answer[*Phone], error) {
	p, err := r.find(in.ofPhone)
	if err != nil {
		return nil, err
	}
	if err := r.change(ctx, p, in.Body); err != nil {
		return nil, err
	}
	return rest.NewAnswer(http.StatusOK, wholeView(p)), nil
}

func (r *roster) delete(_ context.Context, in *ofPhone) (*rest.None, error) {
	p, err := r.find(*in)
	if err != nil {
		return nil, err
	}
	p.Close()
	return &rest.None{}, nil
}
