package protocol

import "github.com/go-json-experiment/json/jsontext"

// MaxFactsBytes bounds what a device reports of itself, as JSON.
const MaxFactsBytes = 16 << 10

// FactsBytes returns the length of facts as JSON without what only makes it longer: spaces and needless escapes. It looks at
// their bytes, so that facts can be refused before they are decoded. Facts that exceed MaxFactsBytes however they are written
// count as they stand.
func FactsBytes(raw []byte) int {
	const longestEscape = 6 // one byte as \u0041
	if len(raw) <= MaxFactsBytes || len(raw) > longestEscape*MaxFactsBytes {
		return len(raw)
	}
	compact := jsontext.Value(append([]byte(nil), raw...))
	if err := compact.Compact(jsontext.PreserveRawStrings(false)); err != nil {
		return len(raw)
	}
	return len(compact)
}
