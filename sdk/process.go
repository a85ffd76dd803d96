package sdk

import (
	"bytes"
	"fmt"
	"os"
	"sync"

	"github.com/google/uuid"
)

// process says who began a handler, so that another process, or the next one, knows whether the handler may still return.
type process struct {
	PID    int    `json:"pid"`
	Born   string `json:"born,omitempty"` // when the process started, in the system's own words; "" where it does not say
	Client string `json:"client"`         // of several clients in one process
}

// openClients are the clients of this process that are not closed. Only their handlers, among those that records with this
// process's id name, can still return.
var openClients sync.Map // Client -> struct{}

func newProcess() process {
	p := process{PID: os.Getpid(), Born: born(os.Getpid()), Client: uuid.NewString()}
	openClients.Store(p.Client, struct{}{})
	return p
}

func (p process) close() { openClients.Delete(p.Client) }

// mayReturn reports whether a handler that p began may still return. certain is false if a process with that id lives, but
// may be another one that got the id later.
func (p process) mayReturn() (alive, certain bool) {
	if p.PID <= 0 {
		return false, true
	}
	if p.PID == os.Getpid() && p.Born == born(p.PID) {
		_, open := openClients.Load(p.Client)
		return open, true
	}
	if !processAlive(p.PID) {
		return false, true
	}
	now := born(p.PID)
	if now == "" || p.Born == "" {
		return true, false
	}
	return now == p.Born, true
}

// born returns the start time of a process as Linux and Android give it (proc(5), field 22 of /proc/pid/stat), in ticks since
// the system started; "" elsewhere.
func born(pid int) string {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The second field is the command's name in parentheses, and may itself hold spaces and parentheses.
	fields := bytes.Fields(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(fields) < 20 {
		return ""
	}
	if fields[0][0] == 'Z' {
		return "ended" // and not yet waited for by its parent
	}
	return string(fields[19])
}
