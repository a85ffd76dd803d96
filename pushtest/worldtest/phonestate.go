package worldtest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// PhoneState is a phone as the control API lists it.
type PhoneState struct {
	Phone             string                  `json:"phone"`
	Platform          phonetest.Platform      `json:"platform"`
	App               string                  `json:"app"`
	Token             string                  `json:"token"`
	State             phonetest.State         `json:"state" doc:"Of the app. doze: suspended, on a phone that dozes. While a push keeps a suspended app awake it is background."`
	Online            bool                    `json:"online"`
	LowPower          bool                    `json:"low_power"`
	BackgroundRefresh bool                    `json:"background_refresh"`
	PowerRestricted   bool                    `json:"power_restricted"`
	Bucket            phonetest.StandbyBucket `json:"bucket"`
	Charging          bool                    `json:"charging"`
	Doze              bool                    `json:"doze"`
	OSVersion         string                  `json:"os_version"`
	SwipeForceStops   bool                    `json:"swipe_force_stops"`
	ScreenLock        bool                    `json:"screen_lock"`
	Locked            bool                    `json:"locked"`
	DirectBoot        bool                    `json:"direct_boot"`
	DiskFull          bool                    `json:"disk_full"`
	Clock             simkit.Duration         `json:"clock"`
	Now               time.Time               `json:"now" doc:"What its clock shows."`
	PID               int                     `json:"pid" doc:"Of the app; 0 without a process."`
}

// Phone is a phone with what happened on it.
type Phone struct {
	PhoneState
	Pushes []PushRecord        `json:"pushes" doc:"What the phone did with each push, oldest first; a push that was held has another line later. The latest 256."`
	Log    []phonetest.LogLine `json:"log" doc:"The device log, oldest first; the latest 1000."`
}

// PushRecord is one line of what a phone did with a push.
type PushRecord struct {
	At     time.Time        `json:"at"`
	Push   string           `json:"push" doc:"apns-id, or FCM's message id."`
	Did    phonetest.Did    `json:"did" enum:"gave,resumed,launched,held,dropped"`
	Reason phonetest.Reason `json:"reason" doc:"Why it was held or dropped, or why the handler came to no end."`
	State  phonetest.State  `json:"state" doc:"Of the app, as the push found it."`
	PID    int              `json:"pid"`
	Result phonetest.Result `json:"result" doc:"new_data, no_data or failed, once the handler has returned."`
	Took   simkit.Duration  `json:"took" doc:"Launch or resume included."`
}

// view returns a phone without its log and record.
func view(p *phonetest.Phone) PhoneState {
	f := p.Facts()
	v := PhoneState{
		Phone: p.Name(), Platform: p.Platform(), App: p.AppID(), Token: p.Token(), State: p.State(), Now: p.Now(), PID: p.PID(),
		Online: f.Online, LowPower: f.LowPower, BackgroundRefresh: f.BackgroundRefresh, Bucket: f.Bucket, Charging: f.Charging,
		Doze: f.Dozing, OSVersion: f.OSVersion, SwipeForceStops: f.SwipeForceStops, DiskFull: f.DiskFull, Clock: simkit.Duration(f.Clock),
		PowerRestricted: f.PowerRestricted, ScreenLock: f.ScreenLock, Locked: f.Locked, DirectBoot: f.DirectBoot,
	}
	if v.Doze && !v.Charging && v.State == phonetest.Suspended {
		v.State = phonetest.Doze
	}
	return v
}

// wholeView returns a phone with everything.
func wholeView(p *phonetest.Phone) *Phone {
	v := Phone{PhoneState: view(p), Pushes: []PushRecord{}, Log: append([]phonetest.LogLine{}, p.Log()...)}
	for _, r := range p.Records() {
		v.Pushes = append(v.Pushes, PushRecord{r.At, r.Push, r.Did, r.Reason, r.State, r.PID, r.Result, simkit.Duration(r.Took)})
	}
	return &v
}
