package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/hushpush/hush/push"
)

// Timelines and wakes are written with every push, and read as a whole. So they are stored packed, in a format of the store's own. A
// field is its number followed by its value; fields without a value are left out. The numbers of fields and words are never
// reused.

// words are the most frequent texts, each packed as its number. Other texts are spelled out. New words are appended.
var words = []string{
	"scheduled", "waiting", "sent", "received", "handled", "expired", "cancelled", "superseded", "undeliverable",
	"wake_sent", "wake_answered", "wake_failed", "token_dropped", "handled_late", "left_out",
	"apns", "fcm", "session", "inbox", "sending", "retry", "suspect", "normal", "high",
	"new_data", "no_data", "failed", "no_strategy", "no_token", "no_device", "no_credentials", "budget", "quota", "credentials",
	"topic_not_allowed", "refused", "ack_timeout", "session_lost", "no_result", "wake", "ttl", "owner_changed", "unregistered",
	"device_limit", "no_session", "handler_crashed", "token_moved", "token", "push", "pace", "provider",
}

var wordNumbers = func() map[string]uint64 {
	m := make(map[string]uint64, len(words))
	for i, w := range words {
		m[w] = uint64(i)
	}
	return m
}()

// How a text is packed. It begins with one of these numbers, or with textKinds plus the number of a word.
const (
	textPlain = iota // then its length and its bytes
	textUUID         // then 16 bytes, for a UUID in its canonical spelling
	textKinds
)

// packer appends fields.
type packer []byte

func (p *packer) uint(v uint64) { *p = binary.AppendUvarint(*p, v) }

func (p *packer) bytes(s string) {
	p.uint(uint64(len(s)))
	*p = append(*p, s...)
}

func (p *packer) value(s string) {
	if n, ok := wordNumbers[s]; ok {
		p.uint(n + textKinds)
		return
	}
	if id, err := uuid.Parse(s); err == nil && id.String() == s {
		p.uint(textUUID)
		*p = append(*p, id[:]...)
		return
	}
	p.uint(textPlain)
	p.bytes(s)
}

func (p *packer) text(field uint64, s string) {
	if s != "" {
		p.uint(field)
		p.value(s)
	}
}

func (p *packer) number(field uint64, n int) {
	if n != 0 {
		p.uint(field)
		*p = binary.AppendVarint(*p, int64(n))
	}
}

func (p *packer) flag(field uint64, is bool) {
	if is {
		p.number(field, 1)
	}
}

// time appends a time, truncated to microseconds.
func (p *packer) time(field uint64, t time.Time) {
	if !t.IsZero() {
		p.uint(field)
		*p = binary.AppendVarint(*p, t.UnixMicro())
	}
}

func (p *packer) ids(field uint64, ids []push.ID) {
	for _, id := range ids {
		p.uint(field)
		p.value(string(id))
	}
}

var errPacked = errors.New("a packed column is damaged")

// unpacker reads fields. On damaged data it sets err, and reads zero values from then on.
type unpacker struct {
	b   []byte
	err error
}

func (u *unpacker) fail() {
	u.b, u.err = nil, errPacked
}

func (u *unpacker) uint() uint64 {
	v, n := binary.Uvarint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) int() int64 {
	v, n := binary.Varint(u.b)
	if n <= 0 {
		u.fail()
		return 0
	}
	u.b = u.b[n:]
	return v
}

func (u *unpacker) number() int     { return int(u.int()) }
func (u *unpacker) flag() bool      { return u.int() != 0 }
func (u *unpacker) time() time.Time { return time.UnixMicro(u.int()).UTC() }

func (u *unpacker) bytes(n uint64) []byte {
	if n > uint64(len(u.b)) {
		u.fail()
		return nil
	}
	taken := u.b[:n]
	u.b = u.b[n:]
	return taken
}

func (u *unpacker) text() string {
	switch kind := u.uint(); {
	case kind == textPlain:
		return string(u.bytes(u.uint()))
	case kind == textUUID:
		id, err := uuid.FromBytes(u.bytes(16))
		if err != nil {
			u.fail()
			return ""
		}
		return id.String()
	case kind-textKinds < uint64(len(words)):
		return words[kind-textKinds]
	}
	u.fail()
	return ""
}

// each calls read for each field; read has to read its value.
func (u *unpacker) each(read func(field uint64)) error {
	for len(u.b) > 0 {
		read(u.uint())
	}
	return u.err
}

// The fields of an event.
const (
	eventAt = iota + 1
	eventName
	eventReason
	eventPath
	eventResult
	eventTook
	eventWakeID
	eventProvider
	eventStatus
	eventProviderReason
	eventProviderID
	eventAttempt
	eventUnclear
	eventFault
	eventError
	eventDetail
	eventCount
)

// encodeEvents returns events packed, to be appended to a timeline: for each event, its length and its fields.
func encodeEvents(events []push.Event) []byte {
	all := packer{}
	var room [128]byte
	for _, e := range events {
		p := packer(room[:0])
		p.time(eventAt, e.At)
		p.text(eventName, string(e.Event))
		p.text(eventReason, string(e.Reason))
		p.text(eventPath, string(e.Path))
		p.text(eventResult, string(e.Result))
		p.text(eventTook, e.Took)
		p.text(eventWakeID, string(e.WakeID))
		p.text(eventProvider, string(e.Provider))
		p.number(eventStatus, e.Status)
		p.text(eventProviderReason, e.ProviderReason)
		p.text(eventProviderID, e.ProviderID)
		p.number(eventAttempt, e.Attempt)
		p.flag(eventUnclear, e.Unclear)
		p.text(eventFault, string(e.Fault))
		p.text(eventError, string(e.Error))
		p.text(eventDetail, e.Detail)
		p.number(eventCount, e.Count)
		all.bytes(string(p))
	}
	return all
}

func decodeEvents(b []byte) ([]push.Event, error) {
	var events []push.Event
	for u := (unpacker{b: b}); len(u.b) > 0; {
		e, err := decodeEvent(u.bytes(u.uint()))
		if err = errors.Join(u.err, err); err != nil {
			return nil, fmt.Errorf("timeline: %w", err)
		}
		events = append(events, e)
	}
	return events, nil
}

func decodeEvent(b []byte) (e push.Event, err error) {
	u := unpacker{b: b}
	err = u.each(func(field uint64) {
		switch field {
		case eventAt:
			e.At = u.time()
		case eventName:
			e.Event = push.EventName(u.text())
		case eventReason:
			e.Reason = push.Reason(u.text())
		case eventPath:
			e.Path = push.Path(u.text())
		case eventResult:
			e.Result = push.Result(u.text())
		case eventTook:
			e.Took = u.text()
		case eventWakeID:
			e.WakeID = push.ID(u.text())
		case eventProvider:
			e.Provider = push.Provider(u.text())
		case eventStatus:
			e.Status = u.number()
		case eventProviderReason:
			e.ProviderReason = u.text()
		case eventProviderID:
			e.ProviderID = u.text()
		case eventAttempt:
			e.Attempt = u.number()
		case eventUnclear:
			e.Unclear = u.flag()
		case eventFault:
			e.Fault = push.Fault(u.text())
		case eventError:
			e.Error = push.Failure(u.text())
		case eventDetail:
			e.Detail = u.text()
		case eventCount:
			e.Count = u.number()
		default:
			u.fail()
		}
	})
	return e, err
}

// The fields of a wake. The fields of push.Wake that only a request being sent needs are not stored.
const (
	wakeID = iota + 1
	wakeState
	wakeProvider
	wakeAttempt
	wakeDueAt
	wakeExpiresAt
	wakeGeneration
	wakeTokenGen
	wakePriority
	wakeReason
	wakeRefusal
	wakeRefusalStatus
	wakePush
	wakeMaybeDelivered
)

// encodeWake returns a wake packed; empty for the zero value. Any other wake has an id or a state.
func encodeWake(w push.Wake) []byte {
	p := packer{}
	if w.State == push.WakeNone && w.ID == "" {
		return p
	}
	p = slices.Grow(p, 96)
	p.text(wakeID, string(w.ID))
	p.text(wakeState, string(w.State))
	p.text(wakeProvider, string(w.Provider))
	p.number(wakeAttempt, w.Attempt)
	p.time(wakeDueAt, w.DueAt)
	p.time(wakeExpiresAt, w.ExpiresAt)
	p.number(wakeGeneration, w.Generation)
	p.number(wakeTokenGen, w.TokenGen)
	p.text(wakePriority, string(w.Priority))
	p.text(wakeReason, string(w.Reason))
	p.text(wakeRefusal, w.Refusal)
	p.number(wakeRefusalStatus, w.RefusalStatus)
	p.ids(wakePush, w.Pushes)
	p.ids(wakeMaybeDelivered, w.MaybeDelivered)
	return p
}

func decodeWake(b []byte) (w push.Wake, err error) {
	u := unpacker{b: b}
	err = u.each(func(field uint64) {
		switch field {
		case wakeID:
			w.ID = push.ID(u.text())
		case wakeState:
			w.State = push.WakeState(u.text())
		case wakeProvider:
			w.Provider = push.Provider(u.text())
		case wakeAttempt:
			w.Attempt = u.number()
		case wakeDueAt:
			w.DueAt = u.time()
		case wakeExpiresAt:
			w.ExpiresAt = u.time()
		case wakeGeneration:
			w.Generation = u.number()
		case wakeTokenGen:
			w.TokenGen = u.number()
		case wakePriority:
			w.Priority = push.Priority(u.text())
		case wakeReason:
			w.Reason = push.Reason(u.text())
		case wakeRefusal:
			w.Refusal = u.text()
		case wakeRefusalStatus:
			w.RefusalStatus = u.number()
		case wakePush:
			w.Pushes = append(w.Pushes, push.ID(u.text()))
		case wakeMaybeDelivered:
			w.MaybeDelivered = append(w.MaybeDelivered, push.ID(u.text()))
		default:
			u.fail()
		}
	})
	if err != nil {
		return push.Wake{}, fmt.Errorf("wake: %w", err)
	}
	return w, nil
}
