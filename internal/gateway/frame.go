package gateway

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// maxFrameDepth is how deep a frame may nest: the facts are the app's own, and no fact needs more.
const maxFrameDepth = 16

// parseFrame reads one frame of a device. Frames are strict: UTF-8 without lone surrogates, no doubled or unknown names,
// fields of their own type only, bounded in depth and in the number of receipts.
func parseFrame(data []byte) (protocol.DeviceFrame, error) {
	var f protocol.DeviceFrame
	if len(data) > protocol.MaxFrameBytes {
		return f, fmt.Errorf("the frame has %d bytes; want at most %d", len(data), protocol.MaxFrameBytes)
	}
	if err := checkDepth(data); err != nil {
		return f, err
	}
	if err := json.Unmarshal(data, &f, json.RejectUnknownMembers(true)); err != nil {
		return f, errors.New("the frame is no JSON of a known shape") // the library's error may show what is in it
	}
	return f, checkFrame(f)
}

// checkFrame judges a frame's fields by its type.
func checkFrame(f protocol.DeviceFrame) error {
	switch f.Type {
	case protocol.FrameReceipts:
		switch {
		case f.AppState != "" || f.Facts != nil:
			return errors.New("a receipts frame has fields of a state frame")
		case f.Seq < 0:
			return fmt.Errorf("seq is %d; want 0 or more", f.Seq)
		case len(f.Receipts) == 0 || len(f.Receipts) > protocol.MaxReceipts:
			return fmt.Errorf("the frame has %d receipts; want 1 to %d", len(f.Receipts), protocol.MaxReceipts)
		}
	case protocol.FrameState:
		switch {
		case f.Seq != 0 || f.Receipts != nil:
			return errors.New("a state frame has fields of a receipts frame")
		case f.AppState != "" && f.AppState != string(push.AppForeground) && f.AppState != string(push.AppBackground):
			return errors.New("app_state is unknown; want foreground or background")
		case factsBytes(f.Facts) > protocol.MaxFactsBytes:
			return fmt.Errorf("facts has %d bytes as JSON; want at most %d", factsBytes(f.Facts), protocol.MaxFactsBytes)
		}
	default:
		return errors.New("the frame's type is unknown; want receipts or state")
	}
	return nil
}

func factsBytes(facts map[string]any) int {
	b, err := json.Marshal(facts)
	if err != nil {
		return protocol.MaxFactsBytes + 1 // it came as JSON, so it goes as JSON
	}
	return len(b)
}

// checkDepth walks a frame's tokens before anything is made of them.
func checkDepth(data []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	for {
		_, err := dec.ReadToken()
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return errors.New("the frame is no JSON")
		case dec.StackDepth() > maxFrameDepth:
			return fmt.Errorf("the frame nests deeper than %d levels", maxFrameDepth)
		}
	}
}
