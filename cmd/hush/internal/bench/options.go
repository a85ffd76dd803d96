package bench

import (
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/hushpush/hush/push"
)

// Options are what a benchmark is told.
type Options struct {
	Duration    time.Duration // of the measured part, at most
	Devices     int           // how many there are, besides those of the warm-up
	Concurrency int           // requests at a time
	Users       int           // push: users a request; 0 and 1: one
	Batch       int           // push: pushes a request, by the batch call; 0: not by it
	Rate        float64       // online: pushes a second; 0: as fast as they are answered
	DatabaseURL string        // a PostgreSQL to make a database in; "": SQLite
	CPUProfile  string        // file that gets a CPU profile of the server; "": none is made
	Tell        func(string)  // what is going on; nil: nobody wants to know
}

// maxUsers is the API's limit of the users of one push.
const maxUsers = 1_000

// Check returns what is wrong with the options, by the names of the command line's flags.
func (o Options) Check() error {
	switch {
	case o.Duration <= 0:
		return fmt.Errorf("--duration is %s; want more than 0", o.Duration)
	case o.Devices < 1:
		return fmt.Errorf("--devices is %d; want 1 or more", o.Devices)
	case o.Concurrency < 1:
		return fmt.Errorf("--concurrency is %d; want 1 or more", o.Concurrency)
	case o.Users < 0 || o.Users > maxUsers:
		return fmt.Errorf("--users is %d; want 1 to %d", o.Users, maxUsers)
	case o.Batch < 0 || o.Batch > push.MaxBatch:
		return fmt.Errorf("--batch is %d; want 1 to %d", o.Batch, push.MaxBatch)
	case o.Users > 1 && o.Batch > 0:
		return fmt.Errorf("--users and --batch are two shapes of a request; give one")
	case o.Rate < 0:
		return fmt.Errorf("--rate is %g; want 0 or more", o.Rate)
	}
	if o.DatabaseURL == "" {
		return nil
	}
	if u, err := url.Parse(o.DatabaseURL); err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return fmt.Errorf("--database-url is no URL of a PostgreSQL; want postgres://USER@HOST/DATABASE")
	}
	return nil
}

// database names the engine.
func (o Options) database() string {
	if o.DatabaseURL == "" {
		return "sqlite"
	}
	return "postgres"
}

func (o Options) progress(format string, args ...any) {
	if o.Tell != nil {
		o.Tell(fmt.Sprintf(format, args...))
	}
}

// warmUp returns how many devices are there for the warm-up alone: a tenth of the others, and one request's at least.
func (o Options) warmUp() int { return max(o.Devices/10, o.shape().devices()) }

// everybody returns how many devices there are with those of the warm-up.
func (o Options) everybody() int { return o.warmUp() + o.Devices }

// pace says in words how fast pushes are sent.
func (o Options) pace() string {
	if o.Rate == 0 {
		return fmt.Sprintf("pushes, %d at a time,", o.Concurrency)
	}
	return fmt.Sprintf("%g pushes a second", o.Rate)
}
