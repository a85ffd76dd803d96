package fcmtest

import (
	"fmt"
	"log/slog"
	"regexp"

	"github.com/hushpush/hush/pushtest/internal/simulator"
)

const (
	defaultListen  = "127.0.0.1:2198"
	defaultProject = "demo"
)

// Config is what a simulator is started with. The zero value is a good one: everything in memory on the usual port.
type Config struct {
	Listen  string // for TLS, "host:port"; "" means 127.0.0.1:2198; port 0 takes a free one
	Control string // for the control API over plain HTTP; "" means none
	CertDir string // gets ca.pem, and keeps the CA over restarts; "" keeps it in memory

	Project        string // project id; "" means that of the service account file or, without one, "demo"
	ServiceAccount string // a file: read if it exists, else written (mode 0600); "": CertDir's or, without one, in memory

	Set  []string // switches, "NAME=VALUE" each; Rules lists them
	Seed uint64   // varies what is left open; 0 means the usual behaviour everywhere

	Requests int          // how many the ledger keeps; 0 means 100 000, in at most 64 MiB
	Logger   *slog.Logger // nil discards
}

// projectForm is loose on purpose: ids, numbers, and the domain-scoped ids of old.
var projectForm = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]{0,127}$`)

func (c *Config) check() error {
	if err := simulator.CheckConfig("fcmtest", &c.Listen, &c.Control, defaultListen, &c.Logger); err != nil {
		return err
	}
	if c.Project != "" && !projectForm.MatchString(c.Project) {
		return fmt.Errorf("fcmtest: Project (--project) is %q; want a project id such as %s", c.Project, defaultProject)
	}
	return nil
}
