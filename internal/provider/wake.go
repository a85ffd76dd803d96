package provider

import (
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/jsonstring"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// AppendSealedWake appends Hush's part of a provider's payload, a protocol.SealedWake as JSON, in at most limit bytes. A wake
// without a key is refused: nothing leaves in clear.
func AppendSealedWake(dst []byte, w *push.Wake, limit int) ([]byte, *push.WakeError) {
	f := fillings.Get().(*filling)
	defer fillings.Put(f)
	dst, err := protocol.AppendSealedWake(dst, w.Key, f.fill(w, protocol.WakeRoom(w.Key.ID, limit)))
	if err != nil {
		return nil, &push.WakeError{Fault: push.FaultPush, Reason: NoWakeKey, Err: err}
	}
	return dst, nil
}

// NoWakeKey is the reason of a WakeError where a wake came without a key.
const NoWakeKey = "no_wake_key"

// lists are the lists of a wake (protocol.Wake), one for each kind of item, in the order in which they are written.
var lists = [...]list{
	{protocol.WakePushes, push.ItemPush, entryOf(pushEntry)},
}

// list is where the items of one kind lie. entry appends an item's entry as JSON, with or without what may be fetched instead;
// whole reports whether it has that.
type list struct {
	name  string
	kind  push.ItemKind
	entry func(dst []byte, item push.Item, with bool) (_ []byte, whole bool)
}

// entryOf takes the items of one kind.
func entryOf[T push.Item](entry func(dst []byte, item T, with bool) ([]byte, bool)) func([]byte, push.Item, bool) ([]byte, bool) {
	return func(dst []byte, item push.Item, with bool) ([]byte, bool) { return entry(dst, item.(T), with) }
}

func pushEntry(dst []byte, p push.PushItem, with bool) (_ []byte, whole bool) {
	e := protocol.WakePush{ID: string(p.ID), Resource: p.ResourceID}
	if with && p.Whole() {
		payload := string(p.Payload)
		e.Payload = &payload
	}
	return e.AppendJSON(dst), e.Payload != nil
}

// fill returns a protocol.Wake as JSON, in at most limit bytes: the items, oldest first, each in the list of its kind. One that
// would not fit even alone goes without its payload; once the room is used up, the rest go without theirs, as long as their ids
// fit. What is left out is fetched from the inbox. The bytes are good until f is filled anew.
func (f *filling) fill(w *push.Wake, limit int) []byte {
	f.begin(w, limit)
	emptyRoom := limit - f.bytes
	for _, item := range w.Items {
		if !f.add(item, emptyRoom) {
			break
		}
	}
	return f.wake()
}

// fillings are used again, for the room that each has made.
var fillings = sync.Pool{New: func() any { return new(filling) }}

// filling is a wake that is being filled.
type filling struct {
	head    []byte             // up to the first list
	entries [len(lists)][]byte // of each list, with commas between
	bytes   int                // of the wake so far
	limit   int
	full    bool // the room is used up: what follows goes without payload
}

func (f *filling) begin(w *push.Wake, limit int) {
	f.head = append(f.head[:0], `{"wake":`...)
	f.head = jsonstring.Append(f.head, string(w.ID))
	f.head = strconv.AppendInt(append(f.head, `,"exp":`...), expiry(w.EndsAt), 10)
	f.bytes, f.limit, f.full = len(f.head)+len(`}`), limit, false
	for i, l := range lists {
		f.bytes += len(`,"":[]`) + len(l.name)
		f.entries[i] = f.entries[i][:0]
	}
}

// add adds an item; false: not even its id fits. emptyRoom is the room that the wake had before its first item.
func (f *filling) add(item push.Item, emptyRoom int) bool {
	at := slices.IndexFunc(lists[:], func(l list) bool { return l.kind == item.Kind() })
	before := f.entries[at]
	left := f.limit - f.bytes
	start := before
	if len(before) > 0 {
		start = append(before, ',')
		left--
	}
	grown, whole := lists[at].entry(start, item, true)
	if size := len(grown) - len(start); size > left || f.full && whole {
		f.full = f.full || size <= emptyRoom
		grown, _ = lists[at].entry(start, item, false)
	}
	if len(grown)-len(start) > left {
		return false
	}
	f.bytes += len(grown) - len(before)
	f.entries[at] = grown
	return true
}

// wake returns the wake so far.
func (f *filling) wake() []byte {
	out := f.head
	for i, l := range lists {
		out = append(append(append(out, `,"`...), l.name...), `":[`...)
		out = append(append(out, f.entries[i]...), ']')
	}
	f.head = append(out, '}')
	return f.head
}

// expiry returns a time as the SDK gets it: Unix seconds, rounded up, so that nothing is dropped before its time; 0: never.
func expiry(at time.Time) int64 {
	if at.IsZero() {
		return 0
	}
	return at.Add(time.Second - time.Nanosecond).Unix()
}
