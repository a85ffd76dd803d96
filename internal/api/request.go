package api

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/push"
)

// bodyLimit returns the most bytes that a body of the route may have.
func (r route) bodyLimit() int64 {
	if r.limit == 0 {
		return maxBody
	}
	return r.limit
}

func bodyTooLarge(r route) error {
	return newProblem(http.StatusRequestEntityTooLarge, codeBodyTooLarge, fmt.Sprintf("the body is longer than %s; want at most that", sizeOf(r.bodyLimit())))
}

// tooLong refuses a body whose Content-Length exceeds the route's limit. A stream has no limit.
func tooLong(request *http.Request, r route) error {
	if r.streams || request.ContentLength <= r.bodyLimit() {
		return nil
	}
	return bodyTooLarge(r)
}

// firstPiece is the room reserved for a body before any of it has arrived.
const firstPiece = 16 << 10

// readBody reads the body within its time and size limits, and reserves only what has arrived. If the body is cut off or too slow
// it closes the connection without an answer.
func (a *API) readBody(w http.ResponseWriter, r *http.Request, route route, bodyClaim *claim) ([]byte, error) {
	limit := route.bodyLimit()
	body := []byte{}
	for {
		if len(body) == cap(body) {
			room := max(firstPiece, 2*int64(cap(body)))
			if r.ContentLength >= 0 {
				room = min(room, r.ContentLength+1) // one more byte, to see the end
			}
			room = min(room, limit+1)
			if err := bodyClaim.grow(room); err != nil {
				a.metrics.bodies.WithLabelValues("no room").Inc()
				endUnread(w, r)
				return nil, err
			}
			body = append(make([]byte, 0, room), body...)
		}
		n, err := r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			endUnread(w, r)
			return nil, bodyTooLarge(route)
		}
		if errors.Is(err, io.EOF) {
			// The rest of the request has limits of its own; this deadline, if it stayed, would end a long answer.
			_ = http.NewResponseController(w).SetReadDeadline(time.Time{})
			return body, nil
		}
		if err != nil {
			a.hangUp(w, err)
		}
	}
}

// endUnread gives up a body of which some has been read: it reads and drops the rest for a while.
func endUnread(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Connection", "close")
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardWait))
	_, _ = io.CopyN(io.Discard, r.Body, maxDiscard) // who is cut off, or too slow, gets the answer all the same
}

// refuseUnread answers a request whose body will not be read, and closes the connection.
func refuseUnread(w http.ResponseWriter, r *http.Request, p *refusal) {
	w.Header().Set("Connection", "close")
	discardUnread(w, r)
	writeProblem(w, p)
}

// Limits for reading a body that is refused unread, in bytes and time.
const (
	maxDiscard  = 64 << 20
	discardWait = 10 * time.Second
)

// discardUnread reads a body that is refused unread. Many clients send the whole body before they read the answer, and would see
// the connection close before it. It skips clients that ask first (Expect: 100-continue) and bodies that are too long.
func discardUnread(w http.ResponseWriter, r *http.Request) {
	if r.Body == nil || r.Body == http.NoBody || r.Header.Get("Expect") != "" || r.ContentLength > maxDiscard {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(discardWait))
	_, _ = io.CopyN(io.Discard, r.Body, maxDiscard) // who is cut off, or too slow, gets the answer all the same
}

// hangUp ends the connection (HTTP/2: the stream) without an answer.
func (a *API) hangUp(w http.ResponseWriter, err error) {
	reason := "cut off"
	if errors.Is(err, os.ErrDeadlineExceeded) {
		reason = "too slow"
	}
	a.metrics.bodies.WithLabelValues(reason).Inc()
	w.Header().Set("Connection", "close")
	panic(http.ErrAbortHandler)
}

// formats are the rules for string parameters, by the format in the schema.
var formats = rest.Formats{
	"name":            {Code: rest.Code(push.CodeBadID), Check: push.CheckName},
	"id":              {Code: rest.Code(push.CodeBadID), Check: push.CheckID},
	"resource-id":     {Code: rest.Code(push.CodeBadID), Check: push.CheckResourceID},
	"cursor":          {Code: rest.Code(push.CodeBadValue), Check: checkCursor},
	"date-time":       {Code: rest.Code(push.CodeBadValue), Check: checkTime},
	"idempotency-key": {Code: rest.Code(push.CodeBadValue), Check: checkIdempotencyKey},
}

// checkCursor refuses what cannot be a cursor of the store, which encodes them in base64. The store itself decides whether a
// cursor belongs to a list.
func checkCursor(cursor string) error {
	const longest = 4 << 10
	inside, err := base64.RawURLEncoding.DecodeString(cursor)
	// The store has no cursor that contains U+0000, and PostgreSQL's text cannot hold one.
	if err != nil || len(cursor) > longest || bytes.ContainsRune(inside, 0) || bytes.Contains(inside, []byte(`\u0000`)) {
		return errors.New("is not a cursor; want one that an answer returned, or none for the first page")
	}
	return nil
}

const maxIdempotencyKey = 255

// checkIdempotencyKey says what is wrong with an Idempotency-Key.
func checkIdempotencyKey(key string) error {
	if len(key) < 1 || len(key) > maxIdempotencyKey {
		return fmt.Errorf("has %d characters; want 1 to %d", len(key), maxIdempotencyKey)
	}
	for _, c := range []byte(key) {
		if c < ' ' || c > '~' {
			return errors.New("has a character that does not print; want ASCII letters, digits, signs and spaces")
		}
	}
	return nil
}
