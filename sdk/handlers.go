package sdk

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"sync"
)

// handlers are the app's two handlers. A push that arrives before the one that it needs waits.
type handlers struct {
	mu         sync.Mutex
	through    Handler       // guarded by mu
	background Handler       // guarded by mu
	changed    chan struct{} // guarded by mu; closed and replaced when a handler is set
}

func newHandlers() *handlers { return &handlers{changed: make(chan struct{})} }

// set changes the handlers and wakes those who wait for one.
func (h *handlers) set(change func(*handlers)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	change(h)
	close(h.changed)
	h.changed = make(chan struct{})
}

// any reports whether either is set.
func (h *handlers) any() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.through != nil || h.background != nil
}

// wait returns the handler for a push as soon as there is one: in the background the background handler, or the other one if
// none is set; otherwise OnThroughMessageReceived's.
func (h *handlers) wait(ctx context.Context, inBackground bool) (Handler, error) {
	for {
		h.mu.Lock()
		handler, changed := h.through, h.changed
		if inBackground && h.background != nil {
			handler = h.background
		}
		h.mu.Unlock()
		if handler != nil {
			return handler, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("no handler was set in time: %w", context.Cause(ctx))
		}
	}
}

// OnThroughMessageReceived sets the handler for pushes that arrive while the app is in the foreground, for those that
// waited until it was opened, and, where no background handler is set, for all others. It replaces an earlier one.
func (c *Client) OnThroughMessageReceived(h Handler) {
	c.handlers.set(func(hs *handlers) { hs.through = h })
}

// SetBackgroundMessageHandler sets the handler for pushes that arrive while the app is in the background, or start it. It
// must be a top-level function: an Android process that has just been started for a push has no UI that a closure or a
// method value could use. Anything else is refused, as is nil.
func (c *Client) SetBackgroundMessageHandler(h Handler) error {
	if h == nil {
		return errors.New("sdk: the background handler is nil; want a top-level function")
	}
	if !c.cfg.AnyBackgroundHandler {
		if err := checkTopLevel(runtime.FuncForPC(reflect.ValueOf(h).Pointer()).Name()); err != nil {
			return err
		}
	}
	c.handlers.set(func(hs *handlers) { hs.background = h })
	return nil
}

// checkTopLevel refuses a function that is not a top-level one, by its name in the symbol table, such as
// example.com/app/notes.onBackground. The compiler calls a closure name.func1 or name.glob..func1, and a method value
// notes.(*T).Method-fm or notes.T.Method-fm. The name of a generic function's instance ends in [...].
func checkTopLevel(symbol string) error {
	name := symbol[strings.LastIndexByte(symbol, '/')+1:]
	if generic := strings.IndexByte(name, '['); generic >= 0 {
		name = name[:generic] + name[strings.LastIndexByte(name, ']')+1:]
	}
	_, name, _ = strings.Cut(name, ".")
	switch {
	case strings.HasSuffix(name, "-fm"):
		return fmt.Errorf("sdk: the background handler %s is a method value; want a top-level function, which needs nothing that the UI has set up", name)
	case strings.ContainsAny(name, ".("):
		return fmt.Errorf("sdk: the background handler %s is a closure or a method; want a top-level function, which needs nothing that the UI has set up", name)
	case name == "":
		return fmt.Errorf("sdk: the background handler %q has no name; want a top-level function", symbol)
	}
	return nil
}
