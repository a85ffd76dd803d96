package store

import (
	"context"
	"crypto/sha256"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/push"
)

// Accepts and handles pushes for users with a device each, flushed, with group commit and without. The ratio of the two is what
// group commit gains; the numbers themselves depend on the machine.
func BenchmarkAcceptAndHandle(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, batch := range []int{1, 50, 500} {
			b.Run(fmt.Sprintf("%s/batch=%d", engine, batch), func(b *testing.B) {
				cfg := Config{BatchOps: batch}
				if engine == "sqlite" {
					cfg.DataDir = b.TempDir()
				} else {
					cfg.DatabaseURL = pgtest.URL(b)
				}
				acceptAndHandle(b, openFor(b, cfg), 2*batch)
			})
		}
	}
}

// Accepts pushes for one user each, flushed, with several concurrent callers.
func BenchmarkAccept(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		for _, callers := range []int{1, 32, 256} {
			b.Run(fmt.Sprintf("%s/callers=%d", engine, callers), func(b *testing.B) {
				cfg := Config{DataDir: b.TempDir()}
				if engine == "postgres" {
					cfg = Config{DatabaseURL: pgtest.URL(b)}
				}
				s := openFor(b, cfg)
				prepareBench(b, s)
				b.ReportAllocs()
				byCallers(b, callers, func(i int) error { return acceptOne(context.Background(), s, push.NewID(), i%benchUsers) })
			})
		}
	}
}

// byCallers calls do b.N times from concurrent callers, and reports the calls per second.
func byCallers(b *testing.B, callers int, do func(i int) error) {
	var wg sync.WaitGroup
	var next atomic.Int64
	b.ResetTimer()
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if err := do(int(i)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
}

const benchUsers = 1000

// prepareBench creates an app with a resource, and benchUsers users with a device each.
func prepareBench(b *testing.B, s *Store) {
	ctx := context.Background()
	if _, _, err := s.PutApp(ctx, "notes"); err != nil {
		b.Fatal(err)
	}
	if _, err := s.PutResource(ctx, push.Resource{App: "notes", ID: "both", APNs: &push.Strategy{}}); err != nil {
		b.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range benchUsers {
		wg.Go(func() {
			r := push.Registration{DeviceID: fmt.Sprint("d", i), Platform: push.IOS}
			if _, _, err := s.Register(ctx, r, "notes", push.Caller{User: fmt.Sprint("u", i)}, nil, fmt.Append(nil, "c", i)); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}

func acceptAndHandle(b *testing.B, s *Store, callers int) {
	prepareBench(b, s)
	byCallers(b, callers, func(i int) error { return acceptAndHandleOne(context.Background(), s, i%benchUsers) })
}

func acceptOne(ctx context.Context, s *Store, id push.ID, user int) error {
	p := push.Push{ID: id, App: "notes", ResourceID: "both", Payload: []byte(`{"cursor":1841}`), AcceptedAt: time.Now(),
		To: push.Audience{Users: []string{fmt.Sprint("u", user)}}}
	return s.Accept(ctx, []push.AcceptRequest{{Push: p}}, 10*time.Second, nil)[0].Err
}

func acceptAndHandleOne(ctx context.Context, s *Store, user int) error {
	id := push.NewID()
	if err := acceptOne(ctx, s, id, user); err != nil {
		return err
	}
	key := push.DeviceKey{App: "notes", Device: fmt.Sprint("d", user)}
	_, err := s.Step(ctx, push.StepRequest{Key: key, Named: []push.ID{id}}, func(snap push.Snapshot) push.Changes {
		c := push.Changes{Device: &snap.Device}
		for _, d := range snap.Named {
			c.Deliveries = append(c.Deliveries, d.Receive(time.Now(), push.IOS, push.Receipt{Event: push.ReceiptHandled, Result: push.NewData, Path: push.PathAPNs}))
		}
		return c
	})
	return err
}

const broadcastUsers = 20_000

// Makes a broadcast's deliveries, in pieces as package delivery requests them.
func BenchmarkBroadcast(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			cfg := Config{DataDir: b.TempDir()}
			if engine == "postgres" {
				cfg = Config{DatabaseURL: pgtest.URL(b)}
			}
			s := openFor(b, cfg)
			prepareBench(b, s)
			importBench(b, s, broadcastUsers)
			b.ResetTimer()
			from := time.Now()
			for b.Loop() {
				p := push.Push{ID: push.NewID(), App: "notes", ResourceID: "both", AcceptedAt: time.Now(), To: push.Audience{All: true}}
				if r := s.Accept(b.Context(), []push.AcceptRequest{{Push: p}}, 0, nil)[0]; r.Err != nil {
					b.Fatal(r.Err)
				}
				for done := false; !done; {
					var err error
					if _, done, err = s.Expand(b.Context(), push.PushRef{App: "notes", ID: p.ID}, time.Now(), 16384, 0); err != nil {
						b.Fatal(err)
					}
				}
			}
			b.ReportMetric(float64((benchUsers+broadcastUsers)*b.N)/time.Since(from).Seconds(), "deliveries/s")
		})
	}
}

// Encodes and decodes the events of a timeline.
func BenchmarkEvents(b *testing.B) {
	events := []push.Event{{At: time.Now(), Event: push.EventAccepted}, {At: time.Now(), Event: push.EventWakeSent, Path: push.PathAPNs}}
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			encodeEvents(events)
		}
	})
	b.Run("decode", func(b *testing.B) {
		text := encodeEvents(events)
		b.ReportAllocs()
		for b.Loop() {
			if _, err := decodeEvents(text); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// Imports devices, 1 024 at a time, in the order of a file: by id, each with a token.
func BenchmarkRegisterMany(b *testing.B) {
	for _, engine := range []string{"sqlite", "postgres"} {
		b.Run(engine, func(b *testing.B) {
			cfg := Config{DataDir: b.TempDir()}
			if engine == "postgres" {
				cfg = Config{DatabaseURL: pgtest.URL(b)}
			}
			s := openFor(b, cfg)
			prepareBench(b, s)
			b.ReportAllocs()
			b.ResetTimer()
			importBench(b, s, b.N)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "devices/s")
		})
	}
}

// importBench imports devices, each with its own user and token, a batch at a time.
func importBench(b *testing.B, s *Store, n int) {
	for done := 0; done < n; done += registerAtOnce {
		devices := make([]push.ImportedDevice, min(registerAtOnce, n-done))
		for i := range devices {
			id := fmt.Sprintf("import-%d", done+i)
			token := push.Secret(fmt.Sprintf("%x", sha256.Sum256([]byte(id))))
			devices[i] = push.ImportedDevice{User: id, Registration: push.Registration{DeviceID: id, Platform: push.IOS,
				BundleID: "com.example.notes", Environment: push.Production, ProviderToken: &token}}
		}
		for _, r := range s.RegisterMany(b.Context(), "notes", devices) {
			if r.Err != nil {
				b.Fatal(r.Err)
			}
		}
	}
}
