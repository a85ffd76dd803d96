package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/hushpush/hush/client"
	"github.com/hushpush/hush/push"
)

// Of all commands, only app delete asks first: it destroys far more than what it names, for good. The others that delete take
// one thing away, which can be made or registered again.

// sureToDelete asks whether an app is to be deleted, and says what goes with it. A nil error means yes. Without a terminal
// nobody can answer, so that is wrong usage.
func sureToDelete(ctx context.Context, r *remote, app string) error {
	if !isTerminal(r.w.stdin) {
		return usagef("app delete asks first, and standard input is no terminal; want --yes to delete app %s with all that belongs to it", app)
	}
	belongings, err := belongingsOf(ctx, r, app)
	if err != nil {
		return err
	}
	r.answer = nil // --json prints the answer to the command, not to what it looked up
	fmt.Fprintf(r.w.stderr, "App %s has %s. They go with it, and every user, device and push; nothing brings them back.\n"+
		"Delete it? Type y or its name; anything else keeps it: ", clean(app), belongings)
	typed, err := readLine(ctx, r.w.stdin)
	if err != nil {
		return err
	}
	if !isYes(typed, app) {
		fmt.Fprintln(r.w.stderr, "hush: nothing was deleted")
		return &exitError{exitRefused}
	}
	return nil
}

func isYes(typed, app string) bool {
	return strings.EqualFold(typed, "y") || strings.EqualFold(typed, "yes") || typed == app
}

// belongingsOf counts what people have set up in an app. What devices and users there are the server counts for nobody.
func belongingsOf(ctx context.Context, r *remote, app string) (string, error) {
	const most = 1000 // of one page
	page := client.Page{Limit: most}
	ctx, cancel := r.within(ctx)
	defer cancel()
	resources, err := r.Resources(ctx, app, page)
	if err != nil {
		return "", err
	}
	keys, err := r.Keys(ctx, app, page)
	if err != nil {
		return "", err
	}
	providers, err := r.Providers(ctx, app)
	if err != nil {
		return "", err
	}
	orMore := func(n int, thing string) string {
		if n < most {
			return push.Counted(n, thing)
		}
		return fmt.Sprintf("%d or more %ss", n, thing)
	}
	return fmt.Sprintf("%s, %s and %s", orMore(len(resources.Resources), "resource"), orMore(len(keys.Keys), "server key"),
		push.Counted(len(providers.Providers), "provider credential")), nil
}

// errStopped ends a question that a signal interrupts.
var errStopped = errors.New("stopped; nothing was done")

// readLine reads what is typed up to the end of the line, or "" where there is nothing. Once ctx ends, it waits no longer; the
// process is about to end, and what still reads ends with it.
func readLine(ctx context.Context, from io.Reader) (string, error) {
	lines := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(from).ReadString('\n')
		lines <- strings.TrimSpace(line)
	}()
	select {
	case line := <-lines:
		return line, nil
	case <-ctx.Done():
		return "", errStopped
	}
}

// isTerminal reports whether somebody can type there.
func isTerminal(from io.Reader) bool {
	f, ok := from.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
