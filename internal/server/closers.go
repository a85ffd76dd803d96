package server

import (
	"context"
	"errors"
	"fmt"
)

// closers are the ends of what has been started, in order. close runs them in reverse, also when a start failed half-way.
type closers struct {
	stack []closer
}

type closer struct {
	name  string
	close func(context.Context) error
}

func (c *closers) add(name string, close func(context.Context) error) {
	c.stack = append(c.stack, closer{name, close})
}

// close ends everything, once. An error does not keep it from ending the rest.
func (c *closers) close(ctx context.Context) error {
	var errs []error
	for i := len(c.stack) - 1; i >= 0; i-- {
		if err := c.stack[i].close(ctx); err != nil {
			errs = append(errs, fmt.Errorf("server: stop %s: %w", c.stack[i].name, err))
		}
	}
	c.stack = nil
	return errors.Join(errs...)
}
