package worldtest

import (
	"net/http"

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

func (w *World) phoneRoutes(c *simkit.Control) {
	simkit.Handle(c, simkit.Route{Method: "POST", Path: "/_sim/phones", Summary: "Make a phone with the app on it.", Status: []int{201}},
		func(call *simkit.Call[NewPhone]) (int, *PhoneResult, error) {
			p, err := w.addPhone(call.Context, *call.Body)
			if err != nil {
				return 0, nil, err
			}
			return http.StatusCreated, &PhoneResult{p.Name(), p.Token()}, nil
		})
	simkit.Handle(c, simkit.Route{Method: "GET", Path: "/_sim/phones", Summary: "All phones.", Status: []int{200},
		Query: []simkit.QueryParam{{Name: "cursor", Doc: "from a former page"}, {Name: "limit", Doc: "at most this many; 1000 unless told"}}},
		func(call *simkit.Call[simkit.None]) (int, *PhonePage, error) {
			page, err := w.phonePage(call.Query("cursor"), call.Query("limit"))
			return http.StatusOK, page, err
		})
	const one = "/_sim/phones/{phone}"
	simkit.Handle(c, simkit.Route{Method: "GET", Path: one, Summary: "A phone with its device log and what it did with each push.", Status: []int{200}},
		func(call *simkit.Call[simkit.None]) (int, *Phone, error) {
			p := w.Phones.Phone(call.Path("phone"))
			if p == nil {
				return 0, nil, errNoPhone()
			}
			return http.StatusOK, wholeView(p), nil
		})
	simkit.Handle(c, simkit.Route{Method: "POST", Path: one, Summary: "Change a phone, or what its app is doing.", Status: []int{200}},
		func(call *simkit.Call[PhoneChange]) (int, *Phone, error) {
			p := w.Phones.Phone(call.Path("phone"))
			if p == nil {
				return 0, nil, errNoPhone()
			}
			if err := w.changePhone(call.Context, p, *call.Body); err != nil {
				return 0, nil, err
			}
			return http.StatusOK, wholeView(p), nil
		})
	simkit.Handle(c, simkit.Route{Method: "DELETE", Path: one, Summary: "Put a phone away; its token is off-line from then on.", Status: []int{204}},
		func(call *simkit.Call[simkit.None]) (int, *simkit.None, error) {
			p := w.Phones.Phone(call.Path("phone"))
			if p == nil {
				return 0, nil, errNoPhone()
			}
			p.Close()
			return http.StatusNoContent, nil, nil
		})
}

func (w *World) phonePage(cursor, limitText string) (*PhonePage, error) {
	limit, err := pageSize(limitText)
	if err != nil {
		return nil, err
	}
	if cursor != "" && !phoneName.MatchString(cursor) {
		return nil, simkit.InvalidField("query.cursor", "was not given here")
	}
	page := &PhonePage{Phones: []PhoneState{}}
	for _, p := range w.Phones.Phones() {
		if cursor != "" && phonetest.CompareNames(p.Name(), cursor) <= 0 {
			continue
		}
		if len(page.Phones) == limit {
			page.Cursor = page.Phones[limit-1].Phone
			break
		}
		page.Phones = append(page.Phones, view(p))
	}
	return page, nil
}
