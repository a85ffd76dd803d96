package store_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/hushpush/hush/internal/store/storetest"
	"github.com/hushpush/hush/push"
)

func TestOneOfManyWhoRegisterADeviceAtOnceGetsIt(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, nodes []*world) {
		var won atomic.Int64
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				node := nodes[i%2]
				_, _, err := node.Register(storetest.Context(t), push.Registration{DeviceID: "d1", Platform: push.IOS}, "notes", push.Caller{User: fmt.Sprint("user", i)}, nil, storetest.NewHash())
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, push.ErrDeviceTaken):
					t.Errorf("user%d: %v, want device taken", i, err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 {
			t.Errorf("%d got the device, want 1", won.Load())
		}
	})
}

func TestNodesThatWriteAtOnceLoseNothing(t *testing.T) {
	t.Parallel()
	onNodes(t, func(t *testing.T, nodes []*world) {
		const rounds = 20
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				n := nodes[i%2]
				for j := range rounds {
					to := storetest.ToUsers("u1", "u2", "u3")
					if j%2 == 0 {
						to = storetest.ToUsers("u3", "u1", "u2")
					}
					n.MustAccept(storetest.PushTo(to, "x"))
				}
			})
		}
		for i := range 3 {
			wg.Go(func() { nodes[i%2].AddDevice("notes", fmt.Sprint("u", i+1), fmt.Sprint("d", i+1), push.Android) })
		}
		wg.Wait()
		for i := range 3 {
			if n, err := nodes[0].OpenCount(storetest.Context(t), storetest.Key(fmt.Sprint("d", i+1))); n != 8*rounds || err != nil {
				t.Errorf("open on d%d: %d, %v; want %d: each push once", i+1, n, err, 8*rounds)
			}
		}
	})
}
