package h2push_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/http2"
)

func TestALargeBodyWaitsForTheWindows(t *testing.T) {
	t.Parallel()
	body := strings.Repeat("b", 5000)
	p := newPeer(t, []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 10}}, func(w *wire) error {
		var got []byte
		var id uint32
		for {
			f, err := w.ReadFrame()
			if err != nil {
				return err
			}
			switch f := f.(type) {
			case *http2.MetaHeadersFrame:
				id = f.StreamID
			case *http2.DataFrame:
				got = append(got, f.Data()...)
				if f.StreamEnded() {
					if err := w.answer(id, "200", fmt.Sprint(string(got) == body)); err != nil {
						return err
					}
					continue
				}
				if err := w.WriteWindowUpdate(id, 1000); err != nil {
					return err
				}
			}
		}
	})
	if resp := mustSend(t, p.pool(nil), body); string(resp.Body) != "true" {
		t.Errorf("got %q, want the peer to have the body whole", resp.Body)
	}
}

func TestTheConnectionsWindowIsSharedByAll(t *testing.T) {
	t.Parallel()
	p := newPeer(t, []http2.Setting{{ID: http2.SettingInitialWindowSize, Val: 1 << 20}}, func(w *wire) error {
		sizes := map[uint32]int{}
		for {
			f, err := w.ReadFrame()
			if err != nil {
				return err
			}
			d, ok := f.(*http2.DataFrame)
			if !ok {
				continue
			}
			sizes[d.StreamID] += len(d.Data())
			if err := w.WriteWindowUpdate(0, max(d.Length, 1)); err != nil {
				return err
			}
			if d.StreamEnded() {
				if err := w.answer(d.StreamID, "200", fmt.Sprint(sizes[d.StreamID])); err != nil {
					return err
				}
			}
		}
	})
	pool := p.pool(nil)
	var wg sync.WaitGroup
	for range 60 {
		wg.Go(func() {
			resp, err := pool.Do(within(t, long), post(strings.Repeat("b", 5000)))
			if err != nil || string(resp.Body) != "5000" {
				t.Errorf("got %q, %v, want 5000 bytes to arrive", resp.Body, err)
			}
		})
	}
	wg.Wait()
}
