package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"

	"github.com/hushpush/hush/internal/stranger"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// Devices returns a page of a user's devices. Needs role read.
func (c *Client) Devices(ctx context.Context, app, user string, page Page) (d protocol.Devices, err error) {
	err = c.list(ctx, appPath(app, "users", user, "devices"), page, &d, "devices")
	return d, err
}

// Device returns a device. Needs role read.
func (c *Client) Device(ctx context.Context, app, device string) (d protocol.Device, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "devices", device), nil, &d, "device_id")
	return d, err
}

// ExplainDevice returns an explanation of what a device gets, or why it gets nothing. Needs role read.
func (c *Client) ExplainDevice(ctx context.Context, app, device string) (x protocol.Explanation, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "devices", device, "explain"), nil, &x, "device_id", "text")
	return x, err
}

// DeleteDevice unregisters a device: its open deliveries end as undeliverable. Needs role send.
func (c *Client) DeleteDevice(ctx context.Context, app, device string) error {
	_, err := c.call(ctx, http.MethodDelete, appPath(app, "devices", device), nil, nil)
	return err
}

// RegisterDevice registers a device for the user whose token is given, or renews its registration, as the SDK does. A device
// that is already registered also needs its credential ("" for none). The client does not send its server key. It does not
// repeat the request: the answer has a Credential only if the credential is new, and a try whose answer was lost may have
// made a credential that nobody has; in that case another device id is needed.
func (c *Client) RegisterDevice(ctx context.Context, token, credential push.Secret, d protocol.DeviceRequest) (r protocol.DeviceResponse, err error) {
	q := question{method: http.MethodPut, path: path("v1", "device"), header: http.Header{},
		answer: stranger.Promise{Statuses: []int{http.StatusOK}, Kind: stranger.KindJSON, Members: []string{"owner_generation"}}}
	q.header.Set("Authorization", "Bearer "+token.Reveal())
	if credential != "" {
		q.header.Set(protocol.HeaderDevice, credential.Reveal())
	}
	if err := q.setJSON(d); err != nil {
		return r, err
	}
	_, err = c.askJSON(ctx, q, &r)
	return r, err
}

// DeviceInbox returns the first page of a device's open deliveries, oldest first. Needs role send.
func (c *Client) DeviceInbox(ctx context.Context, app, device string) (in protocol.Inbox, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "devices", device, "inbox"), nil, &in, "open", "deliveries")
	return in, err
}

// PutTags replaces a user's tags. Needs role send.
func (c *Client) PutTags(ctx context.Context, app, user string, tags []string) (t protocol.Tags, err error) {
	for _, tag := range tags {
		if err := checkUTF8("a tag", tag); err != nil {
			return t, err
		}
	}
	if tags == nil {
		tags = []string{}
	}
	_, err = c.call(ctx, http.MethodPut, appPath(app, "users", user, "tags"), protocol.Tags{Tags: tags}, &t, "tags")
	return t, err
}

// ImportDevices registers devices that were registered elsewhere, and returns a result for each line, in order. A refused
// line does not prevent the import of the others. Needs role admin.
func (c *Client) ImportDevices(ctx context.Context, app string, lines []protocol.ImportLine) ([]protocol.ImportResult, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	for i, l := range lines {
		if err := e.Encode(l); err != nil {
			return nil, fmt.Errorf("client: encode line %d of the import: %w", i+1, err)
		}
	}
	q := question{method: http.MethodPost, path: appPath(app, "devices", "import"), body: body.Bytes(), kind: kindNDJSON, repeat: true,
		answer: stranger.Promise{Statuses: []int{http.StatusOK}, Kind: kindNDJSON}}
	_, answer, err := c.ask(ctx, q)
	if err != nil {
		return nil, err
	}
	results, err := importResults(answer)
	if err == nil && len(results) != len(lines) {
		err = fmt.Errorf("client: the import of %d lines has %d results; what became of the others is unknown", len(lines), len(results))
	}
	return results, err
}

// ImportStream does what ImportDevices does, for imports that are too large for memory. Each line of body is the JSON of a
// protocol.ImportLine. ImportStream calls each with the result of every line as it comes, in order. If each returns an error,
// the import ends and ImportStream returns that error unchanged. After any other error, lines beyond the last result may have
// been imported too; an import may be repeated. Needs role admin.
func (c *Client) ImportStream(ctx context.Context, app string, body io.Reader, each func(protocol.ImportResult) error) error {
	q := question{method: http.MethodPost, path: appPath(app, "devices", "import"), kind: kindNDJSON, stream: body,
		answer: stranger.Promise{Statuses: []int{http.StatusOK}, Kind: kindNDJSON}}
	resp, err := c.send(ctx, q)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if !stranger.IsSuccess(resp.StatusCode) {
		problem, _ := io.ReadAll(io.LimitReader(resp.Body, maxImportResult))
		err := refused(resp, q.path, problem)
		if c.onAnswer != nil && err.Code != "" {
			c.onAnswer(problem)
		}
		return err
	}
	if err := broken(resp, q.answer.CheckHead(resp)); err != nil {
		return err
	}
	results := importReader{lines: bufio.NewScanner(resp.Body)}
	results.lines.Buffer(nil, maxImportResult)
	for {
		r, err := results.next()
		switch {
		case err == io.EOF:
			return nil
		case err != nil && results.lines.Err() != nil:
			return fmt.Errorf("%w: after the result of line %d: %w", ErrUnreachable, results.line, err)
		case err != nil:
			return err
		}
		if err := each(r); err != nil {
			return err
		}
	}
}

// LineError returns the *Error of a line of an import, or nil if the line was imported.
func LineError(r protocol.ImportResult) error {
	if r.Problem == nil {
		return nil
	}
	return problemError(r.Problem)
}

// maxImportResult bounds the result of one line.
const maxImportResult = 1 << 20

// importReader reads the results of an import.
type importReader struct {
	lines *bufio.Scanner
	line  int // of the previous result
}

// next returns the next result, or io.EOF if there is none.
func (i *importReader) next() (r protocol.ImportResult, err error) {
	for i.lines.Scan() {
		if len(bytes.TrimSpace(i.lines.Bytes())) == 0 {
			continue
		}
		r = protocol.ImportResult{}
		if err := json.Unmarshal(i.lines.Bytes(), &r); err != nil {
			return r, fmt.Errorf("client: read the import's result after that of line %d: %w", i.line, err)
		}
		if r.Line <= i.line || (r.Problem == nil && r.DeviceID == "") {
			return r, fmt.Errorf("client: what comes after the result of line %d is no result: want a later line, and a device or a problem", i.line)
		}
		i.line = r.Line
		return r, nil
	}
	if err := i.lines.Err(); err != nil {
		return r, err
	}
	return r, io.EOF
}

// importResults parses the results of an import, one JSON object a line.
func importResults(answer []byte) ([]protocol.ImportResult, error) {
	var results []protocol.ImportResult
	from := importReader{lines: bufio.NewScanner(bytes.NewReader(answer))}
	from.lines.Buffer(nil, maxImportResult)
	for {
		r, err := from.next()
		switch {
		case err == io.EOF:
			return results, nil
		case err != nil:
			return results, err
		case r.Line != len(results)+1: // lines that are encoded here are never empty
			return results, fmt.Errorf("client: result %d of the import is line %d's; what became of the others is unknown", len(results)+1, r.Line)
		}
		results = append(results, r)
	}
}
