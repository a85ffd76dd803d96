package sdk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Error is a refusal by the server, or the answer of somebody else in its place, such as a login page or a redirect. A
// redirect is not followed.
type Error struct {
	Status int    // HTTP
	Code   string // stable, such as "token_expired"; "" if something else than the server answered, with whatever status
	Detail string // for people

	// RetryAfter is how long the server asked to wait, as with status 429 and 503; 0 if it did not.
	RetryAfter time.Duration
}

// Error returns status, code and detail in words.
func (e *Error) Error() string {
	s := fmt.Sprintf("the server refused: %d %s", e.Status, e.Code)
	if e.Code == "" {
		s = fmt.Sprintf("not the server's answer: %d", e.Status)
	}
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// The codes on which the client acts.
const (
	codeUnauthenticated = "unauthenticated"
	codeTokenExpired    = "token_expired"
	codeRegisterAgain   = "register_again"
	codeForbidden       = "forbidden"
	codeDeviceTaken     = "device_taken"
)

// refused returns the code of a refusal; "" if err is not one.
func refused(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// maxAnswer bounds what is read of an answer: a page of 100 pushes of 64 KiB each, and what JSON adds by escaping.
const maxAnswer = 64 << 20

// calls makes the HTTP calls of a device.
type calls struct {
	server *url.URL // never changes
	client *http.Client
	heard  func(server time.Time) // called with the server's time at each answer
}

// who is what a call or a handshake carries to say who asks.
type who struct {
	token      push.Secret // a user token
	credential push.Secret // the device's
}

func (w who) headers(h http.Header) {
	if w.token != "" {
		h.Set("Authorization", "Bearer "+w.token.Reveal())
	}
	if w.credential != "" {
		h.Set(protocol.HeaderDevice, w.credential.Reveal())
	}
}

func (a *calls) register(ctx context.Context, w who, body protocol.DeviceRequest) (answer protocol.DeviceResponse, err error) {
	err = a.do(ctx, http.MethodPut, "v1/device", w, body, &answer, "owner_generation")
	if err == nil && (answer.OwnerGeneration < 1 || w.credential == "" && answer.Credential == "") {
		err = fmt.Errorf("PUT /v1/device: %w", &Error{Status: http.StatusOK, Detail: "an owner generation from 1 on or the credential is missing"})
	}
	if err == nil && answer.WakeKey != nil {
		if _, malformed := answer.WakeKey.Parse(); malformed != nil {
			err = fmt.Errorf("PUT /v1/device: %w", &Error{Status: http.StatusOK, Detail: malformed.Error()})
		}
	}
	return answer, err
}

func (a *calls) unregister(ctx context.Context, w who) error {
	return a.do(ctx, http.MethodDelete, "v1/device", w, nil, nil)
}

func (a *calls) inbox(ctx context.Context, w who) (page protocol.Inbox, err error) {
	err = a.do(ctx, http.MethodGet, "v1/inbox", w, nil, &page, "open", "deliveries")
	if err == nil && slices.ContainsFunc(page.Deliveries, func(p protocol.InboxPush) bool { return p.PushID == "" }) {
		err = fmt.Errorf("GET /v1/inbox: %w", &Error{Status: http.StatusOK, Detail: "a push has no id"})
	}
	return page, err
}

func (a *calls) receipts(ctx context.Context, w who, receipts []protocol.Receipt) (answer protocol.ReceiptsAnswer, err error) {
	err = a.do(ctx, http.MethodPost, "v1/receipts", w, protocol.Receipts{Receipts: receipts}, &answer, "open", "receipts")
	return answer, err
}

// foreignWake reports a wake that could not be opened. The key is nil unless the wake is this device's after all.
func (a *calls) foreignWake(ctx context.Context, w who, wake protocol.ForeignWake) (key *protocol.WakeKey, err error) {
	var answer *protocol.ForeignWakeAnswer // nil: 204
	err = a.do(ctx, http.MethodPost, "v1/foreign-wakes", w, wake, &answer)
	if err != nil || answer == nil {
		return nil, err
	}
	if _, err := answer.WakeKey.Parse(); err != nil {
		return nil, fmt.Errorf("POST /v1/foreign-wakes: %w", &Error{Status: http.StatusOK, Detail: err.Error()})
	}
	return &answer.WakeKey, nil
}

// do makes one call. Its answer is a JSON object with the members, or nothing where answer is nil: see checkAnswer. Where no
// member is named it may be either. The outcome of a call that got no answer is unknown.
func (a *calls) do(ctx context.Context, method, path string, w who, body, answer any, members ...string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, callWait, fmt.Errorf("the server did not answer within %s", callWait))
	defer cancel()
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("%s /%s: %w", method, path, err)
		}
		sent = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, a.server.JoinPath(path).String(), sent)
	if err != nil {
		return fmt.Errorf("%s /%s: %w", method, path, err)
	}
	w.headers(req.Header)
	if body != nil {
		req.Header.Set("Content-Type", stranger.KindJSON)
	}
	asked := time.Now()
	resp, err := a.client.Do(req)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
			a.closeIdleConnections() // the next call is not to wait for a dead one
		}
		return fmt.Errorf("%s /%s: %w", method, path, stranger.SchemeAdvice(err))
	}
	defer resp.Body.Close()
	came := time.Now()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("%s /%s: %w", method, path, err)
	}
	answered := answer != nil && (len(members) > 0 || resp.StatusCode != http.StatusNoContent)
	refused := checkAnswer(resp, text, answered, members)
	if refused == nil || refused.Code != "" {
		a.hear(resp.Header, asked, came)
	}
	if refused != nil {
		return fmt.Errorf("%s /%s: %w", method, path, refused)
	}
	if !answered {
		return nil
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return fmt.Errorf("%s /%s: the answer: %w", method, path, err)
	}
	return nil
}

// closeIdleConnections has the next calls connect anew.
func (a *calls) closeIdleConnections() { a.client.CloseIdleConnections() }

// hear learns the server's time from the Date of an answer, which has whole seconds. The server wrote it some time between
// asked, when the request left, and came, when the answer's head arrived.
func (a *calls) hear(h http.Header, asked, came time.Time) {
	date, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return
	}
	a.heard(date.Add(500*time.Millisecond + came.Sub(asked)/2 + time.Since(came)))
}
