package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"golang.org/x/sync/errgroup"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// ndjson is the media type of a JSON value per line.
const ndjson = "application/x-ndjson"

// importAtOnce is how many lines are registered at the same time: enough for the store to commit them in few transactions.
const importAtOnce = 64

func (a *API) importRoutes() {
	register(a, route{id: "importDevices", method: http.MethodPost, path: "/v1/apps/{app}/devices/import", tag: chapterUsers, needs: needsAdmin, streams: true,
		summary: "Bring devices that were registered elsewhere",
		about: "NDJSON, a line is the body of `PUT /v1/device` plus `user`, at most 64 KiB. Each line is answered by one of its own, in order. " +
			"The device gets its credential when its owner's token registers it the next time.",
		stream: ndjson, streamBody: protocol.ImportLine{}, streamAnswer: protocol.ImportResult{}}, a.importDevices)
}

func (a *API) importDevices(ctx context.Context, c *call, in *AppPath) (*huma.StreamResponse, error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	return &huma.StreamResponse{Body: func(hc huma.Context) {
		r, w := humago.Unwrap(hc)
		run := &importRun{api: a, app: in.App, w: w, control: http.NewResponseController(w)}
		run.serve(ctx, r.Body)
	}}, nil
}

// importRun is one import. Lines are read while results are written, so that neither needs to fit in memory.
type importRun struct {
	api     *API
	app     string
	w       http.ResponseWriter
	control *http.ResponseController
}

// importLine is one line as it was read.
type importLine struct {
	n       int // from 1
	text    []byte
	tooLong bool
}

func (run *importRun) serve(ctx context.Context, body io.Reader) {
	_ = run.control.EnableFullDuplex() // HTTP/2 always is
	run.w.Header().Set("Content-Type", ndjson)
	lines := make(chan importLine, importAtOnce)
	var readErr error
	var reading sync.WaitGroup
	stop := make(chan struct{})
	reading.Go(func() { // owned by serve, which waits for it
		defer close(lines)
		readErr = run.read(body, lines, stop)
	})
	ok := run.answer(ctx, lines)
	close(stop)
	if !ok {
		_ = run.control.SetReadDeadline(time.Unix(1, 0)) // ends a read that waits for the client
	}
	reading.Wait()
	if readErr != nil || !ok {
		run.api.hangUp(run.w, readErr)
	}
	_ = run.control.SetReadDeadline(time.Time{})
}

// read hands the lines on until the body ends. A line whose end never came is not handed on.
func (run *importRun) read(body io.Reader, lines chan<- importLine, stop <-chan struct{}) error {
	r := bufio.NewReaderSize(body, maxImportLine+2)
	for n := 1; ; n++ {
		_ = run.control.SetReadDeadline(time.Now().Add(run.api.BodyWait))
		line := importLine{n: n}
		text, err := r.ReadSlice('\n')
		for errors.Is(err, bufio.ErrBufferFull) {
			line.tooLong = true
			text, err = r.ReadSlice('\n')
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		end := err != nil
		text = bytes.TrimSuffix(text, []byte("\n"))
		line.tooLong = line.tooLong || len(text) > maxImportLine
		if line.text = bytes.Clone(bytes.TrimSpace(text)); len(line.text) > 0 || line.tooLong {
			select {
			case lines <- line:
			case <-stop:
				return nil
			}
		}
		if end {
			return nil
		}
	}
}

// answer registers the lines, as many at once as have come, and writes their results in order. It tells whether the client
// got them all.
func (run *importRun) answer(ctx context.Context, lines <-chan importLine) bool {
	out := bufio.NewWriter(run.w)
	for first := range lines {
		results := run.importAll(ctx, run.gather(first, lines))
		_ = run.control.SetWriteDeadline(time.Now().Add(answerWait))
		for _, result := range results {
			if err := json.NewEncoder(out).Encode(result); err != nil {
				return false
			}
		}
		if len(lines) == 0 && (out.Flush() != nil || run.control.Flush() != nil) {
			return false
		}
		if ctx.Err() != nil {
			return false
		}
	}
	return out.Flush() == nil
}

// importAll registers lines at the same time, but for those that touch what an earlier one of them does: these come after
// it, so that of a file's lines on one device each finds what the one before left.
func (run *importRun) importAll(ctx context.Context, lines []importLine) []protocol.ImportResult {
	entries := make([]importEntry, len(lines))
	for i, line := range lines {
		entries[i] = readImportLine(line)
	}
	results := make([]protocol.ImportResult, len(lines))
	for from := 0; from < len(entries); {
		to := from + independent(entries[from:])
		var group errgroup.Group
		for i := from; i < to; i++ {
			group.Go(func() error {
				results[i] = run.importOne(ctx, entries[i])
				return nil
			})
		}
		_ = group.Wait() // errors are in the results
		from = to
	}
	return results
}

// independent is how many entries, from the first on, name neither a device nor a provider token twice.
func independent(entries []importEntry) int {
	devices, tokens := map[string]bool{}, map[string]bool{}
	for i, e := range entries {
		token := ""
		if e.registration.ProviderToken != nil {
			token = e.registration.ProviderToken.Reveal()
		}
		if devices[e.id] || tokens[token] {
			return i
		}
		devices[e.id], tokens[token] = e.id != "", token != ""
	}
	return len(entries)
}

// gather takes what has come already, up to importAtOnce lines.
func (run *importRun) gather(first importLine, lines <-chan importLine) []importLine {
	batch := []importLine{first}
	for len(batch) < importAtOnce {
		select {
		case line, ok := <-lines:
			if !ok {
				return batch
			}
			batch = append(batch, line)
		default:
			return batch
		}
	}
	return batch
}

// importSchema is what a line is checked by.
var importSchema = sync.OnceValue(func() *standaloneSchema { return newStandaloneSchema[protocol.ImportLine]() })

// importEntry is a line as it was understood.
type importEntry struct {
	n            int    // the line's number
	id           string // of the device, as far as it can be told
	user         string
	registration push.Registration
	err          error // what is wrong with the line
}

func readImportLine(line importLine) importEntry {
	e := importEntry{n: line.n}
	if line.tooLong {
		e.err = newProblem(http.StatusRequestEntityTooLarge, codeBodyTooLarge, fmt.Sprintf("the line is longer than %d KiB; want at most that", maxImportLine>>10))
		return e
	}
	var body protocol.ImportLine
	f, err := importSchema().read(line.text, &body)
	if err != nil {
		e.err = err
		return e
	}
	e.id, e.user, e.registration = body.DeviceID, body.User, registrationOf(&f, body.DeviceRequest)
	if err := push.CheckID(body.User); err != nil {
		f.add("body.user", push.CodeBadID, "%s", err.Error())
	}
	e.err = f.err()
	return e
}

func (run *importRun) importOne(ctx context.Context, e importEntry) protocol.ImportResult {
	registered, err := push.Registered{}, e.err
	if err == nil {
		registered, err = run.api.register(ctx, run.app, e.registration, push.Caller{User: e.user, Import: true}, nil, nil)
	}
	if err != nil {
		p := run.api.answerTo(ctx, "importDevices", err)
		return protocol.ImportResult{Line: e.n, Status: p.Status, DeviceID: e.id, Problem: &p.Problem}
	}
	return protocol.ImportResult{Line: e.n, Status: created(registered.New), DeviceID: e.id}
}
