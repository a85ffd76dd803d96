package server

import (
	"context"
	"errors"
	"slices"
	"testing"
)

func TestWhatWasStartedEndsInReverseAlsoAfterAnError(t *testing.T) {
	t.Parallel()
	var c closers
	var ended []string
	bad := errors.New("bad")
	for _, name := range []string{"store", "engine", "listener"} {
		c.add(name, func(context.Context) error {
			ended = append(ended, name)
			if name == "engine" {
				return bad
			}
			return nil
		})
	}
	if err := c.close(t.Context()); !errors.Is(err, bad) {
		t.Errorf("error %v, want %v in it", err, bad)
	}
	if want := []string{"listener", "engine", "store"}; !slices.Equal(ended, want) {
		t.Errorf("ended %v, want %v", ended, want)
	}
	if err := c.close(t.Context()); err != nil || len(ended) != 3 {
		t.Errorf("closed again: error %v, ended %v; want nothing more", err, ended)
	}
}
