package api

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"unicode"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

var (
	needsCredential = need{device: withCredential}
	needsDevice     = need{device: withEither}
)

// registerStore registers devices.
type registerStore interface {
	// Register applies push.Register and push.MakeRoom, and returns their errors. A caller that proves with credentialHash (nil:
	// none) that it has the device's credential acts as the device; newCredentialHash replaces it if Registered.NewCredential.
	// moved are the devices that had the provider token before. push.ErrNotFound: no such app. push.ErrConflict: another device
	// has the credential.
	Register(ctx context.Context, r push.Registration, app string, caller push.Caller, credentialHash, newCredentialHash []byte) (registered push.Registered, moved []push.DeviceKey, err error)

	// RegisterMany registers the devices of an import as Register would, one after the other. It returns an outcome for each, in
	// order.
	RegisterMany(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult
}

type putDeviceInput struct {
	Body protocol.DeviceRequest
}

// ownDeviceRoutes adds the calls that devices make.
func (a *API) ownDeviceRoutes() {
	token := "00fc13adff785122b4ad28809a3420982341241421348097878e577c991de8f0"
	register(a, route{id: "putOwnDevice", method: http.MethodPut, path: "/v1/device", tag: chapterDevice, needs: needsDevice, checks: true,
		refuses: []protocol.ProblemCode{codeDeviceTaken, codeConflict, codeNotFound},
		summary: "Register this device, or renew what is known of it",
		about: "A user token is needed the first time, and beside the credential to change the owner; else the device credential does. " +
			"A user with as many devices as `limits.devices_per_user` (20) allows loses one for a new one: first those without a live token, " +
			"then the longest unheard; 409 if each was heard within 7 days. " +
			"The answer has a credential only when it is new, and the device's newest wake key unless `wake_key_id` names it.",
		example: protocol.DeviceRequest{DeviceID: "0b6f2ba8", Platform: push.IOS, BundleID: "com.example.notes", Environment: "production",
			ProviderToken: &token, AppState: "foreground", Facts: map[string]any{"os_version": "18.1"}}}, a.putOwnDevice)
	register(a, route{id: "deleteOwnDevice", method: http.MethodDelete, path: "/v1/device", tag: chapterDevice, needs: needsCredential, status: http.StatusNoContent,
		summary: "Unregister this device"}, a.deleteOwnDevice)
	register(a, route{id: "getOwnInbox", method: http.MethodGet, path: "/v1/inbox", tag: chapterDevice, needs: needsCredential,
		summary: "Read this device's open deliveries, oldest first", about: "Always from the oldest open one; receipts make room."}, a.getOwnInbox)
	register(a, route{id: "createReceipts", method: http.MethodPost, path: "/v1/receipts", tag: chapterDevice, needs: needsCredential, limit: maxReceiptsBody,
		summary: "Say what became of pushes", about: "One status per receipt, in order.",
		example: protocol.Receipts{Receipts: []protocol.Receipt{{PushID: "01982d0e-1111-7000-8000-000000000000", Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathAPNs, Took: "120ms"}}}}, a.createReceipts)
}

// Limits of what a device says about itself, in bytes.
const (
	maxPackage = 255 // a bundle id or a package name
)

// registrationOf reads what a device says about itself and adds all faults to f.
func registrationOf(f *faults, b protocol.DeviceRequest) push.Registration {
	r := push.Registration{
		DeviceID: b.DeviceID, Platform: b.Platform, BundleID: b.BundleID, Package: b.Package,
		Environment: b.Environment, AppState: b.AppState, Facts: b.Facts, WakeKeyID: b.WakeKeyID,
	}
	if b.ProviderToken != nil {
		token := push.Secret(*b.ProviderToken)
		if b.Platform == push.IOS { // hex digits in either case are the same token, which must be found on other devices
			token = push.Secret(strings.ToLower(*b.ProviderToken))
		}
		r.ProviderToken = &token
		if strings.ContainsFunc(*b.ProviderToken, func(c rune) bool { return c <= ' ' || c > '~' }) {
			f.add("body.provider_token", push.CodeBadValue, "has a space or a character beyond ASCII; want the token as the system gave it")
		}
	}
	checkLabel(f, "body.bundle_id", b.BundleID)
	checkLabel(f, "body.package", b.Package)
	if len(b.Facts) > 0 {
		if facts, err := json.Marshal(b.Facts); err != nil || len(facts) > protocol.MaxFactsBytes {
			f.add("body.facts", push.CodeOutOfRange, "has %d bytes as JSON; want at most %d", len(facts), protocol.MaxFactsBytes)
		}
	}
	_ = f.addFrom("body.", r.Check()) // Check returns only field errors
	return r
}

func checkLabel(f *faults, at, label string) {
	if len(label) > maxPackage {
		f.add(at, push.CodeOutOfRange, "has %d bytes; want at most %d", len(label), maxPackage)
	}
	if strings.ContainsFunc(label, unicode.IsControl) {
		f.add(at, push.CodeBadValue, "has a control character; want none")
	}
}

func (a *API) putOwnDevice(ctx context.Context, c *call, in *putDeviceInput) (*rest.Answer[protocol.DeviceResponse], error) {
	r := registrationOf(&c.faults, in.Body)
	if err := c.faults.err(); err != nil {
		return nil, err
	}
	token, err := a.reserveNewDevice(ctx, c, r.DeviceID)
	if err != nil {
		return nil, err
	}
	credential, hash := a.Auth.NewCredential()
	registered, err := a.register(ctx, c.app, r, push.Caller{User: c.claims.User}, c.credentialHash, hash)
	token.settle(registered, err)
	if err != nil {
		return nil, err
	}
	body := protocol.DeviceResponse{OwnerGeneration: registered.Device.OwnerGeneration}
	if registered.NewCredential {
		body.Credential = credential
	}
	if newest := registered.Device.WakeKeyID; newest != r.WakeKeyID {
		body.WakeKey = protocol.NewWakeKey(a.Auth.WakeKey(registered.Device.Key(), newest))
	}
	return rest.NewAnswer(http.StatusOK, body), nil
}

// register makes a registration durable and informs the other rooms: the session of a previous owner ends, and what waits for the
// device is looked at.
func (a *API) register(ctx context.Context, app string, r push.Registration, who push.Caller, credentialHash, newHash []byte) (push.Registered, error) {
	registered, moved, err := a.Store.Register(ctx, r, app, who, credentialHash, newHash)
	if err != nil {
		return push.Registered{}, missing(err, "app", app)
	}
	a.announce(ctx, registered, moved)
	return registered, nil
}

// registerMany is register for the devices of an import.
func (a *API) registerMany(ctx context.Context, app string, devices []push.ImportedDevice) []push.RegisterResult {
	results := a.Store.RegisterMany(ctx, app, devices)
	for i, r := range results {
		if r.Err != nil {
			results[i].Err = missing(r.Err, "app", app)
			continue
		}
		a.announce(ctx, r.Registered, r.Moved)
	}
	return results
}

// announce informs the other rooms of a registration. A device that is not due has nothing open and needs no look.
func (a *API) announce(ctx context.Context, r push.Registered, moved []push.DeviceKey) {
	key := r.Device.Key()
	if r.OwnerChanged {
		a.Sessions.Drop(key, "", protocol.CloseOwnerChanged)
	}
	for _, evicted := range r.Evicted {
		a.Sessions.Drop(evicted, "", protocol.CloseOwnerChanged)
		a.Logger.InfoContext(ctx, "a device had to make room for another one of its user", "app", key.App, "device", evicted.Device, "for", key.Device)
	}
	if !r.Device.DueAt.IsZero() {
		moved = append(moved, key)
	}
	a.Delivery.Look(moved...)
}

func (a *API) deleteOwnDevice(ctx context.Context, c *call, _ *rest.None) (*rest.None, error) {
	if err := a.unregister(ctx, c.device.Key()); err != nil {
		return nil, gone(err)
	}
	return &rest.None{}, nil
}

func (a *API) getOwnInbox(ctx context.Context, c *call, in *InboxLimit) (*rest.Answer[protocol.Inbox], error) {
	out, err := a.inboxOf(ctx, c.device.Key(), in.Limit)
	return out, gone(err)
}

// gone turns push.ErrNotFound into push.ErrRegisterAgain: the device was unregistered after authorization. It returns other
// errors unchanged.
func gone(err error) error {
	if errors.Is(err, push.ErrNotFound) {
		return push.ErrRegisterAgain
	}
	return err
}
