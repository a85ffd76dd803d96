package bucket

import (
	"fmt"
	"testing"
	"time"
)

func TestABucketGivesItsBurstAndThenItsRate(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	b := New(Rate{Burst: 30, Every: time.Minute}, func() time.Time { return now })
	for i := range 30 {
		if s := b.Take("alice"); !s.OK || s.Left != 29-i || s.Wait != time.Minute {
			t.Fatalf("token %d: %+v; want it, %d left, one more in a minute", i+1, s, 29-i)
		}
	}
	if s := b.Take("alice"); s.OK || s.Wait != time.Minute {
		t.Errorf("beyond the burst: %+v; want none, a wait of a minute", s)
	}
	if s := b.Take("bob"); !s.OK {
		t.Errorf("another key: %+v; want a token", s)
	}
	now = now.Add(45 * time.Second)
	if s := b.Take("alice"); s.OK || s.Wait != 15*time.Second {
		t.Errorf("45 s later: %+v; want none, a wait of 15 s", s)
	}
	now = now.Add(15 * time.Second)
	if s := b.Take("alice"); !s.OK || s.Left != 0 {
		t.Errorf("a minute later: %+v; want one token", s)
	}
	b.Return("alice")
	if s := b.Take("alice"); !s.OK {
		t.Errorf("after one came back: %+v; want it", s)
	}
	now = now.Add(24 * time.Hour)
	if s := b.Take("alice"); !s.OK || s.Left != 29 {
		t.Errorf("a day later: %+v; want a full bucket", s)
	}
}

func TestARateOfNothingLimitsNothing(t *testing.T) {
	t.Parallel()
	b := New(Rate{}, nil)
	for range 10_000 {
		if !b.Take("k").OK {
			t.Fatal("a token was refused; want no limit")
		}
	}
	if len(b.fullAt) != 0 {
		t.Errorf("%d keys are kept; want none", len(b.fullAt))
	}
}

func TestManyKeysDoNotGrowMemory(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_000_000, 0)
	b := New(Rate{Burst: 2, Every: time.Hour}, func() time.Time { return now })
	for i := range 3 * maxKeys {
		if !b.Take(fmt.Sprint(i)).OK {
			t.Fatalf("a new key's first token was refused")
		}
		if len(b.fullAt) > maxKeys {
			t.Fatalf("%d keys are kept; want at most %d", len(b.fullAt), maxKeys)
		}
	}
	now = now.Add(3 * time.Hour)
	b.Take("one more")
	if len(b.fullAt) != 1 {
		t.Errorf("once all are full again, %d keys are kept; want 1", len(b.fullAt))
	}
}
