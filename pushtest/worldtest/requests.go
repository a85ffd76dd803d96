package worldtest

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"

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

const pageLimit = 1000 // the usual and the largest page

func (w *World) requestRoutes(c *simkit.Control) {
	simkit.Handle(c, simkit.Route{Method: "GET", Path: "/_sim/requests", Summary: "What clients have asked of either provider, oldest first.", Status: []int{200},
		Query: []simkit.QueryParam{{Name: "provider", Doc: "apns or fcm only"}, {Name: "token", Doc: "only requests for this device token"},
			{Name: "cursor", Doc: "from a former page"}, {Name: "limit", Doc: "at most this many; 1000 unless told"}}},
		func(call *simkit.Call[simkit.None]) (int, *RequestPage, error) {
			q, err := newRequestQuery(call)
			if err != nil {
				return 0, nil, err
			}
			return http.StatusOK, w.requestPage(q), nil
		})
}

// requestQuery is which requests are wanted.
type requestQuery struct {
	provider, token string
	apns, fcm       int // ids after which to go on
	limit           int
}

func newRequestQuery(call *simkit.Call[simkit.None]) (requestQuery, error) {
	q := requestQuery{provider: call.Query("provider"), token: call.Query("token"), limit: pageLimit}
	if q.provider != "" && q.provider != nameAPNs && q.provider != nameFCM {
		return q, simkit.InvalidField("query.provider", "want apns or fcm")
	}
	if cursor := call.Query("cursor"); cursor != "" {
		var errs [2]error
		apns, fcm, ok := strings.Cut(cursor, ".")
		q.apns, errs[0] = strconv.Atoi(apns)
		q.fcm, errs[1] = strconv.Atoi(fcm)
		if !ok || errs[0] != nil || errs[1] != nil || q.apns < 0 || q.fcm < 0 {
			return q, simkit.InvalidField("query.cursor", "was not given here")
		}
	}
	var err error
	q.limit, err = pageSize(call.Query("limit"))
	return q, err
}

// pageSize reads a limit; "" is the usual one.
func pageSize(text string) (int, error) {
	if text == "" {
		return pageLimit, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > pageLimit {
		return 0, simkit.Invalid(simkit.FieldError{Location: "query.limit", Code: "out_of_range", Message: fmt.Sprintf("want 1 to %d", pageLimit)})
	}
	return n, nil
}

// requestPage merges what the providers have seen, by time.
func (w *World) requestPage(q requestQuery) *RequestPage {
	apns := after(w.APNs.Requests(), q, nameAPNs, q.apns)
	fcm := after(w.FCM.Requests(), q, nameFCM, q.fcm)
	page := &RequestPage{Requests: []Request{}}
	for len(page.Requests) < q.limit && len(apns)+len(fcm) > 0 {
		if len(fcm) == 0 || len(apns) > 0 && !fcm[0].At.Before(apns[0].At) {
			page.Requests = append(page.Requests, Request{nameAPNs, apns[0]})
			q.apns, apns = number(apns[0]), apns[1:]
			continue
		}
		page.Requests = append(page.Requests, Request{nameFCM, fcm[0]})
		q.fcm, fcm = number(fcm[0]), fcm[1:]
	}
	if len(apns)+len(fcm) > 0 {
		page.Cursor = fmt.Sprintf("%d.%d", q.apns, q.fcm)
	}
	return page
}

// after is what a provider's ledger holds after an id, as far as the query wants it.
func after(all []simkit.Entry, q requestQuery, provider string, id int) (found []simkit.Entry) {
	if q.provider != "" && q.provider != provider {
		return nil
	}
	for _, e := range all {
		if number(e) > id && (q.token == "" || strings.EqualFold(q.token, e.Token) && provider == nameAPNs || q.token == e.Token) {
			found = append(found, e)
		}
	}
	return found
}

// number is an entry's id, which ledgers count up from 1.
func number(e simkit.Entry) int {
	n, _ := strconv.Atoi(e.ID)
	return n
}
