package protocol

import (
	"time"

	"github.com/hushpush/hush/push"
)

// ServerStatus is how a server stands. Its counts are this process's own, since its start at the longest.
type ServerStatus struct {
	Standing      string    `json:"standing" enum:"ok,trouble" doc:"trouble: the database does not answer, work is late, pushes are refused because of the backlog, commits are slow, or an app has trouble with a provider"`
	Version       string    `json:"version"`
	Engine        string    `json:"engine" enum:"sqlite,postgres"`
	EngineVersion string    `json:"engine_version"`
	Node          string    `json:"node" doc:"this process, with a new id at each start"`
	StartedAt     time.Time `json:"started_at"`
	Uptime        string    `json:"uptime"`

	Database DatabaseStatus `json:"database"`
	Sessions int            `json:"sessions" doc:"devices with an open session"`
	Backlog  BacklogStatus  `json:"backlog"`
	Commits  CommitStatus   `json:"commits"`
	LastHour LastHour       `json:"last_hour"`

	AppsInTrouble int         `json:"apps_in_trouble" doc:"how many apps have trouble with a provider"`
	Apps          []AppStatus `json:"apps" doc:"those in trouble first, then all others, by name; of each the providers for which it has a credential, or has had a wake"`
	Cursor        string      `json:"cursor" doc:"of the next page of apps; empty on the last"`
}

// DatabaseStatus says whether the store answers.
type DatabaseStatus struct {
	Reachable bool       `json:"reachable"`
	Since     *time.Time `json:"since,omitempty" doc:"since when it does not answer"`
	Error     string     `json:"error,omitempty"`
}

// BacklogStatus is the work that is due. What waits for a phone, a budget or a retry does not count.
type BacklogStatus struct {
	Due      int        `json:"due" doc:"devices and pushes that nobody has claimed, counted to 100 000, or to a higher limit"`
	InMemory int        `json:"in_memory" doc:"claimed devices that wait for a worker"`
	InWork   int        `json:"in_work" doc:"devices that a worker is working on"`
	Limit    int        `json:"limit" doc:"limits.backlog: how large the backlog may be before pushes are refused; 0: any size"`
	Full     bool       `json:"full" doc:"the limit is reached: pushes are refused"`
	OldestAt *time.Time `json:"oldest_at,omitempty" doc:"since when the oldest of it is due; absent if nothing is due"`
	Oldest   string     `json:"oldest" doc:"how long that is"`
	Late     bool       `json:"late" doc:"the oldest has been due for more than 30s"`
	LookedAt *time.Time `json:"looked_at,omitempty" doc:"when the store was asked: every 5s, or every 250ms if there is a limit"`
}

// CommitStatus is about the group commits: each has many changes, and every push, receipt and wake waits for one.
type CommitStatus struct {
	LastAt  *time.Time `json:"last_at,omitempty"`
	Last    string     `json:"last,omitempty" doc:"how long it took, with its flush to disk"`
	Hangs   string     `json:"hangs,omitempty" doc:"how long the one under way has taken, if that is too long"`
	Count   int        `json:"count" doc:"within the last hour, like the following"`
	P50     string     `json:"p50,omitempty"`
	P99     string     `json:"p99,omitempty"`
	Slowest string     `json:"slowest,omitempty"`
	Slow    bool       `json:"slow" doc:"one took 250ms or more within the last minute"`
}

// LastHour is what happened within the last hour.
type LastHour struct {
	Since         time.Time                    `json:"since" doc:"an hour ago, at most 5 minutes before, or the start of the process"`
	Pushes        int                          `json:"pushes" doc:"accepted"`
	Deliveries    map[push.State]int           `json:"deliveries" doc:"that became final, by state"`
	Wakes         map[push.Provider]WakeCounts `json:"wakes"`
	TokensDropped map[push.Provider]int        `json:"tokens_dropped" doc:"because the provider refused them"`
}

// WakeCounts is wakes by what the provider answered.
type WakeCounts struct {
	Sent    int                `json:"sent"`
	Taken   int                `json:"taken" doc:"by the provider, which does not mean that the phone got them"`
	Refused map[push.Fault]int `json:"refused" doc:"by whose fault it is: token, suspect, credentials, push, pace, quota, provider"`
}

// AppStatus is how an app's traffic through its providers stands.
type AppStatus struct {
	App       string                           `json:"app"`
	Providers map[push.Provider]ProviderStatus `json:"providers"`
}

// ProviderStatus is how an app's traffic through one provider stands.
type ProviderStatus struct {
	Standing  push.ProviderState `json:"standing"`
	Since     *time.Time         `json:"since,omitempty"`
	Troubles  []ProviderTrouble  `json:"troubles" doc:"those that last, worst first"`
	LastError *ProviderError     `json:"last_error,omitempty" doc:"of this process; it may be over"`
	Wakes     WakeCounts         `json:"wakes" doc:"of the last hour"`
}

// ProviderTrouble is a trouble that lasts.
type ProviderTrouble struct {
	Standing    push.ProviderState `json:"standing"`
	Environment push.Environment   `json:"environment,omitempty"`
	Topic       string             `json:"topic,omitempty" doc:"if only this one is refused"`
	Since       time.Time          `json:"since"`
	Failed      int                `json:"failed" doc:"wakes"`
	Devices     int                `json:"devices" doc:"affected, at least"`
	Pushes      int                `json:"pushes" doc:"that wait for those devices, at least"`
}

// ProviderError is why the last failed wake failed.
type ProviderError struct {
	At     time.Time    `json:"at"`
	Fault  push.Fault   `json:"fault" doc:"whose it is: token, suspect, credentials, push, pace, quota, provider"`
	Status int          `json:"status,omitempty"`
	Reason string       `json:"reason,omitempty" doc:"as the provider spells it"`
	Error  push.Failure `json:"error,omitempty" doc:"why no answer of the provider came"`
	Detail string       `json:"detail,omitempty" doc:"for people; a stranger may have written it"`
}
