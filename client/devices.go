package client

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/hushpush/hush/protocol"
)

// Devices is a page of a user's devices. Needs role read.
func (c *Client) Devices(ctx context.Context, app, user string, page Page) (d protocol.Devices, err error) {
	err = c.list(ctx, appPath(app, "users", user, "devices"), page, &d, "devices")
	return d, err
}

// Device is one device. Needs role read.
func (c *Client) Device(ctx context.Context, app, device string) (d protocol.Device, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "devices", device), nil, &d, "device_id")
	return d, err
}

// DeleteDevice unregisters a device: its open deliveries end as undeliverable. Needs role send.
func (c *Client) DeleteDevice(ctx context.Context, app, device string) error {
	_, err := c.call(ctx, http.MethodDelete, appPath(app, "devices", device), nil, nil)
	return err
}

// DeviceInbox is the first page of a device's open deliveries, oldest first. Needs role send.
func (c *Client) DeviceInbox(ctx context.Context, app, device string) (in protocol.Inbox, err error) {
	_, err = c.call(ctx, http.MethodGet, appPath(app, "devices", device, "inbox"), nil, &in, "open", "deliveries")
	return in, err
}

// PutTags sets a user's tags; those it had and that are not named are gone. Needs role send.
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

// ImportDevices registers devices that were registered elsewhere, and answers a result per line, in order. A line that is
// refused does not keep the others from being taken. Needs role admin.
func (c *Client) ImportDevices(ctx context.Context, app string, lines []protocol.ImportLine) ([]protocol.ImportResult, error) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	for i, l := range lines {
		if err := e.Encode(l); err != nil {
			return nil, fmt.Errorf("client: encode line %d of the import: %w", i+1, err)
		}
	}
	q := question{method: http.MethodPost, path: appPath(app, "devices", "import"), body: body.Bytes(), kind: kindNDJSON, repeat: true,
		answer: promise{statuses: []int{http.StatusOK}, kind: kindNDJSON}}
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

// importResults reads one JSON object a line.
func importResults(answer []byte) ([]protocol.ImportResult, error) {
	var results []protocol.ImportResult
	lines := bufio.NewScanner(bytes.NewReader(answer))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var r protocol.ImportResult
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return results, fmt.Errorf("client: read result %d of the import: %w", len(results)+1, err)
		}
		if r.Line != len(results)+1 || (r.Problem == nil && r.DeviceID == "") {
			return results, fmt.Errorf("client: result %d of the import is not one: want its line, and a device or a problem", len(results)+1)
		}
		results = append(results, r)
	}
	return results, lines.Err()
}
