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

// micros returns a time as it is stored; nil, which is NULL, for the zero time.
func micros(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMicro()
}

// clock returns a stored time; the zero time for NULL.
func clock(us *int64) time.Time {
	if us == nil {
		return time.Time{}
	}
	return time.UnixMicro(*us).UTC()
}

// clockOr0 returns a stored time; the zero time for 0.
func clockOr0(us int64) time.Time {
	if us == 0 {
		return time.Time{}
	}
	return time.UnixMicro(us).UTC()
}

// blob returns the value for a BLOB column that may not be NULL: an empty slice for nil.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// bit returns a bool as it is stored.
func bit(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

// encode returns a value as JSON. It panics on a value that cannot be JSON, so it is only for our own structs and for values that came
// as JSON.
func encode(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T cannot be JSON: %v", v, err))
	}
	return string(b)
}

// decode reads JSON into v. It leaves v as it is for "".
func decode(text string, v any) error {
	if text == "" {
		return nil
	}
	return json.Unmarshal([]byte(text), v)
}

// jsonList returns a list as a JSON array.
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

// tokenHash returns the hash that a provider token is found by, since tokens may be longer than an index entry; nil for no token.
func tokenHash(token push.Secret) []byte {
	if token == "" {
		return nil
	}
	return push.TokenHash(token)
}

// blobOrNull returns the value of a BLOB column; NULL for an empty slice.
func blobOrNull(b []byte) any {
	if len(b) == 0 {
		return nil
	}
	return b
}

// encodeCursor returns a cursor with the sort key of a page's last row. Cursors are opaque to callers.
func encodeCursor(key ...string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(encode(key)))
}

// storable reports whether PostgreSQL's type text can hold a string. No row has one that it cannot hold.
func storable(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// errCursor means that no page of this list returned the cursor.
var errCursor = push.FieldErrors{{Location: "query.cursor", Code: push.CodeBadValue, Message: "is not a cursor of this list; want one that a page of it returned"}}

// decodeCursor returns the sort key in a cursor, which has as many strings as parts says. All are empty for the first page.
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

// maxPage is the largest page of any list.
const maxPage = 1_000

func pageSize(limit int) int { return min(max(limit, 1), maxPage) }

// page cuts a list that was read with one row more than limit. It returns the cursor of the next page; "" if there is none.
func page[T any](list []T, limit int, key func(T) string) ([]T, string) {
	if len(list) <= limit {
		return list, ""
	}
	list = list[:limit]
	return list, encodeCursor(key(list[limit-1]))
}
