package apnstest

import (
	"fmt"
	"log/slog"
	"regexp"

	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// Environment is one of APNs' two worlds; a device token is good in one of them.
type Environment string

// The environments, as the command line and the control API spell them.
const (
	Production  Environment = "production"
	Development Environment = "development" // which Apple also calls the sandbox
)

const defaultListen = "127.0.0.1:2197"

// Config is what a simulator is started with. The zero value is a good one: everything in memory on the usual port, with one
// key and any topic.
type Config struct {
	Listen  string // for TLS, "host:port"; "" means 127.0.0.1:2197; port 0 takes a free one
	Control string // for the control API over plain HTTP; "" means none
	CertDir string // gets ca.pem and the client certificates, and keeps the CA over restarts; "" keeps all in memory

	Environment Environment // "" means production
	Keys        []Key       // that sign provider tokens; none: one is made
	Topics      []string    // bundle ids that the teams may send to; none: any. Each gets a client certificate in CertDir

	Set  []string // switches, "NAME=VALUE" each; Rules lists them
	Seed uint64   // varies what is left open; 0 means the usual behaviour everywhere

	Requests int          // how many the ledger keeps; 0 means 100 000, in at most 64 MiB
	Logger   *slog.Logger // nil discards
}

// topicForm is what a bundle id may look like (Apple, CFBundleIdentifier); MDM topics fit it too.
var topicForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]{0,254}$`)

func (c *Config) check() error {
	if err := simulator.CheckConfig("apnstest", &c.Listen, &c.Control, defaultListen, &c.Logger); err != nil {
		return err
	}
	if c.Environment == "" {
		c.Environment = Production
	}
	if c.Environment != Production && c.Environment != Development {
		return fmt.Errorf("apnstest: Environment (--environment) is %q; want production or development", c.Environment)
	}
	for _, t := range c.Topics {
		if !topicForm.MatchString(t) {
			return fmt.Errorf("apnstest: topic %q (--topic); want a bundle id such as com.example.notes", t)
		}
	}
	return nil
}
