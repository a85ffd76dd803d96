package simkit

import (
	"encoding/json"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"
)

// Outcome is what became of a request. It may change later: a stored notification is delivered, replaced or discarded.
type Outcome string

// The outcomes, as the control API spells them.
const (
	Delivered Outcome = "delivered" // handed to the device
	Stored    Outcome = "stored"    // taken, and waiting at the provider
	Replaced  Outcome = "replaced"  // was waiting; a newer one has taken its place
	Discarded Outcome = "discarded" // taken, then dropped: expired, too many, the app is gone
	Throttled Outcome = "throttled" // taken, and held back by a rate
	Lost      Outcome = "lost"      // taken, and gone by a fault
	Refused   Outcome = "refused"   // not taken
)

// Entry is one request as the simulator saw it. Bearer tokens and assertions are masked before they come here.
type Entry struct {
	ID         string            `json:"id" doc:"Counts from 1 in order of arrival."`
	At         time.Time         `json:"at" doc:"Simulated time of arrival."`
	Connection int               `json:"connection" doc:"Counts connections from 1."`
	Endpoint   string            `json:"endpoint" doc:"What was asked for, such as send."`
	Method     string            `json:"method"`
	Path       string            `json:"path"`
	Token      string            `json:"token" doc:"The device token, if the request names one."`
	Headers    map[string]string `json:"headers" doc:"Names in lower case; repeated ones are joined with a comma; bearer values are masked."`
	Body       json.RawMessage   `json:"body,omitempty" doc:"The body, if it is JSON, in UTF-8 and at most 100 levels deep."`
	BodyBase64 []byte            `json:"body_base64,omitempty" doc:"The body, if it is no such JSON."`
	Status     int               `json:"status" doc:"0 if there was no answer."`
	Reason     string            `json:"reason" doc:"The provider's word for a refusal, or for why an accepted one was dropped, waits, or has waited."`
	Outcome    Outcome           `json:"outcome" enum:"delivered,stored,replaced,discarded,throttled,lost,refused"`
	Fault      string            `json:"fault" doc:"The id of the fault that played a part."`
}

// SetBody keeps the body as JSON or, if it is not JSON, as bytes. It also keeps as bytes JSON that would make the ledger's answer
// unreadable to a stranger's parser: not in UTF-8, or nested deeper than parsers take. Bodies over 64 KiB are kept in part, as
// bytes.
func (e *Entry) SetBody(b []byte) {
	const most = 64 << 10
	e.Body, e.BodyBase64 = nil, nil
	switch {
	case len(b) == 0:
	case len(b) > most:
		e.BodyBase64 = append([]byte(nil), b[:most]...)
	case utf8.Valid(b) && json.Valid(b) && depth(b) <= maxBodyDepth:
		e.Body = append(json.RawMessage(nil), b...)
	default:
		e.BodyBase64 = append([]byte(nil), b...)
	}
}

// maxBodyDepth is how deep a body may nest that is shown as JSON: well below what parsers take (jq 1.6 256 levels, Python's
// about 1000).
const maxBodyDepth = 100

// depth returns how deep a JSON text nests.
func depth(text []byte) (deepest int) {
	level, inString := 0, false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{', c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}', c == ']':
			level--
		}
	}
	return deepest
}

func (e *Entry) size() int {
	n := 256 + len(e.Path) + len(e.Token) + len(e.Body) + len(e.BodyBase64)
	for k, v := range e.Headers {
		n += 64 + len(k) + len(v)
	}
	return n
}

// Ledger keeps the latest requests in memory: at most as many as told, and at most 64 MiB of them; older ones are forgotten.
type Ledger struct {
	// SameToken reports whether two spellings are one device token. Set before use; nil: no two are.
	SameToken func(a, b string) bool

	most  int
	mu    sync.Mutex
	first int           // guarded by mu; number of entries[0]
	list  []*Entry      // guarded by mu; numbers are consecutive
	bytes int           // guarded by mu
	news  chan struct{} // guarded by mu; closed and replaced at each change; nil while nobody waits
}

const ledgerBytes = 64 << 20

// NewLedger keeps at most most requests; 0 means 100 000.
func NewLedger(most int) *Ledger {
	if most <= 0 {
		most = 100_000
	}
	return &Ledger{most: most, first: 1}
}

// Changed returns a channel that is closed at the next change of the ledger: ask for it, look at the ledger, then wait.
func (l *Ledger) Changed() <-chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.news == nil {
		l.news = make(chan struct{})
	}
	return l.news
}

// wake wakes those who wait for a change. The caller holds mu.
func (l *Ledger) wake() {
	if l.news != nil {
		close(l.news)
		l.news = nil
	}
}

// Add writes an entry, gives it its id, and returns that. What the entry refers to must not change afterwards.
func (l *Ledger) Add(e Entry) (id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ID = strconv.Itoa(l.first + len(l.list))
	l.list = append(l.list, &e)
	l.bytes += e.size()
	for len(l.list) > 1 && (len(l.list) > l.most || l.bytes > ledgerBytes) {
		l.bytes -= l.list[0].size()
		l.list[0] = nil
		l.list = l.list[1:]
		l.first++
	}
	l.wake()
	return e.ID
}

// Update changes an entry; one that has been forgotten is left forgotten. f must not change what size depends on, nor call
// the ledger.
func (l *Ledger) Update(id string, f func(*Entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i, ok := l.index(id); ok {
		f(l.list[i])
		l.wake()
	}
}

// Outcome notes what has become of a request, and why; reason "" leaves the reason that stands.
func (l *Ledger) Outcome(id string, o Outcome, reason string) {
	l.Update(id, func(e *Entry) {
		e.Outcome = o
		if reason != "" {
			e.Reason = reason
		}
	})
}

// Get returns a copy of one entry.
func (l *Ledger) Get(id string) (Entry, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	i, ok := l.index(id)
	if !ok {
		return Entry{}, false
	}
	return *l.list[i], true
}

// Page returns up to limit entries after the cursor ("": from the oldest kept), oldest first, of one token or (token "") of all.
// next is where to go on, "" at the end. ok is false for a cursor that this ledger never gave.
func (l *Ledger) Page(token, cursor string, limit int) (page []Entry, next string, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	from := 0
	if cursor != "" {
		n, err := strconv.Atoi(cursor)
		if err != nil || n < 1 || n >= l.first+len(l.list) {
			return nil, "", false
		}
		from = max(n+1-l.first, 0)
	}
	page = []Entry{}
	for _, e := range l.list[from:] {
		if token != "" && !sameToken(l.SameToken, e.Token, token) {
			continue
		}
		if len(page) == limit {
			return page, page[limit-1].ID, true
		}
		page = append(page, *e)
	}
	return page, "", true
}

// All returns a copy of what is kept, oldest first.
func (l *Ledger) All() []Entry {
	page, _, _ := l.Page("", "", 1<<31-1)
	return page
}

// Reset forgets everything and counts from 1 again.
func (l *Ledger) Reset() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.first, l.list, l.bytes = 1, nil, 0
	l.wake()
}

// index finds an entry by id. The caller holds mu.
func (l *Ledger) index(id string) (int, bool) {
	n, err := strconv.Atoi(id)
	if err != nil || n < l.first || n >= l.first+len(l.list) {
		return 0, false
	}
	return n - l.first, true
}
