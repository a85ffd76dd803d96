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
	walPages         = 4096                  // the log's size, in pages of 4 KiB, from which on it is copied into the database file: 16 MiB
	walReaderWait    = 10 * time.Millisecond // how long the writer waits for readers, for each walPages in the log
	walMaxReaderWait = 20 * walReaderWait    // the longest such wait
	walLongFactor    = 16                    // the log's size in walPages from which on it is logged, once, that it grows
)

// walSizeLimit is the size in bytes to which the log's file is truncated when the log restarts. The file is larger only after a long
// reader.
var walSizeLimit = strconv.Itoa(2 * walPages * 4096)

// walWrapper keeps the write-ahead log short: it makes the log restart at the beginning of its file, whose size then stays the same.
// A file that does not grow is flushed faster than one that does.
//
// The log restarts with the first write after all of it was copied into the database file (a checkpoint), unless a reader still needs
// it. So most of it is copied concurrently with the writer, on a second connection. The writer then copies the little that was
// written in the meantime, between two commits, when no caller waits. It waits walReaderWait for readers that need the log. Later
// readers do not prolong that wait, since they see the database file, which has everything by then. If a reader takes longer, the
// log grows, and both copies are tried again when it is a quarter longer, with a longer wait. Our own readers end after readTime.
// The contents of the log are safe however long this takes, and whichever process is killed.
type walWrapper struct {
	conn   *litedb.Conn // the writer's
	beside *litedb.Conn // the second connection; owned by copy
	log    *slog.Logger
	pages  int // walPages, or less in tests

	next       int  // the size at which it is tried again, in pages; 0: at once. Owned by the writer, as the next two
	prepared   bool // most of the log is copied, or being copied
	longLogged bool // it was logged that the write-ahead log grows

	failing atomic.Bool // the last copy failed, and that was logged
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

// close waits for a running copy. maintain must not be called after it.
func (w *walWrapper) close() error {
	close(w.copies)
	w.done.Wait()
	return w.beside.Close()
}

// copy copies as much of the log as it can without waiting, for each request in copies.
func (w *walWrapper) copy() {
	for range w.copies {
		_, _, err := w.beside.Checkpoint(litedb.CheckpointPassive)
		w.logFailure(err)
		w.copying.Store(false)
	}
}

// maintain starts a copy, or restarts the log, if the log is long. It is called between two transactions.
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

// restart copies the rest of the log, and waits for readers up to patience so that the next write restarts it.
func (w *walWrapper) restart(patience time.Duration) error {
	if err := w.conn.SetBusyTimeout(patience); err != nil {
		return err
	}
	_, _, err := w.conn.Checkpoint(litedb.CheckpointRestart)
	return errors.Join(err, w.conn.SetBusyTimeout(busyTimeout))
}

// logFailure logs a failed copy, once until one succeeds. A reader or another copy in the way is no failure.
func (w *walWrapper) logFailure(err error) {
	if se := (*litedb.Error)(nil); errors.As(err, &se) && se.Kind() == sqlite3.SQLITE_BUSY {
		return
	}
	if was := w.failing.Swap(err != nil); err != nil && !was {
		w.log.Warn("checkpoint", "error", err)
	}
}
