package worldtest_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
	"github.com/hushpush/hush/pushtest/worldtest"
)

// backend is what the apps in the foreground hold a socket to: it sends back what it gets, as an acknowledgement.
type backend struct {
	addr    string
	sockets atomic.Int64 // open now
	most    atomic.Int64 // open at once
	acks    atomic.Int64
}

func newBackend(t testing.TB) *backend {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &backend{addr: ln.Addr().String()}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { b.serve(c) })
		}
	})
	t.Cleanup(func() { ln.Close(); wg.Wait() }) // the apps have closed their ends with the world
	return b
}

func (b *backend) serve(c net.Conn) {
	defer c.Close()
	open := b.sockets.Add(1)
	defer b.sockets.Add(-1)
	for most := b.most.Load(); open > most && !b.most.CompareAndSwap(most, open); most = b.most.Load() {
	}
	lines := bufio.NewReaderSize(c, 64)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		b.acks.Add(1)
		if _, err := io.WriteString(c, line); err != nil {
			return
		}
	}
}

// online is an app without a process. In the foreground it holds a socket to its backend, and acknowledges there what it
// gets; in the background it only answers.
type online struct {
	backend *backend
	handled *atomic.Int64
	stays   bool // in the foreground; others are there for a moment only, when they are new
	conn    net.Conn
}

func (o *online) Handle(_ context.Context, e phoneline.Event) string {
	switch e.Kind {
	case phoneline.Launch, phoneline.State:
		if e.State == phoneline.Foreground && o.stays {
			return o.open()
		}
		return o.close()
	case phoneline.Push:
		o.handled.Add(1)
		if o.conn != nil {
			return o.acknowledge(e.Data)
		}
		return phoneline.NewData
	}
	return phoneline.OK
}

func (o *online) open() string {
	c, err := net.Dial("tcp", o.backend.addr)
	if err != nil {
		return phoneline.Failed
	}
	o.conn = c
	return phoneline.OK
}

func (o *online) close() string {
	if o.conn != nil {
		o.conn.Close()
		o.conn = nil
	}
	return phoneline.OK
}

func (o *online) acknowledge(data []byte) string {
	var push struct{ Say string }
	if json.Unmarshal(data, &push) != nil {
		return phoneline.Failed
	}
	line := push.Say + "\n"
	back := make([]byte, len(line))
	o.conn.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(o.conn, line); err != nil {
		return phoneline.Failed
	}
	if _, err := io.ReadFull(o.conn, back); err != nil || string(back) != line {
		return phoneline.Failed
	}
	return phoneline.NewData
}

// fleet is many phones, of which some are in the foreground with a socket.
type fleet struct {
	world   *worldtest.World
	backend *backend
	handled atomic.Int64
	phones  []*phonetest.Phone
}

func newFleet(t testing.TB, phones, foreground int) *fleet {
	t.Helper()
	f := &fleet{backend: newBackend(t)}
	app := phonetest.InProcess(func(phone string, _ func(string)) phonetest.Program {
		n, _ := strconv.Atoi(strings.TrimPrefix(phone, "p"))
		return &online{backend: f.backend, handled: &f.handled, stays: n <= foreground}
	})
	f.world = worldtest.New(t, app, worldtest.AllEvents())
	t.Cleanup(func() { // before the backend, which waits for its sockets
		for _, p := range f.phones[:min(len(f.phones), foreground)] {
			if err := p.Home(context.Background()); err != nil {
				t.Error(err)
			}
		}
	})
	for i := range phones {
		spec := phonetest.Spec{Platform: phonetest.IOS, State: phonetest.Suspended}
		if i%2 == 1 {
			spec.Platform = phonetest.Android
		}
		if i < foreground {
			spec.State = phonetest.Foreground
		}
		f.phones = append(f.phones, f.world.Phone(t, spec))
	}
	return f
}

// sendToAll sends one push to each phone through its provider, and waits until the apps have handled all of them.
func (f *fleet) sendToAll(t testing.TB, senders int) {
	t.Helper()
	want := f.handled.Load() + int64(len(f.phones))
	s := newSender(t, f.world)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range senders {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(f.phones); i = int(next.Add(1)) - 1 {
				if err := f.send(t, s, f.phones[i], i); err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	if err := f.world.Phones.Settle(ctx); err != nil {
		t.Fatal(err)
	}
	if got := f.handled.Load(); got != want {
		t.Errorf("%d pushes have been handled, want %d", got, want)
	}
}

func (f *fleet) send(t testing.TB, s *sender, p *phonetest.Phone, i int) error {
	req, client := s.request(t, p.Platform(), p.Token(), strconv.Itoa(i))
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if answer, _ := io.ReadAll(resp.Body); resp.StatusCode != 200 {
		return fmt.Errorf("phone %d: %s: %s", i, resp.Status, answer)
	}
	return nil
}

// memory is the process's resident set, now and at its highest, in bytes (Linux).
func memory(t testing.TB) (now, most uint64) {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("resident memory is measured on Linux only") // the fleet has been shown to work by then
	}
	for line := range strings.Lines(string(status)) {
		var into *uint64
		switch {
		case strings.HasPrefix(line, "VmRSS:"):
			into = &now
		case strings.HasPrefix(line, "VmHWM:"):
			into = &most
		default:
			continue
		}
		kb, err := strconv.ParseUint(strings.Fields(line)[1], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		*into = kb << 10
	}
	return now, most
}

func TestAFleetReceivesAndAnswers(t *testing.T) {
	const phones, foreground = 2_000, 50
	f := newFleet(t, phones, foreground)
	f.sendToAll(t, 8)
	if got := f.backend.acks.Load(); got != foreground || f.backend.most.Load() != foreground {
		t.Errorf("%d acknowledgements over %d sockets, want %d of each", got, f.backend.most.Load(), foreground)
	}
	for _, p := range f.phones {
		if r := p.Records(); len(r) != 1 || r[0].Result != phonetest.NewData {
			t.Fatalf("%s did %+v, want one push with new_data", p.Name(), r)
		}
	}
}

// BenchmarkFleet has a hundred thousand phones on both providers, a thousand of them in the foreground with a socket, and
// sends a push to each, again and again. It fails if that takes a gigabyte.
func BenchmarkFleet(b *testing.B) {
	const phones, foreground = 100_000, 1_000
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(worldtest.MemoryLimit)) // as hush sim world does
	f := newFleet(b, phones, foreground)
	runtime.GC()
	idle, _ := memory(b)
	b.ResetTimer()
	for b.Loop() {
		f.sendToAll(b, 8)
		f.world.Advance(time.Hour) // or iOS would pace the next round
	}
	b.StopTimer()
	_, most := memory(b)
	b.ReportMetric(float64(idle)/1e6, "idle-MB")
	b.ReportMetric(float64(most)/1e6, "most-MB")
	b.ReportMetric(float64(phones*b.N)/b.Elapsed().Seconds(), "pushes/s")
	if most >= 1_000_000_000 {
		b.Errorf("%d phones took %d MB, want less than 1000", phones, most/1_000_000)
	}
	if got := f.backend.most.Load(); got != foreground {
		b.Errorf("%d sockets were open at once, want %d", got, foreground)
	}
}
