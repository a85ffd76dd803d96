package sdk

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// dir is what the client keeps on disk: who the device is, which handlers have begun and ended, and which receipts the
// server does not have yet. Every method first reads what other processes have written, and returns once its own change is
// on disk.
type dir struct {
	path  string           // never changes
	now   func() time.Time // the phone's clock; never changes
	by    process          // never changes
	clock *clock           // the server's time; never changes

	mu      sync.Mutex
	journal journal // guarded by mu and the lock on disk
	ledger  ledger  // guarded by mu
}

// lockWait is how long another process may hold the lock on disk before we give up. An append takes milliseconds.
const lockWait = 5 * time.Second

// openDir opens the directory. It creates the directory if it is missing, and gives the device an id if it has none.
func openDir(path string, now func() time.Time, clock *clock) (*dir, error) {
	if err := os.MkdirAll(path, 0o700); err != nil {
		return nil, fmt.Errorf("sdk: open %s: %w", path, err)
	}
	d := &dir{path: path, now: now, by: newProcess(), clock: clock, ledger: newLedger()}
	d.journal.path = filepath.Join(path, "hush.journal")
	err := d.change(func(l *ledger) []record {
		if l.self.Device != "" {
			return nil
		}
		return []record{d.selfRecord(identity{Device: uuid.NewString()})}
	})
	if err != nil {
		d.close()
		return nil, fmt.Errorf("sdk: open %s: %w", path, err)
	}
	return d, nil
}

// close records, for this process, that no handler of this client can return any more.
func (d *dir) close() { d.by.close() }

// serverNow returns the server's time, as far as the ledger knows it.
func (l *ledger) serverNow(now time.Time) time.Time {
	return now.Add(time.Duration(l.self.Offset) * time.Millisecond)
}

// selfRecord returns the record that makes s the device's identity.
func (d *dir) selfRecord(s identity) record {
	return record{At: d.now().UnixMilli() + s.Offset, Self: &s}
}

// change reads what is new, asks decide what to append, and appends it, all under the lock on disk.
func (d *dir) change(decide func(*ledger) []record) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	unlock, err := lockDir(filepath.Join(d.path, "hush.lock"), lockWait)
	if err != nil {
		return err
	}
	defer unlock()
	if err := d.refresh(); err != nil {
		return err
	}
	records := decide(&d.ledger)
	if len(records) == 0 {
		return nil
	}
	if err := d.journal.append(encode(records...)); err != nil {
		return err
	}
	if err := d.refresh(); err != nil {
		return err
	}
	// Pushes are forgotten by the server's own time only: a phone's clock that is years ahead would make it forget all.
	if r := d.clock.read(); r.certain && d.ledger.worthCompacting(r.server) {
		return d.journal.replace(encode(d.ledger.compacted(r.server)...))
	}
	return nil
}

// refresh reads into the ledger what has been appended. mu and the lock on disk are held.
func (d *dir) refresh() error {
	return d.journal.refresh(func() { d.ledger = newLedger() }, func(line []byte) {
		if r, ok := decode(line); ok {
			d.ledger.apply(r)
		}
	})
}

// self returns who the device is now.
func (d *dir) self() (s identity, err error) {
	err = d.change(func(l *ledger) []record {
		s = l.self
		return nil
	})
	return s, err
}

// update changes who the device is, and returns who it is then.
func (d *dir) update(change func(*identity)) (s identity, err error) {
	err = d.change(func(l *ledger) []record {
		s = l.self
		change(&s)
		if s == l.self {
			return nil
		}
		return []record{d.selfRecord(s)}
	})
	return s, err
}

// claim asks whether the handler may run for a push, and if so records that it begins, and by when it must have returned.
// of is whose the push is; another owner's is not run.
func (d *dir) claim(id string, of owner, until time.Time) (v verdict, result FetchResult, err error) {
	err = d.change(func(l *ledger) []record {
		if l.self.LoggedOut || l.self.Changing || l.self.owner() != of {
			v, result = isForeign, NoData
			return nil
		}
		v, result = l.verdictOn(id, d.now())
		if v != mayRun {
			return nil
		}
		return []record{{At: l.serverNow(d.now()).UnixMilli(), Start: &start{Push: id, By: d.by, Until: until.UnixMilli()}}}
	})
	return v, result, err
}

// end records the end of a push with the receipt for it, and returns the result that counts: the first that was recorded.
func (d *dir) end(r protocol.Receipt) (result FetchResult, err error) {
	result = r.Result
	err = d.change(func(l *ledger) []record {
		if e, done := l.ended[r.PushID]; done {
			result = e.result
			return nil
		}
		return []record{{At: l.serverNow(d.now()).UnixMilli(), End: &r}}
	})
	return result, err
}

// unsent returns receipts that the server has not accepted yet, at most limit.
func (d *dir) unsent(limit int) (receipts []protocol.Receipt, err error) {
	err = d.change(func(l *ledger) []record {
		receipts = l.receipts()
		return nil
	})
	if len(receipts) > limit {
		receipts = receipts[:limit]
	}
	return receipts, err
}

// sent records that the server needs no more receipts for these pushes.
func (d *dir) sent(ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	return d.change(func(l *ledger) []record {
		return []record{{At: l.serverNow(d.now()).UnixMilli(), Sent: ids}}
	})
}

// again makes the receipt of a push due once more, and reports false if the push has not ended.
func (d *dir) again(id string, path push.Path) (done bool, err error) {
	err = d.change(func(l *ledger) []record {
		_, done = l.ended[id]
		l.again(id, path)
		return nil
	})
	return done, err
}

// forgetReceipts drops what a former owner's handlers reported.
func (d *dir) forgetReceipts() error {
	return d.change(func(l *ledger) []record {
		var ids []string
		for id := range l.unsent {
			ids = append(ids, id)
		}
		if ids == nil {
			return nil
		}
		return []record{{At: l.serverNow(d.now()).UnixMilli(), Sent: ids}}
	})
}
