//go:build unix

package phonetest

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// What an app writes is a stranger's input: it may be anything, in any pieces.
func FuzzWhatAnAppWrites(f *testing.F) {
	f.Add([]byte("{\"id\":\"1\",\"result\":\"new_data\"}\n"), 3)
	f.Add([]byte("printed by the app\r\n{\"id\":\"9\"}\n{"), 1)
	f.Add([]byte("{\"id\":1}\n\x00\xff\n\n"), 100)
	self, err := exec.LookPath("true")
	if err != nil {
		f.Fatal(err)
	}
	cmd := exec.Command(self)
	if err := cmd.Run(); err != nil { // a process that was: only its number is asked
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, out []byte, piece int) {
		piece = max(1, min(piece, len(out)))
		var logged [][]byte
		asked := make(chan phoneline.Answer, 1)
		p := &process{
			cmd:   cmd,
			host:  Host{Log: func(_ int, text string) { logged = append(logged, []byte(text)) }},
			asked: map[string]chan phoneline.Answer{"1": asked},
		}
		w := &lineWriter{handle: p.answer}
		for rest := out; len(rest) > 0; {
			n := min(piece, len(rest))
			if got, err := w.Write(rest[:n]); got != n || err != nil {
				t.Fatalf("writing %q: %d, %v", rest[:n], got, err)
			}
			rest = rest[n:]
		}
		w.flush()
		lines := bytes.Count(out, []byte("\n"))
		if len(out) > 0 && out[len(out)-1] != '\n' {
			lines++
		}
		if got := len(logged) + len(asked); got != lines {
			t.Errorf("%q in pieces of %d: %d lines came out, want %d", out, piece, got, lines)
		}
	})
}

// What a program prints as JSON may have white space around it, and its fields in any order.
func TestAnAnswerIsKnownHoweverItsLineIsWritten(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		`{"id":"1","result":"no_data"}`:                 "no_data",
		"  {\"id\": \"1\", \"result\": \"no_data\"}\t":  "no_data",
		`{ "result" : "no_data", "n": {}, "id" : "1" }`: "no_data",
		`{"id":1,"result":"no_data"}`:                   "",
		`[{"id":"1","result":"no_data"}]`:               "",
	} {
		asked := make(chan phoneline.Answer, 1)
		p := &process{cmd: &exec.Cmd{Process: &os.Process{}}, host: Host{Log: func(int, string) {}}, asked: map[string]chan phoneline.Answer{"1": asked}}
		p.answer([]byte(line))
		var got phoneline.Answer
		select {
		case got = <-asked:
		default:
		}
		if got.Result != want {
			t.Errorf("the app writes %q: result %q, want %q", line, got.Result, want)
		}
	}
}
