package api

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// maxPlainIDs is the most ids in one body that takes the fast path, because all of them are in memory at once.
const maxPlainIDs = 4 * maxItems

// readPlainPush reads the body of a push. ok is false if it is not plain.
func readPlainPush(body []byte) (p protocol.PushRequest, ok bool) {
	r := plainReader{body: body}
	r.push(&p)
	return p, r.end()
}

// readPlainBatch reads the body of a batch. ok is false if any of it is not plain.
func readPlainBatch(body []byte) (pushes []protocol.PushRequest, ok bool) {
	r := plainReader{body: body}
	r.object([]string{"pushes"}, func(string) {
		pushes = make([]protocol.PushRequest, 0, min(bytes.Count(body, []byte(`"resource_id"`)), push.MaxBatch))
		r.array(func() {
			if len(pushes) == push.MaxBatch {
				r.odd = true
				return
			}
			pushes = append(pushes, protocol.PushRequest{})
			r.push(&pushes[len(pushes)-1])
		})
	})
	return pushes, r.end() && len(pushes) > 0
}

// plainReader reads JSON from the front. After the first odd byte it reads nothing more.
type plainReader struct {
	body []byte // never changes
	at   int    // offset of the next byte; re-slicing the rest would pass the garbage collector's write barrier at each token
	odd  bool
	text []byte // buffer for the ids of a list, and for strings with escapes
	ends []int  // buffer for the ends of those ids
	ids  int    // number of ids so far
}

// end reports whether everything was plain and nothing follows.
func (r *plainReader) end() bool { return r.skip() == 0 && !r.odd }

// skip skips white space and returns the next byte; 0 at the end.
func (r *plainReader) skip() byte {
	for ; r.at < len(r.body); r.at++ {
		if c := r.body[r.at]; c != ' ' && c != '\n' && c != '\t' && c != '\r' {
			r.odd = r.odd || c == 0
			return c
		}
	}
	return 0
}

// expect consumes a byte that must come next.
func (r *plainReader) expect(c byte) {
	if r.odd = r.odd || r.skip() != c || c == 0; !r.odd {
		r.at++
	}
}

// next reports whether another value follows in a list or object that ends with the byte end. It consumes the comma or the end.
func (r *plainReader) next(end byte, first bool) bool {
	if r.odd {
		return false
	}
	switch {
	case r.skip() == end:
		r.at++
		return false
	case !first:
		r.expect(',')
	}
	return !r.odd
}

// members reads an object. It calls member to read the value of each name.
func (r *plainReader) members(member func(name []byte)) {
	r.expect('{')
	for first := true; r.next('}', first); first = false {
		name := r.raw()
		r.expect(':')
		if !r.odd {
			member(name)
		}
	}
}

// object reads an object with known fields, each at most once. It calls field to read each value. The bits of there say which
// fields were present.
func (r *plainReader) object(fields []string, field func(name string)) (there uint) {
	r.members(func(name []byte) {
		i := slices.IndexFunc(fields, func(f string) bool { return f == string(name) })
		if r.odd = i < 0 || there&(1<<i) != 0; !r.odd {
			there |= 1 << i
			field(fields[i])
		}
	})
	return there
}

// array reads a list. It calls item to read each value.
func (r *plainReader) array(item func()) {
	r.expect('[')
	for first := true; r.next(']', first); first = false {
		item()
	}
}

// raw reads a string without escapes. The result aliases the body.
func (r *plainReader) raw() []byte {
	s, escaped := r.quoted()
	r.odd = r.odd || escaped
	return s
}

// quoted reads a string and returns what is written between its quotes.
func (r *plainReader) quoted() (s []byte, escaped bool) {
	if r.expect('"'); r.odd {
		return nil, false
	}
	ascii, from := true, r.at
	for i := from; i < len(r.body); i++ {
		switch c := r.body[i]; {
		case c == '"':
			s, r.at = r.body[from:i], i+1
			r.odd = !ascii && !utf8.Valid(s)
			return s, escaped
		case c == '\\':
			escaped = true
			i++ // an escaped character does not end the string
		case c < ' ':
			r.odd = true
			return nil, false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	r.odd = true
	return nil, false
}

// string reads a string.
func (r *plainReader) string() string {
	s, escaped := r.quoted()
	if r.odd {
		return ""
	}
	if escaped {
		s = r.unescape(s)
	}
	return string(s)
}

// unescaped maps the characters after a backslash, other than u, to their meaning (RFC 8259, section 7).
var unescaped = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

func (r *plainReader) unescape(s []byte) []byte {
	out := r.text[:0]
	for len(s) > 0 {
		at := bytes.IndexByte(s, '\\')
		if at < 0 || at+1 == len(s) {
			out = append(out, s...)
			break
		}
		c := unescaped[s[at+1]]
		r.odd = r.odd || c == 0
		out = append(append(out, s[:at]...), c)
		s = s[at+2:]
	}
	r.text = out
	return out
}

// filled reads a string that must not be empty.
func (r *plainReader) filled() string {
	s := r.string()
	r.odd = r.odd || s == ""
	return s
}

// idList reads a list of ids, which share one string.
func (r *plainReader) idList() []string {
	text, ends := r.text[:0], r.ends[:0]
	if cap(ends) == 0 { // few bodies have more than one long list
		ids := min(bytes.Count(r.body[r.at:], []byte(`","`))+1, maxItems)
		text, ends = make([]byte, 0, min(len(r.body)-r.at, 16*ids)), make([]int, 0, ids)
	}
	r.array(func() {
		text = append(text, r.raw()...)
		ends = append(ends, len(text))
		r.ids++
		r.odd = r.odd || len(ends) > maxItems || r.ids > maxPlainIDs
	})
	r.text, r.ends = text, ends
	if r.odd {
		return nil
	}
	all, list, from := string(text), make([]string, len(ends)), 0
	for i, end := range ends {
		list[i], from = all[from:end], end
	}
	return list
}

// bool reads true or false.
func (r *plainReader) bool() bool {
	r.skip()
	for _, word := range [...]string{"true", "false"} {
		if bytes.HasPrefix(r.body[r.at:], []byte(word)) {
			r.at += len(word)
			return word == "true"
		}
	}
	r.odd = true
	return false
}

// pushFields are the fields of a push. The first two are required.
var pushFields = []string{"to", "resource_id", "payload", "ttl", "collapse_key", "deliver", "deliver_at", "dry_run"}

// push reads a push.
func (r *plainReader) push(p *protocol.PushRequest) {
	there := r.object(pushFields, func(name string) {
		switch name {
		case "to":
			r.audience(&p.To)
		case "resource_id":
			p.ResourceID = r.string()
		case "payload":
			p.Payload = r.string()
		case "ttl":
			p.TTL = r.filled()
		case "collapse_key":
			p.CollapseKey = r.string()
		case "deliver":
			p.Deliver = oneOf(r, push.Auto, push.SessionOnly, push.WakeAlways)
		case "deliver_at":
			p.DeliverAt = r.filled()
		case "dry_run":
			p.DryRun = r.bool()
		}
	})
	r.odd = r.odd || there&0b11 != 0b11
}

// audienceFields are the fields of the usual audiences; others are rare.
var audienceFields = []string{"users", "devices"}

// audience reads users or devices.
func (r *plainReader) audience(to *protocol.Audience) {
	r.object(audienceFields, func(name string) {
		if name == "users" {
			to.Users = r.idList()
		} else {
			to.Devices = r.idList()
		}
	})
}

// oneOf reads one of several words.
func oneOf[T ~string](r *plainReader, words ...T) T {
	s := r.raw()
	for _, w := range words {
		if string(s) == string(w) {
			return w
		}
	}
	r.odd = true
	return ""
}
