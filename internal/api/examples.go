package api

import (
	"embed"
	"encoding/json"
	"fmt"
	"strconv"
	"sync"

	"github.com/hushpush/hush/internal/rest"
)

// The credentials in the examples were made for the document; no provider knows them. The answers were recorded from a real
// server with the examples of the requests. To record them again: go test ./internal/api -run TestTheExamplesWork
// -record-examples
//
//go:embed examples
var exampleFiles embed.FS

var (
	exampleKey            = string(exampleFile("apns-key.p8"))
	exampleServiceAccount = json.RawMessage(exampleFile("service-account.json"))
	exampleAnswers        = sync.OnceValue(readExampleAnswers) // many, so they are read only when a document is made
)

const exampleImport = `{"user": "alice", "device_id": "a1", "platform": "android", "package": "com.example.notes"}` + "\n" +
	`{"user": "bob", "device_id": "b1", "platform": "ios", "bundle_id": "com.example.notes"}` + "\n"

func exampleFile(name string) []byte {
	b, err := exampleFiles.ReadFile("examples/" + name)
	if err != nil {
		panic(err) // cannot happen: the folder is compiled in
	}
	return b
}

// readExampleAnswers returns the answers by operation and status; that of a stream is a string.
func readExampleAnswers() map[string]map[string]json.RawMessage {
	var answers map[string]map[string]json.RawMessage
	if err := json.Unmarshal(exampleFile("answers.json"), &answers); err != nil {
		panic(fmt.Errorf("api: examples/answers.json: %w", err))
	}
	return answers
}

// documentExamples adds an example to each body.
func documentExamples(op *rest.Operation, r route) {
	if op.RequestBody != nil && r.example != nil {
		for _, media := range op.RequestBody.Content {
			media.Example = r.example
		}
	}
	for status, response := range op.Responses {
		if status >= "300" {
			continue
		}
		for _, media := range response.Content {
			if example := exampleAnswer(r, status); example != nil {
				media.Example = example
			}
		}
	}
}

// exampleAnswer returns the answer with a status, or else the one with the other status of success, which has the same shape.
func exampleAnswer(r route, status string) json.RawMessage {
	answers := exampleAnswers()[r.id]
	if found, ok := answers[status]; ok || r.also == 0 {
		return found
	}
	for _, other := range []int{r.also, max(r.status, 200)} {
		if found, ok := answers[strconv.Itoa(other)]; ok {
			return found
		}
	}
	return nil
}
