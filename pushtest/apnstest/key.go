package apnstest

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hushpush/hush/internal/pemkey"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

// The key and team of a simulator that is told of none.
const (
	defaultKeyID  = "HUSHKEY001"
	defaultTeamID = "HUSHTEAM01"
)

// Key is a provider's signing key, as a developer account has it.
type Key struct {
	ID   string // 10 characters; "" means HUSHKEY001
	Team string // 10 characters; "" means HUSHTEAM01

	File string // the .p8: read if it exists, else written (mode 0600); "" with PEM "": made, and kept in memory
	PEM  []byte // the .p8's content, instead of File

	Environment Environment // the only one in which it is good; "" means both, as keys were before 2025
	Topics      []string    // for a topic-specific key: the only ones it may send to; none: all of its team's
	Related     string      // the id of the one other key that may follow it on a connection

	private  *ecdsa.PrivateKey
	inMemory bool // made here and written to no file
}

var idForm = regexp.MustCompile(`^[A-Z0-9]{10}$`)

// Keys puts the lists of a command line in step: the n-th file, id, team and environment are one key. Environments may also
// be one for all, or none; "both" is the word for no restriction. A list may be missing where there is one key.
func Keys(files, ids, teams, environments []string) ([]Key, error) {
	n := max(len(files), len(ids), len(teams), 1)
	for _, l := range []struct {
		name string
		vals []string
	}{{"key", files}, {"key-id", ids}, {"team-id", teams}} {
		if len(l.vals) != n && (n > 1 || len(l.vals) > 1) {
			return nil, fmt.Errorf("apnstest: %d × --%s, but %d keys; --key, --key-id and --team-id go in step", len(l.vals), l.name, n)
		}
	}
	if e := len(environments); e > 1 && e != n {
		return nil, fmt.Errorf("apnstest: %d × --key-environment for %d keys; give one for all, or one each", e, n)
	}
	at := func(vals []string, i int) string {
		if len(vals) == 1 && n > 1 {
			i = 0
		}
		if i < len(vals) {
			return vals[i]
		}
		return ""
	}
	keys := make([]Key, n)
	for i := range keys {
		keys[i] = Key{File: at(files, i), ID: at(ids, i), Team: at(teams, i), Environment: Environment(at(environments, i))}
		if keys[i].Environment == "both" {
			keys[i].Environment = ""
		}
	}
	return keys, nil
}

// Restrict does what the lists of a command line say of keys: topics ("KEYID=TOPIC" each, any number a key) make a key
// topic-specific, related ("KEYID=KEYID") names the one key that may follow it on a connection.
func Restrict(keys []Key, topics, related []string) error {
	named := func(flag, entry string) (*Key, string, error) {
		id, value, ok := strings.Cut(entry, "=")
		i := slices.IndexFunc(keys, func(k Key) bool { return k.ID == id || k.ID == "" && id == defaultKeyID })
		if !ok || i < 0 {
			return nil, "", fmt.Errorf("apnstest: --%s %q; want the id of one of the keys, =, and a value", flag, entry)
		}
		return &keys[i], value, nil
	}
	for _, entry := range topics {
		k, topic, err := named("key-topic", entry)
		if err != nil {
			return err
		}
		if !topicForm.MatchString(topic) {
			return fmt.Errorf("apnstest: --key-topic %q; want a bundle id such as com.example.notes behind the =", entry)
		}
		k.Topics = append(k.Topics, topic)
	}
	for _, entry := range related {
		k, other, err := named("key-related", entry)
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(keys, func(o Key) bool { return o.ID == other && other != k.ID }) {
			return fmt.Errorf("apnstest: --key-related %q; want the id of another of the keys behind the =", entry)
		}
		k.Related = other
	}
	return nil
}

// openKeys reads or makes the keys. Where there are several, only the first may lean on the defaults.
func openKeys(cfg *Config) ([]Key, error) {
	keys := slices.Clone(cfg.Keys)
	if len(keys) == 0 {
		keys = []Key{{}}
	}
	for i := range keys {
		k := &keys[i]
		if k.ID == "" {
			k.ID = defaultKeyID
		}
		if k.Team == "" {
			k.Team = defaultTeamID
		}
		if k.File == "" && len(k.PEM) == 0 && cfg.CertDir != "" {
			k.File = filepath.Join(cfg.CertDir, "AuthKey_"+k.ID+".p8")
		}
		if err := k.open(); err != nil {
			return nil, err
		}
		if slices.ContainsFunc(keys[:i], func(o Key) bool { return o.ID == k.ID }) {
			return nil, fmt.Errorf("apnstest: two keys have the id %s (--key-id); want one each", k.ID)
		}
	}
	return keys, nil
}

func (k *Key) open() error {
	switch {
	case !idForm.MatchString(k.ID):
		return fmt.Errorf("apnstest: key id %q (--key-id); want 10 characters of A-Z and 0-9", k.ID)
	case !idForm.MatchString(k.Team):
		return fmt.Errorf("apnstest: team id %q (--team-id); want 10 characters of A-Z and 0-9", k.Team)
	case k.Environment != "" && k.Environment != Production && k.Environment != Development:
		return fmt.Errorf("apnstest: environment %q of key %s (--key-environment); want production, development or both", k.Environment, k.ID)
	}
	var err error
	if len(k.PEM) == 0 && k.File != "" {
		if k.PEM, err = os.ReadFile(k.File); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("apnstest: reading key %s (--key): %w", k.ID, err)
		}
	}
	if len(k.PEM) > 0 {
		if k.private, err = pemkey.P256(string(k.PEM)); err != nil {
			return fmt.Errorf("apnstest: key %s (--key%s): %w", k.ID, within(k.File), err)
		}
		return nil
	}
	if k.private, k.PEM, err = makeP8(); err != nil {
		return fmt.Errorf("apnstest: making key %s: %w", k.ID, err)
	}
	k.inMemory = k.File == ""
	if k.File != "" {
		if err := os.MkdirAll(filepath.Dir(k.File), 0o755); err != nil {
			return fmt.Errorf("apnstest: writing key %s (--key): %w", k.ID, err)
		}
		if err := simkit.WriteFile(k.File, k.PEM, 0o600); err != nil {
			return fmt.Errorf("apnstest: writing key %s (--key): %w", k.ID, err)
		}
	}
	return nil
}

// within names a file in an error, if there is one.
func within(file string) string {
	if file == "" {
		return ""
	}
	return " " + file
}

func makeP8() (*ecdsa.PrivateKey, []byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	return k, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
}
