package protocol

import "github.com/go-json-experiment/json/jsontext"

// MaxFactsBytes bounds what a device reports of itself, as JSON.
const MaxFactsBytes = 16 << 10

// FactsBytes is the length of facts as JSON without what only makes it longer: spaces and needless escapes. It looks at
// their bytes, so that facts can be refused before anything is made of them. What is longer than MaxFactsBytes however it is
// written counts as it stands.
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
