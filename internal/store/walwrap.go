package store

import (
	"errors"
	"log/slog"
	"strconv"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/hushpush/hush/internal/store/litedb"
)

const (
	walPages    = 4096                  // of 4 KiB, so 16 MiB: a log of that many pages is copied into the database file
	walPatience = 20 * time.Millisecond // how long a copy waits for readers
	walLong     = 16                    // so many times walPages is told the log, once
)

// walSizeLimit is the size in bytes to which the log's file is cut when it begins anew. Without a long reader it stays below.
var walSizeLimit = strconv.Itoa(2 * walPages * 4096)

// walWrapper keeps the write-ahead log short by letting it begin anew at the front of its file, which then stays as it is:
// a file that does not grow is flushed faster than one that does.
//
// The log begins anew with the first write after all of it was copied, unless a reader still needs it. So the writer
// copies it between two commits, when nobody waits for an answer, and waits walPatience for readers that are in the way.
// Readers that come meanwhile do not prolong that: nothing is written, and they see what is copied. A reader that takes
// longer makes the log grow, and it is tried again for each quarter of walPages more, which costs the writer walPatience
// each time. Our own readers end after readTime. What is in the log is safe however long that takes, and whoever is killed.
type walWrapper struct {
	conn  *litedb.Conn
	log   *slog.Logger
	pages int // walPages; less in tests

	next    int  // at how many pages it is tried again; 0: at once
	failing bool // the last copy failed, which the log has been told
	long    bool // so has it that the write-ahead log is long
}

// settle is called between two transactions.
func (w *walWrapper) settle() {
	logged, copied, err := w.conn.Checkpoint(litedb.CheckpointNothing)
	switch {
	case err == nil && logged < w.pages:
		w.next, w.long = 0, false
		return
	case err == nil && (logged < w.next || logged == copied):
		return
	case err == nil:
		err = w.restart()
	}
	w.next = logged + w.pages/4
	if err != nil && !w.failing {
		w.log.Warn("checkpoint", "error", err)
	}
	w.failing = err != nil
	if logged > w.pages*walLong && !w.long {
		w.log.Error("no checkpoints: the write-ahead log grows", "pages", logged)
		w.long = true
	}
}

// restart copies what readers allow; that they do not allow all of it is no error.
func (w *walWrapper) restart() error {
	if err := w.conn.SetBusyTimeout(walPatience); err != nil {
		return err
	}
	_, _, err := w.conn.Checkpoint(litedb.CheckpointRestart)
	if se := (*litedb.Error)(nil); errors.As(err, &se) && se.Kind() == sqlite3.SQLITE_BUSY {
		err = nil
	}
	return errors.Join(err, w.conn.SetBusyTimeout(busyTimeout))
}
