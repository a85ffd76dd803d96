package gateway

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// maxFrameDepth bounds the nesting of a frame: the facts are the app's own, and no fact needs more.
const maxFrameDepth = 16

// kind has the rules for one kind of frame that a device may send.
type kind struct {
	bytes   int                                                                 // the most bytes of one frame
	foreign func(f protocol.DeviceFrame) protocol.DeviceFrame                   // returns the frame without this kind's fields; fields that remain belong to another kind
	check   func(f protocol.DeviceFrame) error                                  // checks this kind's fields
	handle  func(s *session, ctx context.Context, f protocol.DeviceFrame) error // acts on a frame; an error ends the session, and the device sends the frame again
}

// kinds has a line for each kind of frame that a device may send. Any other frame ends the session with CloseBadFrame.
var kinds = map[protocol.FrameType]kind{
	protocol.FrameReceipts: {protocol.MaxFrameBytes, withoutReceipts, checkReceipts, (*session).handleReceipts},
	protocol.FrameState:    {protocol.MaxFrameBytes, withoutState, checkState, (*session).handleState},
}

// strict has the limits of a frame's JSON.
var strict = rest.Strict{Depth: maxFrameDepth, Items: protocol.MaxReceipts, FreeBytes: protocol.MaxFactsBytes, FreeSize: protocol.FactsBytes}

// frameShape returns the schema of a device's frame.
var frameShape = sync.OnceValue(func() *rest.Schema {
	shape := rest.SchemaFor[protocol.DeviceFrame](&rest.Schemas{Inline: true})
	loosen(shape)
	return shape
})

// loosen allows every field to be missing or null: each kind of frame checks its own fields, and a receipt that lacks a field
// is answered as invalid without refusing the frame.
func loosen(s *rest.Schema) {
	s.Required, s.Nullable = nil, true
	for _, property := range s.Properties {
		loosen(property)
	}
	if s.Items != nil {
		loosen(s.Items)
	}
}

// parseFrame parses one frame of a device. Frames are strict: UTF-8 without lone surrogates, no duplicate or unknown names,
// only fields of their own kind, bounded depth, and a bounded number of receipts.
func parseFrame(data []byte) (protocol.DeviceFrame, error) {
	var f protocol.DeviceFrame
	if len(data) > protocol.MaxFrameBytes {
		return f, tooLong(len(data), protocol.MaxFrameBytes)
	}
	faults, err := strict.Check(data, "frame", frameShape(), nil)
	switch {
	case err != nil:
		return f, fmt.Errorf("the frame cannot be read: %w", err)
	case len(faults) > 0:
		return f, errors.New(faults.Summary())
	}
	if err := rest.Decode(data, &f); err != nil {
		return f, errors.New("the frame is no JSON of a known shape") // the decoder's error may quote the frame
	}
	k, ok := kinds[f.Type]
	if !ok {
		return f, fmt.Errorf("the frame's type is unknown; want one of %q", protocol.DeviceFrameTypes())
	}
	if len(data) > k.bytes {
		return f, tooLong(len(data), k.bytes)
	}
	foreign := k.foreign(f)
	foreign.Type = ""
	if !reflect.ValueOf(foreign).IsZero() {
		return f, fmt.Errorf("a %s frame has fields of another kind", f.Type)
	}
	return f, k.check(f)
}

func tooLong(got, most int) error {
	return fmt.Errorf("the frame has %d bytes; want at most %d", got, most)
}

func withoutReceipts(f protocol.DeviceFrame) protocol.DeviceFrame {
	f.Seq, f.Receipts = 0, nil
	return f
}

func checkReceipts(f protocol.DeviceFrame) error {
	switch {
	case f.Seq < 0:
		return fmt.Errorf("seq is %d; want 0 or more", f.Seq)
	case len(f.Receipts) == 0:
		return fmt.Errorf("the frame has no receipts; want 1 to %d", protocol.MaxReceipts)
	}
	return nil
}

func withoutState(f protocol.DeviceFrame) protocol.DeviceFrame {
	f.AppState, f.Facts = "", nil
	return f
}

func checkState(f protocol.DeviceFrame) error {
	if f.AppState != "" && f.AppState != push.AppForeground && f.AppState != push.AppBackground {
		return errors.New("app_state is unknown; want foreground or background")
	}
	return nil
}
