package api

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/hushpush/hush/internal/jsonstring"
	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// ndjson is the media type of one JSON value per line.
const ndjson = "application/x-ndjson"

func (a *API) importRoutes() {
	register(a, route{id: "importDevices", audit: "device.import", method: http.MethodPost, path: "/v1/apps/{app}/devices/import", tag: chapterUsers, needs: needsAdmin, streams: true,
		summary: "Bring devices that were registered elsewhere",
		about: "NDJSON, a line is the body of `PUT /v1/device` plus `user`, at most 64 KiB. Each line is answered by one of its own, in order. " +
			"The device gets its credential when its owner's token registers it the next time.",
		example: exampleImport, stream: ndjson, streamBody: protocol.ImportLine{}, streamAnswer: protocol.ImportResult{}}, a.importDevices)
}

func (a *API) importDevices(ctx context.Context, c *call, in *AppPath) (rest.Stream, error) {
	if err := a.app(ctx, c, in.App); err != nil {
		return nil, err
	}
	return func(w http.ResponseWriter, r *http.Request) {
		run := &importRun{api: a, app: in.App, w: w, control: http.NewResponseController(w), results: newSpool(a.SpoolDir)}
		run.serve(ctx, r.Body)
	}, nil
}

// importRun is one import. Lines are read, parsed, registered and answered at the same time, in batches, each step in a goroutine
// of its own. Results wait in a spool: many clients read nothing before they have sent everything, and a server that waited for
// them to read would wait for ever.
type importRun struct {
	api     *API
	app     string
	w       http.ResponseWriter
	control *http.ResponseController
	results *spool
	cancel  context.CancelFunc

	made, known, refused int // numbers of lines answered, for the audit record; owned by answer
}

// What an import holds in memory, in lines and bytes. Three batches exist at once: one being read, one being parsed, one being
// registered.
const (
	importAtOnce    = 1024      // lines registered at once, in one transaction
	importBatch     = 256 << 10 // bytes in these, without the last line
	importMemory    = 3*(importBatch+maxImportLine) + 2*maxImportLine
	importLineWaits = 10 // multiples of BodyWait that one line may take
)

// importLine is one line as it was read.
type importLine struct {
	n       int // from 1
	text    []byte
	tooLong bool
}

func (run *importRun) serve(ctx context.Context, body io.Reader) {
	_ = run.control.EnableFullDuplex() // HTTP/2 always has it
	run.w.Header().Set("Content-Type", ndjson)
	ctx, run.cancel = context.WithCancel(ctx)
	defer run.cancel()
	defer run.results.close()
	lines := newLineQueue()
	defer context.AfterFunc(ctx, lines.abandon)()
	var readErr, sendErr error
	var others sync.WaitGroup // owned by serve, which waits for them
	others.Go(func() {
		defer lines.end()
		readErr = run.read(ctx, body, lines)
	})
	others.Go(func() {
		if sendErr = run.send(); sendErr != nil {
			run.stop()
		}
	})
	err := run.answer(ctx, lines)
	if err != nil {
		run.stop()
	}
	run.results.end()
	others.Wait()
	track := trailOf(ctx)
	track.more = []slog.Attr{slog.Int("made", run.made), slog.Int("known", run.known), slog.Int("refused", run.refused)}
	if err = errors.Join(err, readErr, sendErr); err != nil {
		run.api.Logger.DebugContext(ctx, "an import ended early", "app", run.app, "error", err.Error())
		track.failed = true
		_ = run.control.SetReadDeadline(past) // the reader may have set a later one, and net/http would wait that long for the rest
		run.api.hangUp(run.w, readErr)
	}
	_ = run.control.SetReadDeadline(time.Time{})
}

// stop ends all waits for the client.
func (run *importRun) stop() {
	run.cancel()
	_ = run.control.SetReadDeadline(past)
	run.results.abandon()
}

// read passes the lines on until the body ends. It drops a last line without its end.
func (run *importRun) read(ctx context.Context, body io.Reader, lines *lineQueue) error {
	steady := &steadyBody{ctx: ctx, body: body, run: run}
	r := bufio.NewReaderSize(steady, maxImportLine+2)
	for n := 1; ; n++ {
		steady.begin()
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
		if line.tooLong {
			text = nil
		}
		if line.text = bytes.Clone(bytes.TrimSpace(text)); len(line.text) > 0 || line.tooLong {
			if !lines.put(line) {
				return context.Cause(ctx)
			}
		}
		if end {
			return nil
		}
	}
}

// steadyBody is a body with a deadline that moves whenever something arrives. It also gives the client time to start reading the
// answer. One line may take importLineWaits times BodyWait, so that nobody keeps a connection open with a byte a minute.
type steadyBody struct {
	ctx     context.Context
	body    io.Reader
	run     *importRun
	lineEnd time.Time
	renewed time.Time // when the client's deadline for reading was last moved
}

// begin starts the time of the next line.
func (s *steadyBody) begin() { s.lineEnd = time.Now().Add(importLineWaits * s.run.api.BodyWait) }

// Read reads what has arrived.
func (s *steadyBody) Read(b []byte) (int, error) {
	now := time.Now()
	deadline := now.Add(s.run.api.BodyWait)
	if s.lineEnd.Before(deadline) {
		deadline = s.lineEnd
	}
	_ = s.run.control.SetReadDeadline(deadline)
	if err := s.ctx.Err(); err != nil { // checked after setting the deadline, which may have undone the one that stop set
		return 0, err
	}
	n, err := s.body.Read(b)
	if n > 0 && now.Sub(s.renewed) > time.Second {
		s.renewed = now
		s.run.renewWrite()
	}
	return n, err
}

// renewWrite restarts the time that the client has to read.
func (run *importRun) renewWrite() { _ = run.control.SetWriteDeadline(time.Now().Add(answerWait)) }

// answer registers the lines, as many at once as have arrived, and queues their results in order.
func (run *importRun) answer(ctx context.Context, lines *lineQueue) error {
	understood := make(chan []importEntry)
	var reader sync.WaitGroup
	defer reader.Wait()
	defer lines.abandon()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	reader.Go(func() {
		defer close(understood)
		for batch := lines.next(); len(batch) > 0; batch = lines.next() {
			select {
			case understood <- readImportLines(batch):
			case <-ctx.Done():
				return
			}
		}
	})
	var out []byte
	for entries := range understood {
		out = out[:0]
		for _, result := range run.importAll(ctx, entries) {
			run.count(result.Status)
			var err error
			if out, err = appendImportResult(out, result); err != nil {
				return err
			}
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := run.results.Write(out); err != nil {
			return err
		}
	}
	return ctx.Err()
}

// appendImportResult appends a result as one line of JSON.
func appendImportResult(dst []byte, r protocol.ImportResult) ([]byte, error) {
	if r.Problem != nil || r.DeviceID == "" {
		dst, err := rest.AppendJSON(dst, r)
		return append(dst, '\n'), err
	}
	dst = strconv.AppendInt(append(dst, `{"line":`...), int64(r.Line), 10)
	dst = strconv.AppendInt(append(dst, `,"status":`...), int64(r.Status), 10)
	dst = jsonstring.Append(append(dst, `,"device_id":`...), r.DeviceID)
	return append(dst, "}\n"...), nil
}

func (run *importRun) count(status int) {
	switch status {
	case http.StatusCreated:
		run.made++
	case http.StatusOK:
		run.known++
	default:
		run.refused++
	}
}

// send writes the results as fast as the client reads them.
func (run *importRun) send() error {
	piece := make([]byte, 32<<10)
	for {
		n, more, err := run.results.read(piece)
		if n == 0 || err != nil {
			return err
		}
		run.renewWrite()
		if _, err := run.w.Write(piece[:n]); err != nil {
			return err
		}
		if more {
			continue
		}
		if err := run.control.Flush(); err != nil {
			return err
		}
	}
}

// importAll registers the valid lines and returns the results of all.
func (run *importRun) importAll(ctx context.Context, entries []importEntry) []protocol.ImportResult {
	devices := make([]push.ImportedDevice, 0, len(entries))
	for _, e := range entries {
		if e.err == nil {
			devices = append(devices, push.ImportedDevice{Registration: e.registration, User: e.user})
		}
	}
	registered := run.api.registerMany(ctx, run.app, devices)
	results := make([]protocol.ImportResult, len(entries))
	for i, e := range entries {
		outcome := push.RegisterResult{Err: e.err}
		if e.err == nil {
			outcome, registered = registered[0], registered[1:]
		}
		results[i] = run.resultOf(ctx, e, outcome)
	}
	return results
}

func (run *importRun) resultOf(ctx context.Context, e importEntry, r push.RegisterResult) protocol.ImportResult {
	if r.Err != nil {
		p := run.api.answerTo(ctx, "importDevices", r.Err)
		return protocol.ImportResult{Line: e.n, Status: p.Status, DeviceID: e.id, Problem: &p.Problem}
	}
	return protocol.ImportResult{Line: e.n, Status: created(r.New), DeviceID: e.id}
}

// importSchema returns the schema of a line.
var importSchema = sync.OnceValue(func() *rest.Schema { return rest.SchemaFor[protocol.ImportLine](newSchemas()) })

// importEntry is a parsed line.
type importEntry struct {
	n            int    // the line's number
	id           string // the device's id, if it could be read
	user         string
	registration push.Registration
	err          error // what is wrong with the line
}

// readImportLines parses lines on all processors.
func readImportLines(lines []importLine) []importEntry {
	const share = 64 // lines
	entries := make([]importEntry, len(lines))
	var group sync.WaitGroup
	for from := 0; from < len(lines); from += share {
		group.Go(func() {
			for i := from; i < min(from+share, len(lines)); i++ {
				entries[i] = readImportLine(lines[i])
			}
		})
	}
	group.Wait()
	return entries
}

// readLine parses a line in one pass if it is plain. Other lines take the slow path, which finds the faults.
func readLine(text []byte) (l protocol.ImportLine, f faults, err error) {
	if l, ok := readPlainLine(text); ok {
		return l, nil, nil
	}
	f, err = readItem(text, importSchema(), &l)
	return l, f, err
}

func readImportLine(line importLine) importEntry {
	e := importEntry{n: line.n}
	if line.tooLong {
		e.err = newProblem(http.StatusRequestEntityTooLarge, codeBodyTooLarge, fmt.Sprintf("the line is longer than %d KiB; want at most that", maxImportLine>>10))
		return e
	}
	body, f, err := readLine(line.text)
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
