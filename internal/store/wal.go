package store

import (
	"errors"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hushpush/hush/internal/store/litedb"
)

const (
	walPages         = 4096                  // of 4 KiB, so 16 MiB: a log of that many pages is copied into the database file
	walReaderWait    = 10 * time.Millisecond // how long the writer waits for readers, for each walPages in the log
	walMaxReaderWait = 20 * walReaderWait    // and how long at most
	walLongFactor    = 16                    // so many times walPages is told the log, once
)

// walSizeLimit is the size in bytes to which the log's file is cut when it begins anew. Without a long reader it stays below.
var walSizeLimit = strconv.Itoa(2 * walPages * 4096)

// walWrapper keeps the write-ahead log short by letting it begin anew at the front of its file, which then stays as it is:
// a file that does not grow is flushed faster than one that does.
//
// The log begins anew with the first write after all of it was copied into the database file, unless a reader still needs
// it. So it is copied beside the writer, on a connection of its own; then the writer copies the little that was written
// meanwhile, between two commits, when nobody waits for an answer. There it waits walPatience for readers that are in the
// way. Readers that come later do not prolong that: nothing is written, and they see what is copied. A reader that takes
// longer makes the log grow, and all this is tried again when it is a quarter longer, with as much more patience. Our own
// readers end after readTime. What is in the log is safe however long that takes, and whoever is killed.
type walWrapper struct {
	conn   *litedb.Conn // the writer's
	beside *litedb.Conn // owned by copy
	log    *slog.Logger
	pages  int // walPages; less in tests

	next       int  // at how many pages it is tried again; 0: at once. Owned by the writer, as are the other two
	prepared   bool // most of it is copied, or being copied
	longLogged bool // the log has been told that the write-ahead log is long

	failing atomic.Bool // the last copy failed, which the log has been told
	copying atomic.Bool
	copies  chan struct{}
	done    sync.WaitGroup
}

func newWALWrapper(path string, conn *litedb.Conn, cfg Config) (*walWrapper, error) {
	beside, err := openConn(path)
	if err != nil {
		return nil, err
	}
	w := &walWrapper{conn: conn, beside: beside, log: cfg.Logger, pages: cfg.walPages, copies: make(chan struct{}, 1)}
	w.done.Go(w.copy)
	return w, nil
}

// close waits for a copy that is under way. settle must not be called any more.
func (w *walWrapper) close() error {
	close(w.copies)
	w.done.Wait()
	return w.beside.Close()
}

// copy copies what can be copied without waiting, each time that it is asked to.
func (w *walWrapper) copy() {
	for range w.copies {
		_, _, err := w.beside.Checkpoint(litedb.CheckpointPassive)
		w.logFailure(err)
		w.copying.Store(false)
	}
}

// settle is called between two transactions.
func (w *walWrapper) maintain() {
	logged, copied, err := w.conn.Checkpoint(litedb.CheckpointNothing)
	switch {
	case err != nil:
		w.logFailure(err)
	case logged < w.pages:
		w.next, w.prepared, w.longLogged = 0, false, false
	case w.copying.Load() || logged < w.next:
	case !w.prepared && logged > copied:
		w.prepared = true
		w.copying.Store(true)
		w.copies <- struct{}{}
	default:
		w.logFailure(w.restart(min(walReaderWait*time.Duration(logged/w.pages), walMaxReaderWait)))
		w.next, w.prepared = logged+logged/4, false
	}
	if logged > w.pages*walLongFactor && !w.longLogged {
		w.log.Error("no checkpoints: the write-ahead log grows", "pages", logged)
		w.longLogged = true
	}
}

// restart copies what readers allow.
func (w *walWrapper) restart(patience time.Duration) error {
	if err := w.conn.SetBusyTimeout(patience); err != nil {
		return err
	}
	_, _, err := w.conn.Checkpoint(litedb.CheckpointRestart)
	return errors.Join(err, w.conn.SetBusyTimeout(busyTimeout))
}

// tell tells the log of a failed copy, once until one succeeds. A reader, or another copy, in the way is no failure.
func (w *walWrapper) logFailure(err error) {
	if se := (*litedb.Error)(nil); errors.As(err, &se) && se.Kind() == sqlite3.SQLITE_BUSY {
		return
	}
	if was := w.failing.Swap(err != nil); err != nil && !was {
		w.log.Warn("checkpoint", "error", err)
	}
}
