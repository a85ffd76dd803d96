package api

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"
)

func TestASpoolGivesWhatWasWrittenInOrder(t *testing.T) {
	t.Parallel()
	s := newSpool(t.TempDir())
	defer s.close()
	var want, got []byte
	piece := make([]byte, 100_000)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 0))
	read := func(n int) {
		b, _, err := s.read(piece[:n])
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, piece[:b]...)
	}
	for range 500 { // sometimes ahead by more than the memory holds, sometimes not at all
		b := make([]byte, 1+r.IntN(20_000))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		if _, err := s.Write(b); err != nil {
			t.Fatal(err)
		}
		want = append(want, b...)
		for len(got) < len(want) && r.IntN(3) > 0 {
			read(1 + r.IntN(len(piece)))
		}
	}
	s.end()
	for len(got) < len(want) {
		read(len(piece))
	}
	if n, more, err := s.read(piece); n != 0 || more || err != nil {
		t.Errorf("after the end: %d bytes, more %v, %v; want none", n, more, err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("seed %d: the spool gave other bytes than were written", seed)
	}
}

func TestAnAbandonedSpoolTakesNothing(t *testing.T) {
	t.Parallel()
	s := newSpool(t.TempDir())
	defer s.close()
	s.abandon()
	if _, err := s.Write([]byte("x")); !errors.Is(err, errSpoolAbandoned) {
		t.Errorf("writing: %v; want %v", err, errSpoolAbandoned)
	}
	if _, _, err := s.read(make([]byte, 1)); !errors.Is(err, errSpoolAbandoned) {
		t.Errorf("reading: %v; want %v", err, errSpoolAbandoned)
	}
}
