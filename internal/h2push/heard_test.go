package h2push

import (
	"bytes"
	"io"
	"slices"
	"testing"

	"golang.org/x/net/http2"
)

// spoken is a connection that reads what a peer says, a piece a read, and asks before each read whether the peer was heard.
type spoken struct {
	counted
	pieces [][]byte
	heard  func() bool
	was    []bool
}

func (s *spoken) Read(p []byte) (int, error) {
	s.was = append(s.was, s.heard())
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces = s.pieces[1:]
	return n, nil
}

// A peer is alive that ends a frame. One that only sends parts of one is pinged, and given up.
func TestAPeerIsHeardWhenItEndsAFrame(t *testing.T) {
	t.Parallel()
	var said bytes.Buffer
	fr := http2.NewFramer(&said, nil)
	ping := func() { _ = fr.WritePing(true, [8]byte{}) } // a buffer takes everything
	_ = fr.WriteSettings()
	ping()
	const settingsBytes, pingBytes = 9, 9 + 8
	if said.Len() != settingsBytes+pingBytes {
		t.Fatalf("got %d bytes", said.Len())
	}
	ping()
	all := said.Bytes()
	inFirst, nearlySecond := settingsBytes+5, settingsBytes+2*pingBytes-1
	nc := &spoken{pieces: [][]byte{all[:inFirst], all[inFirst : inFirst+1], all[inFirst+1 : nearlySecond], all[nearlySecond:]}}
	c := newConn(nc, endpoint{}, Config{}, func() {})
	nc.heard = func() bool { return c.heardAt.Swap(0) != 0 }
	_ = c.read() // ends as the pieces do
	if want := []bool{true, true, false, true, true}; !slices.Equal(nc.was, want) {
		t.Errorf("before each read the peer was heard: %v, want %v: at first, with a frame and a half, a byte of one, the rest and most of another, its last byte", nc.was, want)
	}
}
