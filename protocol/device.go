package protocol

import (
	"time"

	"github.com/hushpush/hush/push"
)

// HeaderDevice carries a device's credential.
const HeaderDevice = "Hush-Device"

// HeaderAPI is on every answer of Hush, refusals included, with the API's version as its value. It distinguishes an answer
// without a body from that of a stranger who answers everything alike.
const (
	HeaderAPI  = "Hush-Api"
	APIVersion = "1"
)

// DeviceRequest registers a device or renews its registration. A provider_token that is left out stays as it was; an empty one
// is removed.
type DeviceRequest struct {
	DeviceID      string           `json:"device_id"`
	Platform      push.Platform    `json:"platform"`
	BundleID      string           `json:"bundle_id,omitempty"`
	Package       string           `json:"package,omitempty"`
	Environment   push.Environment `json:"environment,omitempty"`
	ProviderToken *string          `json:"provider_token,omitempty"`
	AppState      push.AppState    `json:"app_state,omitempty"`
	Facts         map[string]any   `json:"facts,omitempty"`
	WakeKeyID     string           `json:"wake_key_id,omitempty" doc:"the newest wake key that the device has"`
}

// DeviceResponse has a credential only if it is new: the first time, and for a new owner. It has the device's newest wake key
// unless the request named that one.
type DeviceResponse struct {
	Credential      string   `json:"credential,omitempty"`
	OwnerGeneration int      `json:"owner_generation"`
	WakeKey         *WakeKey `json:"wake_key,omitempty"`
}

// Device is a device as backends see it.
type Device struct {
	DeviceID        string           `json:"device_id"`
	User            string           `json:"user,omitempty"`
	Platform        push.Platform    `json:"platform"`
	BundleID        string           `json:"bundle_id,omitempty"`
	Package         string           `json:"package,omitempty"`
	Environment     push.Environment `json:"environment,omitempty"`
	Token           push.TokenState  `json:"token"`
	AppState        push.AppState    `json:"app_state"`
	Facts           map[string]any   `json:"facts,omitempty"`
	OwnerGeneration int              `json:"owner_generation"`
	TokenGeneration int              `json:"token_generation"`
	Budget          *BudgetWait      `json:"budget,omitempty" doc:"of one device, while a budget delays its next wake"`
}

// Devices is a page of devices.
type Devices struct {
	Devices []Device `json:"devices"`
	Cursor  string   `json:"cursor"`
}

// ImportLine is one line of an import: a registration and its owner.
type ImportLine struct {
	DeviceRequest
	User string `json:"user"`
}

// ImportResult is the result of one line.
type ImportResult struct {
	Line     int      `json:"line"`
	Status   int      `json:"status"`
	DeviceID string   `json:"device_id,omitempty"`
	Problem  *Problem `json:"problem,omitempty"`
}

// Inbox is a page of a device's open deliveries, always beginning with the oldest. Open counts all of them.
type Inbox struct {
	Open       int         `json:"open"`
	Deliveries []InboxPush `json:"deliveries"`
}

// InboxPush is one push as a device gets it, from the inbox or over its session.
type InboxPush struct {
	PushID     string    `json:"push_id"`
	ResourceID string    `json:"resource_id"`
	Payload    string    `json:"payload"`
	AcceptedAt time.Time `json:"accepted_at"`
	ExpiresAt  time.Time `json:"expires_at"`
}

// Receipts are a device's reports.
type Receipts struct {
	Receipts []Receipt `json:"receipts"`
}

// MaxReceipts is how many receipts one request or frame may carry.
const MaxReceipts = 1_000

// Receipt is a device's report of what happened to one push.
type Receipt struct {
	PushID string            `json:"push_id"`
	Event  push.ReceiptEvent `json:"event"`
	Result push.Result       `json:"result,omitempty"`
	Path   push.Path         `json:"path"`
	At     string            `json:"at,omitempty" format:"date-time"`
	Took   string            `json:"took,omitempty"`
}

// ReceiptsAnswer has one status per receipt, in order, and the number of open deliveries.
type ReceiptsAnswer struct {
	Open     int             `json:"open"`
	Receipts []ReceiptAnswer `json:"receipts"`
}

// ReceiptAnswer is what became of one receipt.
type ReceiptAnswer struct {
	PushID string             `json:"push_id"`
	Status push.ReceiptStatus `json:"status"`
}
