package linger_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/linger"
)

// pair is a connection, and the peer's end of it.
func pair(t *testing.T) (*linger.Conn, net.Conn) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	peer, err := net.Dial("tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	ours, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ours.Close(); peer.Close() })
	return &linger.Conn{Conn: ours}, peer
}

func TestThePeerReadsTheLastWordThoughItsOwnWasNotRead(t *testing.T) {
	t.Parallel()
	ours, peer := pair(t)
	if _, err := io.WriteString(peer, "unread"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(ours, "goodbye"); err != nil {
		t.Fatal(err)
	}
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(peer); string(got) != "goodbye" || err != nil {
		t.Errorf("the peer read %q, %v; want goodbye and the end", got, err)
	}
	peer.Close()
	if got, err := io.ReadAll(ours); string(got) != "unread" || err != nil {
		t.Errorf("read %q, %v after Close; want what the peer wrote", got, err)
	}
	if err := ours.Close(); err != nil {
		t.Error(err)
	}
	if _, err := ours.Read(make([]byte, 1)); err == nil {
		t.Error("a connection that was closed twice can be read")
	}
}

func TestAPeerThatDoesNotEndItsSideIsNotWaitedForLong(t *testing.T) {
	t.Parallel()
	ours, _ := pair(t)
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	ours.BoundWrite(time.Hour) // changes nothing any more
	if _, err := ours.Read(make([]byte, 1)); err == nil {
		t.Error("read something of a peer that said nothing")
	}
}
