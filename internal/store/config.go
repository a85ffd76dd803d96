package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hushpush/hush/push"
)

// Config configures a Store.
type Config struct {
	DataDir     string // the directory of SQLite's file, which is locked also if it is not used; required unless DatabaseURL is set
	DatabaseURL string // postgres://…, version 15 or newer; "" means SQLite in DataDir

	// Keys reads the installation's keys, or makes them if the database belongs to none yet. It is called once this process has
	// the database to itself, so that no other process makes keys at the same time. Required.
	Keys func(known KnownKeys) (Keys, error)

	Node      string           // the owner of what this process claims; "" means a new id
	Accepting push.Accepting   // the rules by which pushes become deliveries; an AckWait of 0 means 5s
	Now       func() time.Time // nil means time.Now
	Logger    *slog.Logger     // nil discards
	Vitals    Vitals           // nil discards

	DevicesPerUser int // see push.MakeRoom; 0 means push.DevicesPerUser

	BatchOps int // the most operations in one transaction; 0 means 512, 1 turns group commit off
	QueueOps int // the most operations that wait, beyond which callers block; 0 means 8192

	// TurnWait is how long Open waits for another process that has the data directory or the database to end. 0 means 15s, and
	// a negative value no wait.
	TurnWait time.Duration

	// shared lets several nodes use one PostgreSQL database. Only tests of what holds between nodes set it: hush serve does not
	// offer it yet.
	shared bool

	walPages int // see walWrapper; 0 means walPages, and tests set less

	// Fatal is called when the process has to end at once: the disk failed, and its contents are unknown; or another process
	// has claimed the database. nil panics.
	Fatal func(error)
}

// Vitals receives measurements of the store. Its methods must not block, since the writer calls them.
type Vitals interface {
	Committing(committer int) // a transaction of this committer begins
	// Committed reports how long a transaction took, and the flush at its end. A failed one was not flushed.
	Committed(committer int, took, flush time.Duration, failed bool)
	// Final reports how many deliveries came to a final state in a transaction that was committed.
	Final(state push.State, why push.Reason, n int)
}

type noVitals struct{}

func (noVitals) Committing(int)                                    {}
func (noVitals) Committed(int, time.Duration, time.Duration, bool) {}
func (noVitals) Final(push.State, push.Reason, int)                {}

// Sealer encrypts secrets at rest. The additional data names the row, so that a sealed value cannot be opened in another one.
type Sealer interface {
	Seal(plain, additional []byte) ([]byte, error)
	Open(sealed, additional []byte) ([]byte, error)
	KeyID() string        // returns the id of the key that seals: 12 hexadecimal digits, whose 6 bytes Seal puts behind its first byte
	Knows(id string) bool // reports whether it opens values that the key with this id sealed
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Keys == nil:
		return c, errors.New("store: no Keys; want a function that returns the keys of the installation")
	case c.DataDir == "" && c.DatabaseURL == "":
		return c, errors.New("store: neither DataDir nor DatabaseURL; want one of them")
	case c.Accepting.AckWait < 0:
		return c, fmt.Errorf("store: Accepting.AckWait is %s; want 0 (for 5s) or more", c.Accepting.AckWait)
	case c.DevicesPerUser < 0:
		return c, fmt.Errorf("store: DevicesPerUser is %d; want 0 (for %d) or more", c.DevicesPerUser, push.DevicesPerUser)
	case c.BatchOps < 0 || c.QueueOps < 0:
		return c, fmt.Errorf("store: BatchOps is %d, QueueOps is %d; want 0 (for 512 and 8192) or more", c.BatchOps, c.QueueOps)
	}
	if c.walPages == 0 {
		c.walPages = walPages
	}
	if c.Node == "" {
		c.Node = string(push.NewID())
	}
	if c.DevicesPerUser == 0 {
		c.DevicesPerUser = push.DevicesPerUser
	}
	if c.Accepting.AckWait == 0 {
		c.Accepting.AckWait = 5 * time.Second
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	c.Logger = c.Logger.With("room", "store")
	if c.Vitals == nil {
		c.Vitals = noVitals{}
	}
	if c.BatchOps == 0 {
		c.BatchOps = 512
	}
	if c.QueueOps == 0 {
		c.QueueOps = 8192
	}
	if c.TurnWait == 0 {
		c.TurnWait = turnWait
	}
	if c.Fatal == nil {
		c.Fatal = func(err error) { panic(err) }
	}
	return c, nil
}
