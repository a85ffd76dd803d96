package protocol

import "github.com/hushpush/hush/push"

// Subprotocol is the WebSocket subprotocol that both sides name.
const Subprotocol = "hush.v1"

// FrameType says what a frame is.
type FrameType string

// The types of frames. Every frame is one text message with one JSON object. New types may be added under the same
// version: a device passes over a type that it does not know, and a server ends the session of a device that sends one
// (CloseBadFrame).
//
// A session: the device connects with its credential and its user's token; the server says hello; the device fetches its
// inbox if hello says that anything is open; then pushes and receipts go to and fro. The server pings (a WebSocket ping) in
// the interval that hello names, and either side drops a connection that was silent for two intervals.
const (
	FrameHello    FrameType = "hello"    // server: first frame
	FramePush     FrameType = "push"     // server: one push; the device acknowledges it by a receipt "received"
	FrameReceipts FrameType = "receipts" // device: receipts; server: what became of them, with the same seq
	FrameState    FrameType = "state"    // device: its app state and facts
)

// ServerFrameTypes lists the types that the server sends.
func ServerFrameTypes() []FrameType { return []FrameType{FrameHello, FramePush, FrameReceipts} }

// DeviceFrameTypes lists the types that a device sends.
func DeviceFrameTypes() []FrameType { return []FrameType{FrameReceipts, FrameState} }

// ServerFrame is a frame from the server. Fields beside Type belong to one type each.
type ServerFrame struct {
	Type            FrameType       `json:"type"`
	Session         string          `json:"session,omitempty"`          // hello: the session's id
	Open            int             `json:"open"`                       // hello, receipts: open deliveries
	Heartbeat       string          `json:"heartbeat,omitempty"`        // hello: between the server's pings
	OwnerGeneration int             `json:"owner_generation,omitempty"` // hello
	ServerTime      string          `json:"server_time,omitempty"`      // hello: RFC 3339 with fraction; expiry is judged by it
	Push            *InboxPush      `json:"push,omitempty"`             // push
	Seq             int64           `json:"seq,omitempty"`              // receipts: of the frame that this answers
	Receipts        []ReceiptAnswer `json:"receipts,omitempty"`         // receipts
}

// DeviceFrame is a frame from a device.
type DeviceFrame struct {
	Type     FrameType      `json:"type"`
	Seq      int64          `json:"seq,omitempty"`       // receipts
	Receipts []Receipt      `json:"receipts,omitempty"`  // receipts
	AppState push.AppState  `json:"app_state,omitempty"` // state
	Facts    map[string]any `json:"facts,omitempty"`     // state
}

// MaxFrameBytes bounds a device's frame.
const MaxFrameBytes = 256 << 10

// Close codes say whether to come back (RFC 6455 leaves 4000 to 4999 to applications; 1001 is "going away").
const (
	CloseGoingAway    = 1001 // the server is stopping: come back, with jitter
	CloseReplaced     = 4001 // a newer connection of this device won: do not come back by itself
	CloseOwnerChanged = 4002 // unregistered, or another owner: register again
	CloseTokenExpired = 4003 // come back with a new user token
	CloseSlow         = 4004 // too slow to read: come back and catch up
	CloseBadFrame     = 4005 // the frame was not understood: a bug; come back after a long wait
	CloseNoAck        = 4006 // a push was not acknowledged in time: come back and catch up
	CloseIdle         = 4007 // silent for two heartbeats: come back
)
