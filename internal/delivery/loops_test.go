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

// inBubble runs a test whose clock is its own.
func inBubble(t *testing.T, test func(t *testing.T)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, test)
}

// Claim.

func TestADeviceIsLookedAtWhenItIsDue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		e.phone("now", 0)
		e.phone("later", 7300*time.Millisecond)
		e.run(t)
		time.Sleep(30 * time.Second)
		e.stop()
		e.provider.want(t, "now", 0)
		e.provider.want(t, "later", 7300*time.Millisecond)
	})
}

func TestNoMoreDevicesAreClaimedThanFindRoomInMemory(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 1, 4) // one of them for another app
		e.provider.answer = hangs(5 * time.Second)
		e.phones(8)
		e.run(t)
		time.Sleep(time.Second)
		if claimed := e.rows.howManyClaimed(); claimed != 4 {
			t.Errorf("%d devices are claimed while one is in work and three have room, want 4", claimed)
		}
		time.Sleep(45 * time.Second)
		e.stop()
		e.wantOverflow(t, 0)
		for i := range 8 {
			e.provider.want(t, fmt.Sprint("phone", i), time.Duration(i)*5*time.Second)
		}
	})
}

// Rest.

func TestAnEngineThatRestsLooksForWhatAnotherNodeHasMadeDue(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		e.run(t)
		time.Sleep(10*time.Second + idle/2)
		e.phone("late", 0) // nobody tells
		time.Sleep(10 * time.Second)
		e.stop()
		e.provider.want(t, "late", 11*time.Second)
	})
}

// Poke.

func TestWhatALookMakesDueSoonerThanTheRestEndsIsLookedAtThen(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		e.provider.answer = func(context.Context, string) (push.Answer, error) {
			if e.provider.times("phone") > 1 {
				return taken(push.Wake{})
			}
			return push.Answer{Provider: push.APNs, Status: 429}, &push.WakeError{Fault: push.FaultQuota, RetryAfter: 300 * time.Millisecond}
		}
		e.run(t)
		time.Sleep(100 * time.Millisecond)
		e.Look(e.phone("phone", 0))
		time.Sleep(10 * time.Second)
		e.stop()
		e.provider.want(t, "phone", 100*time.Millisecond, 400*time.Millisecond)
	})
}

func TestASessionThatFetchesNothingGetsWhatIsOpenAfterTheAckWait(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		e.cfg.AckWait = idle / 5 // shorter than the rest that it ends
		phone := e.phone("phone", time.Hour)
		e.run(t)
		time.Sleep(idle / 10)
		e.sockets.set(phone, true)
		e.SessionOpened(phone)
		time.Sleep(e.cfg.AckWait)
		synctest.Wait()
		if want := []push.ID{e.delivery(phone).PushID}; !slices.Equal(e.sockets.sent, want) {
			t.Errorf("the session got %v after the ack wait, want %v", e.sockets.sent, want)
		}
		e.stop()
	})
}

// Expand.

func TestABroadcastIsMadeInPiecesAndEachIsTakenFurtherAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 50, 5000)
		e.rows.castAt, e.rows.slow = time.Now().Add(90*time.Second), 2*time.Second
		for i := range 2*castPiece + 1 {
			e.rows.audience = append(e.rows.audience, fmt.Sprintf("phone%04d", i))
		}
		e.run(t)
		time.Sleep(2 * time.Minute)
		e.stop()
		if want := []piece{{castPiece, lease}, {castPiece, lease}, {1, lease}}; !slices.Equal(e.rows.pieces, want) {
			t.Errorf("made in pieces %v, want %v", e.rows.pieces, want)
		}
		e.provider.want(t, "phone0000", 92*time.Second)
		e.provider.want(t, "phone0300", 94*time.Second)
		e.provider.want(t, "phone0600", 96*time.Second)
		e.wantOverflow(t, 0)
	})
}

func TestABroadcastThatIsAcceptedIsMadeWhenItsTimeComes(t *testing.T) {
	for name, in := range map[string]time.Duration{"at once": shortest, "in 400 ms": 400 * time.Millisecond} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				e := newEngine(t, 2, 5000)
				e.run(t)
				time.Sleep(100 * time.Millisecond)
				p := push.Push{App: "notes", To: push.Audience{All: true}, AcceptedAt: time.Now()}
				if in > shortest {
					p.DeliverAt = time.Now().Add(in)
				}
				e.rows.castAt, e.rows.audience = p.Start(), []string{"phone"}
				if _, err := e.Accept(t.Context(), p, nil); err != nil {
					t.Fatal(err)
				}
				time.Sleep(10 * time.Second)
				e.stop()
				e.provider.want(t, "phone", 100*time.Millisecond+in)
			})
		})
	}
}

func TestWithoutRoomInMemoryABroadcastsRowsWaitOnDisk(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 1, 10)
		e.rows.castAt = time.Now()
		for i := range 30 {
			e.rows.audience = append(e.rows.audience, fmt.Sprintf("phone%02d", i))
		}
		e.run(t)
		time.Sleep(30 * time.Second)
		e.stop()
		if want := []piece{{30, 0}}; !slices.Equal(e.rows.pieces, want) {
			t.Errorf("made in pieces %v, want %v: due now", e.rows.pieces, want)
		}
		for i := range 30 {
			if got := e.provider.times(fmt.Sprintf("phone%02d", i)); got != 1 {
				t.Errorf("phone%02d is woken %d times, want once", i, got)
			}
		}
		e.wantOverflow(t, 0)
	})
}

func TestASlowBroadcastDelaysNoLook(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 5000)
		e.rows.castAt, e.rows.audience, e.rows.slow = time.Now(), []string{"cast"}, 20*time.Second
		e.phone("phone", 3*time.Second)
		e.run(t)
		time.Sleep(30 * time.Second)
		e.stop()
		e.provider.want(t, "phone", 3*time.Second)
		e.provider.want(t, "cast", 20*time.Second)
	})
}

// Overflow.

func TestADeviceThatFindsNoRoomIsCountedAndLookedAtOnceThereIsRoom(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 1, 1)
		e.provider.answer = hangs(300 * time.Millisecond)
		e.run(t)
		keys := e.phones(4)
		for _, key := range keys {
			e.Look(key)
			synctest.Wait()
		}
		e.wantOverflow(t, 2)
		time.Sleep(20 * time.Second)
		e.stop()
		e.provider.want(t, "phone0", 0)
		e.provider.want(t, "phone1", 300*time.Millisecond)
		e.provider.want(t, "phone2", 600*time.Millisecond)
		e.provider.want(t, "phone3", 900*time.Millisecond)
	})
}

// Drain.

func TestARequestUnderWayEndsAndItsAnswerIsKeptThoughTheEngineEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		e.provider.answer = hangs(drainWait - time.Second)
		phone := e.phone("phone", 0)
		e.run(t)
		e.stop()
		if took := time.Since(e.provider.start); took != drainWait-time.Second {
			t.Errorf("the engine ended after %s, want %s: with its request", took, drainWait-time.Second)
		}
		if d := e.delivery(phone); d.State != push.Sent || d.Path != push.PathAPNs {
			t.Errorf("the push is %s by %q, want sent by apns", d.State, d.Path)
		}
	})
}

func TestARequestThatOutlastsTheDrainIsCutOffAndItsWakeGoesOutAgain(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		e.provider.answer = hangs(time.Hour)
		phone := e.phone("phone", 0)
		e.run(t)
		time.Sleep(time.Second)
		e.stop()
		if took := time.Since(e.provider.start); took != time.Second+drainWait {
			t.Errorf("the engine ended after %s, want %s", took, time.Second+drainWait)
		}
		d := e.device(phone)
		if state := e.delivery(phone).State; state != push.Waiting || d.Wake.State != push.WakeRetry || d.Wake.Attempt != 1 || d.DueAt.IsZero() {
			t.Errorf("the push is %s, the wake is %+v, and the phone due at %v; want it to wait for another try of the same wake", state, d.Wake, d.DueAt)
		}
	})
}

func TestNothingNewIsSentOnceTheEngineEnds(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 1, 10)
		e.provider.answer = hangs(time.Second)
		e.phones(3)
		e.run(t)
		e.stop()
		e.provider.want(t, "phone0", 0)
		e.provider.want(t, "phone1")
		e.provider.want(t, "phone2")
	})
}

// Hand back.

func TestWhatWaitsInMemoryAtTheEndIsDueAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 1, 10)
		e.provider.answer = hangs(time.Second)
		keys := e.phones(3)
		e.run(t)
		e.stop()
		if want := [][]string{{"phone1", "phone2"}}; !slices.EqualFunc(e.rows.renewed, want, slices.Equal) {
			t.Errorf("handed back %v, want %v", e.rows.renewed, want)
		}
		for _, key := range keys[1:] {
			if due := e.device(key).DueAt; due.After(time.Now()) {
				t.Errorf("%s is due at %v, want now: %v", key.Device, due, time.Now())
			}
		}
	})
}

func TestAWakeThatWasCountedAndNotSentIsTakenBackAtTheEnd(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 1, 10)
		e.provider.answer = hangs(time.Second)
		e.phone("first", 0)
		e.run(t)
		counted := e.phone("counted", time.Hour)
		f, err := e.freshFor(t.Context(), []push.AcceptRequest{{Push: push.Push{App: "notes", To: push.Audience{Devices: []string{"counted"}}}}})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := e.rows.Step(t.Context(), push.StepRequest{Key: counted, OpenLimit: 1}, f.look); err != nil {
			t.Fatal(err)
		}
		e.follow(f, e.delivery(counted).PushID, []push.DeviceKey{counted})
		if d := e.device(counted); len(d.WakeTimes) != 1 {
			t.Fatalf("%d wakes are counted as the push is accepted, want 1", len(d.WakeTimes))
		}
		e.stop()
		e.provider.want(t, "counted")
		if d := e.device(counted); len(d.WakeTimes) != 0 || d.Wake.State != push.WakeNone || d.DueAt.After(time.Now()) {
			t.Errorf("%d wakes are counted, %+v is in flight, and it is due at %v; want none, and now", len(d.WakeTimes), d.Wake, d.DueAt)
		}
	})
}

// Lost session.

func TestAPushWhoseSessionIsLostAsItIsGivenIsWokenAtOnce(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		phone := e.phone("phone", time.Second)
		e.sockets.set(phone, true)
		e.rows.committing = func() { e.sockets.set(phone, false) } // after the node was asked
		e.run(t)
		time.Sleep(10 * time.Second)
		e.stop()
		if d := e.delivery(phone); len(e.sockets.sent) != 0 || d.State != push.Sent || d.Path != push.PathAPNs {
			t.Errorf("the session got %v, and the push is %s by %q; want none, and sent by apns", e.sockets.sent, d.State, d.Path)
		}
		e.provider.want(t, "phone", time.Second)
	})
}

func TestASessionThatDoesNotAcknowledgeIsEndedAndThePushWoken(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		phone := e.phone("phone", time.Second)
		e.sockets.set(phone, true)
		e.run(t)
		time.Sleep(10 * time.Second)
		e.stop()
		if want := []push.ID{e.delivery(phone).PushID}; !slices.Equal(e.sockets.sent, want) {
			t.Errorf("the session got %v, want %v", e.sockets.sent, want)
		}
		if e.sockets.Count() != 0 {
			t.Error("the session is open, want it ended")
		}
		e.provider.want(t, "phone", time.Second+defaultAckWait)
	})
}

// Expiry and removal.

func TestADeliveryToAUserWithoutADeviceExpiresAtItsTime(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 1, 1)
		e.provider.answer = hangs(time.Hour) // memory is full
		e.phones(2)
		at := time.Now().Add(7300 * time.Millisecond)
		e.rows.expiresAt = at
		e.run(t)
		time.Sleep(20 * time.Second)
		e.stop()
		if len(e.rows.expired) != 1 || !e.rows.expired[0].Equal(at) {
			t.Errorf("expired at %v, want at %v", e.rows.expired, at)
		}
	})
}

func TestWhatIsOldIsRemovedEachMinuteInPiecesUntilNoneIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		e := newEngine(t, 2, 10)
		e.rows.old["pushes"], e.rows.old["users"] = 201, 100
		e.run(t)
		time.Sleep(removeEvery + time.Second)
		e.stop()
		keep, gone := defaultKeep, keepUnregistered
		for what, want := range map[string][]time.Duration{"pushes": {keep, keep, keep, keep, keep}, "devices": {gone, gone}, "users": {0, 0, 0}} {
			if got := e.rows.removals[what]; !slices.Equal(got, want) {
				t.Errorf("asked to remove %s of the age %v, want %v", what, got, want)
			}
		}
	})
}
