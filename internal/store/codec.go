package store

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/hushpush/hush/push"
)

// micros is a time as it is stored; nil, which is NULL, for none.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// clock is a stored time; the zero time for NULL.
func clock(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

// clockOr0 is a stored time; the zero time for 0.
func clockOr0(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// blob is what a BLOB column that may not be NULL takes: an empty slice for nil.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// encode is for values that always can be: our own structs, and what came as JSON.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T cannot be JSON: %v", v, err))
	}
	return string(b)
}

func decode(text string, v any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), v)
}

// jsonList is a list as a column of text takes it.
func jsonList[T ~string](list []T) string {
	if list == nil {
		return "[]"
	}
	return encode(list)
}

// encodeTimes packs times into 8 bytes each.
func encodeTimes(times []time.Time) []byte {
	b := make([]byte, 0, 8*len(times))
	for _, t := range times {
		b = binary.BigEndian.AppendUint64(b, uint64(t.UnixMicro()))
	}
	return b
}

func decodeTimes(b []byte) []time.Time {
	if len(b) < 8 {
		return nil
	}
	times := make([]time.Time, 0, len(b)/8)
	for ; len(b) >= 8; b = b[8:] {
		times = append(times, time.UnixMicro(int64(binary.BigEndian.Uint64(b))).UTC())
	}
	return times
}

// tokenHash is what a provider token is found by: tokens may be longer than an index entry. nil for no token.
func tokenHash(token push.Secret) []byte {
	if token == "" {
		return nil
	}
	return push.TokenHash(token)
}

// nullBlob is NULL for an empty slice.
func nullBlob(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// A cursor names the last row of a page by its sort key. Callers see it as an opaque string.

func encodeCursor(key ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(encode(key)))
}

// storable tells whether PostgreSQL's text can hold a string; what it cannot hold is not there.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// errCursor is a cursor that no page of this kind gave.
var errCursor = push.FieldErrors{{Location: "query.cursor", Code: push.CodeBadValue, Message: "is no cursor of this list; want one that a page of it gave"}}

// decodeCursor gives parts strings, all empty for the first page.
func decodeCursor(cursor string, parts int) ([]string, error) {
	key := make([]string, parts)
	if cursor == "" {
		return key, nil
	}
	b, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil {
		return nil, errCursor
	}
	if err := json.Unmarshal(b, &key); err != nil || len(key) != parts || slices.ContainsFunc(key, func(k string) bool { return !storable(k) }) {
		return nil, errCursor
	}
	return key, nil
}

// maxPage bounds every list.
const maxPage = 1_000

func pageSize(limit int) int { return min(max(limit, 1), maxPage) }

// page cuts a list that was read with one row more than asked for, and names its last row if there are more.
func page[T any](list []T, limit int, key func(T) string) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	list = list[:limit]
	return list, encodeCursor(key(list[limit-1]))
}
