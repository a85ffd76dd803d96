package store

import (
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/hushpush/hush/push"
)

// Config is what a store needs.
type Config struct {
	DataDir     string // where SQLite's file is; required unless DatabaseURL is set. It is locked in either case
	DatabaseURL string // postgres://…, version 15 or newer; "" means SQLite in DataDir

	// Keys reads the installation's keys, or makes them where the database belongs to none yet. It is called once the database
	// is this process' own, so that nobody else makes any meanwhile. Required.
	Keys func(known KnownKeys) (Keys, error)

	Node      string           // who owns what this process claims; "" means a new id
	Accepting push.Accepting   // by which pushes become deliveries; an AckWait of 0 means 5s
	Now       func() time.Time // nil means time.Now
	Logger    *slog.Logger     // nil discards
	Vitals    Vitals           // nil: nobody is told

	DevicesPerUser int // see push.MakeRoom; 0 means push.DevicesPerUser

	BatchOps int // pieces of work in one transaction, at most; 0 means 512, 1 turns group commit off
	QueueOps int // pieces of work that wait, at most; callers beyond it wait for a place. 0 means 8192

	// TurnWait is how long Open waits for another process, which has the data directory or the database, to end. 0 means 15s,
	// less than 0 not at all.
	TurnWait time.Duration

	// shared leaves PostgreSQL to several nodes. Tests set it that show what holds between them, until hush serve may.
	shared bool

	walPages int // see walWrapper; 0 means walPages. Tests set less

	// Fatal is called when the process has to end at once: the disk failed, and what is on it is unknown; or another process
	// has the database. nil panics.
	Fatal func(error)
}

// Vitals is told how the store does. Its methods must not wait: the writer calls them.
type Vitals interface {
	Committing(committer int) // a transaction begins; of the few committers, this one's
	// Committed says how long the transaction took, and its flush at the end; one that failed was not flushed.
	Committed(committer int, took, flush time.Duration, failed bool)
	// Final says that deliveries became final in a transaction that was committed.
	Final(state push.State, why push.Reason, n int)
}

type noVitals struct{}

func (noVitals) Committing(int)                                    {}
func (noVitals) Committed(int, time.Duration, time.Duration, bool) {}
func (noVitals) Final(push.State, push.Reason, int)                {}

// Sealer encrypts what is secret at rest. The additional data names the row, so that no sealed value works in another one.
type Sealer interface {
	Seal(plain, additional []byte) ([]byte, error)
	Open(sealed, additional []byte) ([]byte, error)
	KeyID() string        // names the key that seals, 12 hexadecimal digits; Seal puts its bytes behind the first one
	Knows(id string) bool // whether it opens what the key of that id sealed
}

func (c Config) withDefaults() (Config, error) {
	switch {
	case c.Keys == nil:
		return c, errors.New("store: no Keys; want those that encrypt credentials")
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
