package phonetest_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/hushpush/hush/pushtest/phonetest"
	"github.com/hushpush/hush/pushtest/phonetest/phoneline"
)

// counter is the smallest program: it counts pushes.
type counter struct{ pushes *atomic.Int64 }

func (c counter) Handle(_ context.Context, e phoneline.Event) string {
	if e.Kind == phoneline.Push {
		c.pushes.Add(1)
	}
	return phoneline.NewData
}

func TestPhonesWithoutProcessesAreCheap(t *testing.T) {
	const phones = 10_000
	const most = 8 << 10 // bytes a phone after its first push; a hundred thousand are to stay under 1 GB
	var pushes atomic.Int64
	app := phonetest.InProcess(func(string, func(string)) phonetest.Program { return counter{&pushes} })
	d := phonetest.New(phonetest.Config{})
	defer d.Close()
	before := heap()
	fleet := make([]*phonetest.Phone, phones)
	for i := range fleet {
		platform := phonetest.IOS
		if i%2 == 1 {
			platform = phonetest.Android
		}
		p, err := d.Add(t.Context(), phonetest.Spec{Platform: platform, App: app, AppID: "a", State: phonetest.Suspended})
		if err != nil {
			t.Fatal(err)
		}
		fleet[i] = p
	}
	for i, p := range fleet {
		p.Deliver(message(fmt.Sprint("m", i), ""))
	}
	for i, p := range fleet {
		record(t, p, fmt.Sprint("m", i))
	}
	if got := pushes.Load(); got != phones {
		t.Errorf("%d pushes were handled, want %d", got, phones)
	}
	if each := (heap() - before) / phones; each > most {
		t.Errorf("a phone takes %d bytes, want at most %d", each, most)
	} else {
		t.Logf("a phone takes %d bytes", each)
	}
	runtime.KeepAlive(fleet)
}

// heap is the memory in use. It is measured alone: no test that runs beside this one.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}
