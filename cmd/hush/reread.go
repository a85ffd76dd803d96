package main

import (
	"errors"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/server"
)

// reread is what a running server reads again when it gets SIGHUP: the certificate's files and the log's level.
type reread struct {
	level           *slog.LevelVar
	readLevel       func() (level slog.Level, from string, err error)
	readCertificate func() (cert server.Certificate, ok bool, err error)
	log             *slog.Logger // for the answers, whatever the level is: someone asked
}

// stopReread is how long a stop waits for what is being read, so that its line is in the log. Not longer: a FIFO or a network
// file system that hangs in a file's place never answers, and the stop as a whole has 10 s, of which drainWait is for others.
const stopReread = time.Second / 2

// start answers each SIGHUP, also one that came earlier, until stop is called. What hangs in a read then is left behind.
func (r reread) start(hangups <-chan os.Signal) (stop func()) {
	stopping, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for {
			select {
			case <-stopping:
				return
			case <-hangups:
				r.readAgain()
			}
		}
	}()
	return func() {
		close(stopping)
		select {
		case <-stopped:
		case <-time.After(stopReread):
		}
	}
}

// readAgain reads all of it, keeps what it was where that fails, and says in one line what came of it.
func (r reread) readAgain() {
	said, certErr := r.certificate()
	levelSaid, levelErr := r.logLevel()
	said = append(said, levelSaid...)
	if certErr != nil || levelErr != nil {
		r.log.Warn("SIGHUP: read again, but what is wrong stays as it was", append(said, "error", inOneLine(errors.Join(certErr, levelErr)))...)
		return
	}
	r.log.Info("SIGHUP: the certificate and the log level are read again", said...)
}

func (r reread) certificate() (said []any, err error) {
	cert, ok, err := r.readCertificate()
	switch {
	case !ok:
		return []any{"certificate", "none"}, nil
	case err != nil:
		return []any{"certificate", "kept", "valid_until", cert.ValidUntil}, err
	case cert.Changed:
		return []any{"certificate", "changed", "valid_until", cert.ValidUntil}, nil
	}
	return []any{"certificate", "unchanged", "valid_until", cert.ValidUntil}, nil
}

func (r reread) logLevel() (said []any, err error) {
	was := r.level.Level()
	level, from, err := r.readLevel()
	if err != nil {
		return []any{"log_level", levelName(was)}, err
	}
	r.level.Set(level)
	said = []any{"log_level", levelName(level)}
	if level != was {
		said = append(said, "log_level_was", levelName(was))
	}
	if from != "" {
		said = append(said, "log_level_from", from)
	}
	return said, nil
}

// levelName returns a level as its setting spells it.
func levelName(l slog.Level) string { return strings.ToLower(l.String()) }

// inOneLine returns the text of several errors, without their line breaks.
func inOneLine(err error) string {
	return strings.Join(strings.Fields(clean(strings.ReplaceAll(err.Error(), "\n", "; "))), " ")
}

// firstWord returns the first argument that is no flag: the command.
func firstWord(args []string) string {
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			return arg
		}
	}
	return ""
}
