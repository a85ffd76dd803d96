package worldtest

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// Request is a request to either provider.
type Request struct {
	Provider string `json:"provider" enum:"apns,fcm"`
	simkit.Entry
}

// RequestPage is the answer of GET /_sim/requests.
type RequestPage struct {
	Requests []Request `json:"requests" doc:"Oldest first; ids count for each provider."`
	Cursor   string    `json:"cursor" doc:"Where the next page begins; empty at the end."`
}

// requestQuery selects requests.
type requestQuery struct {
	Provider string `query:"provider" enum:"apns,fcm" doc:"of this provider only"`
	simkit.RequestQuery
}

func (p providers) requestRoutes(c *simkit.Control) {
	simkit.Handle(c, rest.Route{Method: "GET", Path: "/_sim/requests", Summary: "What clients have asked of either provider, oldest first."},
		func(_ context.Context, in *requestQuery) (*rest.Answer[*RequestPage], error) {
			apns, fcm, ok := positions(in.Cursor)
			if !ok {
				return nil, rest.InvalidField("query.cursor", "was not given here")
			}
			return rest.NewAnswer(http.StatusOK, p.requestPage(in, apns, fcm)), nil
		})
}

// positions returns the ids, one for each provider, after which a cursor goes on.
func positions(cursor string) (apns, fcm int, ok bool) {
	if cursor == "" {
		return 0, 0, true
	}
	a, f, ok := strings.Cut(cursor, ".")
	apns, errA := strconv.Atoi(a)
	fcm, errF := strconv.Atoi(f)
	return apns, fcm, ok && errA == nil && errF == nil && apns >= 0 && fcm >= 0
}

// requestPage merges what the providers have seen, by time.
func (p providers) requestPage(q *requestQuery, lastAPNs, lastFCM int) *RequestPage {
	apns := after(p.apns.Requests(), q, nameAPNs, lastAPNs)
	fcm := after(p.fcm.Requests(), q, nameFCM, lastFCM)
	page := &RequestPage{Requests: []Request{}}
	for len(page.Requests) < q.Limit && len(apns)+len(fcm) > 0 {
		if len(fcm) == 0 || len(apns) > 0 && !fcm[0].At.Before(apns[0].At) {
			page.Requests = append(page.Requests, Request{nameAPNs, apns[0]})
			lastAPNs, apns = number(apns[0]), apns[1:]
			continue
		}
		page.Requests = append(page.Requests, Request{nameFCM, fcm[0]})
		lastFCM, fcm = number(fcm[0]), fcm[1:]
	}
	if len(apns)+len(fcm) > 0 {
		page.Cursor = fmt.Sprintf("%d.%d", lastAPNs, lastFCM)
	}
	return page
}

// after returns the entries of a provider's ledger after an id that match the query.
func after(all []simkit.Entry, q *requestQuery, provider string, id int) (found []simkit.Entry) {
	if q.Provider != "" && q.Provider != provider {
		return nil
	}
	for _, e := range all {
		if number(e) > id && (q.Token == "" || strings.EqualFold(q.Token, e.Token) && provider == nameAPNs || q.Token == e.Token) {
			found = append(found, e)
		}
	}
	return found
}

// number returns an entry's id, which ledgers count up from 1.
func number(e simkit.Entry) int {
	n, _ := strconv.Atoi(e.ID)
	return n
}
