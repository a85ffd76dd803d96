package delivery

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hushpush/hush/push"
)

// stuck makes an engine whose provider never answers but for devices that are quick, runs it, and gives it so many phones that all of
// its workers wait for the provider, and all the room in memory that an app may have is taken.
func stuck(t *testing.T, quick ...string) *engine {
	t.Helper()
	e := newEngine(t, 8, 16)
	e.provider.answer = func(ctx context.Context, device string) (push.Answer, error) {
		if slices.Contains(quick, device) {
			return taken(push.Wake{})
		}
		return hangs(time.Hour)(ctx, device)
	}
	e.phones(40)
	e.run(t)
	time.Sleep(time.Second)
	synctest.Wait()
	if free := e.queue.free("notes"); free != 0 {
		t.Fatalf("memory has room for %d more devices of the app, want none", free)
	}
	return e
}

// onlinePhone adds a phone with a session, and with a push that waits for it.
func (e *engine) onlinePhone(id string) push.DeviceKey {
	key := e.phone(id, time.Hour)
	e.sockets.set(key, true)
	return key
}

// wantSent checks, now, what the sessions got.
func (e *engine) wantSent(t *testing.T, want ...push.ID) {
	t.Helper()
	synctest.Wait()
	e.sockets.mu.Lock()
	defer e.sockets.mu.Unlock()
	if !slices.Equal(e.sockets.sent, want) {
		t.Errorf("the sessions got %v, want %v", e.sockets.sent, want)
	}
}

func TestAPhoneThatIsOnlineDoesNotWaitForAProvider(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := stuck(t)
		phone := e.onlinePhone("phone")
		e.Look(phone)
		e.wantSent(t, e.delivery(phone).PushID)
		e.stop()
	})
}

// accept accepts a push for a device of the app.
func (e *engine) accept(t *testing.T, device string) push.Push {
	t.Helper()
	p := push.Push{ID: push.NewID(), App: "notes", To: push.Audience{Devices: []string{device}}}
	if _, err := e.Accept(t.Context(), p, nil); err != nil {
		t.Fatal(err)
	}
	return p
}

func TestAPhoneThatIsOnlineAndDueDoesNotWaitForAProvider(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64)
		e.provider.answer = hangs(time.Hour)
		e.phones(8) // all workers of the app wait
		phone := e.phone("phone", 3*time.Second)
		e.sockets.set(phone, true)
		e.run(t)
		time.Sleep(3 * time.Second)
		e.wantSent(t, e.delivery(phone).PushID)
		e.stop()
	})
}

func TestAPhoneThatComesOnlineAsAPushIsAcceptedDoesNotWaitForAProvider(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64)
		e.provider.answer = hangs(time.Hour)
		e.phones(8) // all workers of the app wait
		e.run(t)
		phone := push.DeviceKey{App: "notes", Device: "phone"}
		e.rows.committing = func() { e.sockets.set(phone, true) } // after the node was asked
		p := e.accept(t, "phone")
		e.wantSent(t, p.ID)
		e.stop()
	})
}

func TestAPhoneThatComesOnlineDoesNotWaitForItsOwnWake(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 16)
		e.provider.answer = hangs(time.Hour)
		phone := e.phone("phone", 0)
		e.run(t)
		e.provider.want(t, "phone", 0)
		e.sockets.set(phone, true)
		p := e.accept(t, "phone")
		e.wantSent(t, e.delivery(phone).PushID, p.ID)
		e.stop()
	})
}

func TestAPhoneThatComesOnlineWhileItsWakeWaitsForAWorkerGetsThePushInstead(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64)
		e.provider.answer = hangs(time.Hour)
		e.phones(8) // all workers of the app wait
		e.run(t)
		phone := push.DeviceKey{App: "notes", Device: "phone"}
		p := e.accept(t, "phone")
		if d := e.device(phone); d.Wake.State != push.WakeSending {
			t.Fatalf("the phone's wake is %q, want it counted", d.Wake.State)
		}
		e.sockets.set(phone, true)
		e.Look(phone)
		e.wantSent(t, p.ID)
		e.provider.want(t, "phone")
		if d := e.device(phone); d.Wake.State != push.WakeNone || len(d.WakeTimes) != 0 {
			t.Errorf("the wake is %+v and %d are counted, want it taken back", d.Wake, len(d.WakeTimes))
		}
		e.stop()
	})
}

func TestAWakeThatComesOfALookAtAPhoneOnlineIsLeftToThoseWhoWaitForProviders(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64) // one worker is for those online
		e.provider.answer = hangs(time.Second)
		var keys []push.DeviceKey
		for i := range 5 {
			keys = append(keys, e.onlinePhone(fmt.Sprint("lost", i)))
		}
		e.rows.committing = func() { // after the node was asked
			for _, key := range keys {
				e.sockets.set(key, false)
			}
		}
		e.run(t)
		e.Look(keys...)
		synctest.Wait()
		for _, key := range keys {
			e.provider.want(t, key.Device, 0)
		}
		phone := e.onlinePhone("phone")
		e.Look(phone)
		e.wantSent(t, e.delivery(phone).PushID)
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for _, key := range keys {
			if d := e.delivery(key); d.State != push.Sent || d.Path != push.PathAPNs {
				t.Errorf("the push for %s is %s by %q, want sent by apns", key.Device, d.State, d.Path)
			}
		}
		if e.todo.taken != 0 || len(e.todo.m) != 0 {
			t.Errorf("%d places are taken and %d wakes left, want none", e.todo.taken, len(e.todo.m))
		}
		e.stop()
	})
}

// onlineAndWoken adds a phone with a session, for which a push waits that is to wake it all the same; and another push, if it is to.
func (e *engine) onlineAndWoken(id string, another bool) push.DeviceKey {
	key := e.onlinePhone(id)
	e.rows.mu.Lock()
	defer e.rows.mu.Unlock()
	d := e.rows.deliveries[key][0]
	e.rows.deliveries[key][0].Deliver = push.WakeAlways
	if d.PushID = push.NewID(); another {
		e.rows.deliveries[key] = []push.Delivery{d, e.rows.deliveries[key][0]}
	}
	return key
}

func TestWhatGoesToASessionIsNotGivenWithTheWakeBesideIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := stuck(t)
		phone := e.onlineAndWoken("phone", false)
		p := e.accept(t, phone.Device)
		e.wantSent(t, p.ID)
		e.stop()
	})
}

func TestWhatWasGivenToASessionIsNotGivenOnceMoreWithTheWakeBesideIt(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64)
		phone := e.onlineAndWoken("phone", false)
		e.run(t)
		p := e.accept(t, phone.Device)
		e.wantSent(t, p.ID)
		e.provider.want(t, "phone", 0)
		e.stop()
	})
}

func TestAWakeBesideASessionThatIsLostIsDecidedAnew(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64)
		phone := e.onlineAndWoken("phone", true)
		e.rows.committing = func() { e.sockets.set(phone, false) } // after the node was asked
		e.run(t)
		e.Look(phone)
		synctest.Wait()
		e.provider.want(t, "phone", 0)
		if d := e.device(phone); len(d.WakeTimes) != 1 || e.delivery(phone).Path != push.PathAPNs {
			t.Errorf("%d wakes are counted, and the push is %s by %q; want one, and sent by apns", len(d.WakeTimes), e.delivery(phone).State, e.delivery(phone).Path)
		}
		e.stop()
	})
}

func TestAWakeBesideASessionIsLeftToThoseWhoWaitForProviders(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64)
		e.provider.answer = hangs(time.Second)
		both := e.onlineAndWoken("both", true)
		e.run(t)
		e.Look(both)
		e.wantSent(t, e.delivery(both).PushID)
		e.provider.want(t, "both", 0)
		phone := e.onlinePhone("phone")
		e.Look(phone)
		e.wantSent(t, e.delivery(both).PushID, e.delivery(phone).PushID)
		e.stop()
	})
}

func TestOfAPushForManyThoseOnlineGetItAtOnceThoughThereAreNoPlaces(t *testing.T) {
	for name, open := range map[string]bool{"nothing is open on it": false, "something is open on it": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				e := newEngine(t, 8, 64)
				e.provider.answer = hangs(time.Second)
				e.run(t)
				e.todo.acquire(t.Context(), "notes", appPlaces)
				phone := push.DeviceKey{App: "notes", Device: "phone"}
				var before []push.ID
				if open {
					before = append(before, e.delivery(e.phone("phone", time.Hour)).PushID)
				}
				e.sockets.set(phone, true)
				if !open {
					e.online.room = 0 // it is given as it is accepted, and not looked at
				}
				p := push.Push{ID: push.NewID(), App: "notes", To: push.Audience{Devices: []string{"away", "phone"}}}
				began := time.Now()
				if _, err := e.Accept(t.Context(), p, nil); err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took != 0 {
					t.Errorf("accepting took %s, want it not to wait for places", took)
				}
				e.wantSent(t, append(before, p.ID)...)
				e.provider.want(t, "away", 0)
				if e.todo.taken != appPlaces {
					t.Errorf("%d places are taken, want the %d from before", e.todo.taken, appPlaces)
				}
				e.stop()
			})
		})
	}
}

func TestOfAPushForManyThoseOnlineGetItAtOnceThoughMemoryIsFull(t *testing.T) {
	for name, open := range map[string]bool{"nothing is open on it": false, "something is open on it": true} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				e := stuck(t)
				phone := push.DeviceKey{App: "notes", Device: "phone"}
				var before []push.ID
				if open {
					before = append(before, e.delivery(e.phone("phone", time.Hour)).PushID)
				}
				e.sockets.set(phone, true)
				if !open {
					e.online.room = 0 // it is given as it is accepted, and not looked at
				}
				p := push.Push{ID: push.NewID(), App: "notes", To: push.Audience{Devices: []string{"away", "phone"}}}
				if _, err := e.Accept(t.Context(), p, nil); err != nil {
					t.Fatal(err)
				}
				e.wantSent(t, append(before, p.ID)...)
				if due := e.device(push.DeviceKey{App: "notes", Device: "away"}).DueAt; due.After(time.Now()) {
					t.Errorf("who is away is due at %v, want now: %v", due, time.Now())
				}
				e.stop()
			})
		})
	}
}

func TestOfABroadcastThoseOnlineGetItAtOnceThoughMemoryIsFull(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := stuck(t)
		phone := push.DeviceKey{App: "notes", Device: "phone"}
		e.sockets.set(phone, true)
		e.rows.castAt, e.rows.audience = time.Now(), []string{"away", "phone"}
		e.clock.dueAt(expansions, time.Now())
		time.Sleep(2 * shortest)
		synctest.Wait()
		e.wantSent(t, "cast")
		e.stop()
	})
}

func TestAPhoneThatIsOnlineIsFoundAmongWhatIsDueThoughMemoryIsFull(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := stuck(t)
		phone := e.phone("phone", 3*time.Second) // it has not acknowledged, or has just come online
		e.sockets.set(phone, true)
		time.Sleep(3*time.Second + idle + findRest)
		e.wantSent(t, e.delivery(phone).PushID)
		e.stop()
	})
}

func TestABroadcastThatNamesNoDevicesGoesToThoseOnline(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 8, 64)
		e.rows.making = true
		e.run(t)
		phones := make([]push.DeviceKey, 100) // more than find room at once
		for i := range phones {
			phones[i] = push.DeviceKey{App: "notes", Device: fmt.Sprint("online", i)}
			e.sockets.set(phones[i], true)
			e.rows.audience = append(e.rows.audience, phones[i].Device)
		}
		e.rows.castAt = time.Now()
		e.clock.dueAt(expansions, time.Now())
		time.Sleep(idle)
		synctest.Wait()
		e.sockets.mu.Lock()
		if len(e.sockets.sent) != len(phones) {
			t.Errorf("%d sessions got the broadcast, want %d", len(e.sockets.sent), len(phones))
		}
		e.sockets.mu.Unlock()
		e.stop()
	})
}

// One app behind another's broadcast.

func TestAnAppsPushDoesNotWaitBehindAnothersThatTakeAllRoomAndWorkers(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := stuck(t, "phone", "due")
		at := time.Since(e.provider.start)
		p := push.Push{ID: push.NewID(), App: "other", To: push.Audience{Devices: []string{"phone"}}}
		if _, err := e.Accept(t.Context(), p, nil); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		e.provider.want(t, "phone", at)
		e.rows.mu.Lock()
		e.rows.addTo(push.DeviceKey{App: "other", Device: "due"}, push.NewID(), time.Now())
		e.rows.mu.Unlock()
		time.Sleep(2 * crowded)
		synctest.Wait()
		if e.provider.times("due") != 1 {
			t.Error("what is due of the other app waits for the first one's provider")
		}
		e.stop()
	})
}

func TestWhatIsFreeIsSharedSoThatSomeIsLeft(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ all, apps, each int }{{1, 1, 1}, {2, 1, 1}, {3, 1, 2}, {4, 1, 3}, {512, 1, 384}, {512, 2, 219}, {512, 100, 5}} {
		has, free := make([]int, c.apps), c.all
		for moved := true; moved; {
			moved = false
			for i := range has {
				if shareOf(has[i], free) > 0 {
					has[i], free, moved = has[i]+1, free-1, true
				}
			}
		}
		if got := slices.Min(has); got != c.each {
			t.Errorf("%d apps that take what they get of %d have %v, want %d each", c.apps, c.all, has, c.each)
		}
		if c.all > 1 && shareOf(0, free) == 0 {
			t.Errorf("%d apps that take what they get of %d leave nothing", c.apps, c.all)
		}
	}
	if n := shareOf(0, 8192); shareOf(n, 8192-n) != 0 {
		t.Errorf("%d at once is more than one after the other", n)
	}
}
