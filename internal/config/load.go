package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"

	"github.com/hushpush/hush/internal/nearest"
	"github.com/hushpush/hush/push"
)

// secretKeyEnv holds the contents of secret_key_file.
const secretKeyEnv = "HUSH_SECRET_KEY"

// configEnv holds what --config does.
const configEnv = "HUSH_CONFIG"

// Error is one thing that is wrong with the settings.
type Error struct {
	Setting string // its name, as in YAML
	From    string // where it is given: a flag, a variable or file:line
	Wrong   string // what is wrong, and what would be right
}

// Error says all three.
func (e *Error) Error() string { return fmt.Sprintf("%s (%s): %s", e.Setting, e.From, e.Wrong) }

// AddFlags adds --config and a flag for each setting to fs.
func AddFlags(fs *pflag.FlagSet) {
	fs.String("config", "", "YAML file with settings; flags and HUSH_* variables override it")
	for _, s := range settings {
		usage := s.help
		if s.without != "" {
			usage += " (default " + s.without + ")"
		}
		f := fs.VarPF(&typed{s.standard, s.value.kind}, s.flag(), "", usage)
		if s.value.bare {
			f.NoOptDefVal = "true"
		}
	}
}

// typed is a flag's text as it was typed. Load checks it, so that all that is wrong can be reported at once.
type typed struct{ text, kind string }

func (t *typed) String() string        { return t.text }
func (t *typed) Set(text string) error { t.text = text; return nil }
func (t *typed) Type() string          { return t.kind }

// Load reads the settings from parsed flags, the environment and the YAML file of --config (or HUSH_CONFIG). Its error joins
// an *Error for each thing that is wrong. An empty variable counts as unset, except HUSH_SECRET_KEY: to go on with a new key
// because a deployment lost the old one would be the worst reading of it.
func Load(fs *pflag.FlagSet) (Config, error) {
	l := loader{flags: fs}
	return l.load()
}

// LoadLevel reads the log's level again, for a process that runs. The flag and the variable are what they were and override
// the file, which may have changed. from is where the level was given, "" for the default. Its error is Load's: a file with
// anything wrong in it changes nothing.
func LoadLevel(fs *pflag.FlagSet) (level slog.Level, from string, err error) {
	l := loader{flags: fs}
	c, err := l.load()
	if err != nil {
		return 0, "", err
	}
	s, _ := settingOf("log.level")
	return c.Log.Level, l.find(s).place, nil
}

// loader gathers all that is wrong, so that it can be reported at once.
type loader struct {
	flags *pflag.FlagSet
	file  *yamlFile // of --config; nil if there is none
	errs  []error
}

func (l *loader) load() (Config, error) {
	l.readFile()
	var c Config
	for _, s := range settings {
		if err := l.read(s, &c); err != nil {
			l.errs = append(l.errs, err)
		}
	}
	l.readSecretKey(&c)
	l.checkPair(&c)
	if len(l.errs) > 0 {
		return Config{}, errors.Join(l.errs...)
	}
	return c, nil
}

func (l *loader) wrong(setting, from, format string, args ...any) {
	l.errs = append(l.errs, &Error{Setting: setting, From: from, Wrong: fmt.Sprintf(format, args...)})
}

func (l *loader) readFile() {
	from := "--config"
	path, _ := l.flags.GetString("config")
	if !l.flags.Changed("config") {
		from, path = configEnv, os.Getenv(configEnv)
	}
	if path == "" {
		if l.flags.Changed("config") {
			l.wrong("config", from, "is empty; want the path of a YAML file")
		}
		return
	}
	file, err := readYAML(path)
	if err != nil {
		l.wrong("config", from, "%v", err)
		return
	}
	l.file, l.errs = file, append(l.errs, file.errs...)
}

// find returns what a setting was given: by its flag, else its variable, else the file. Its place is "" if none of them has
// it, and its text then the standard one.
func (l *loader) find(s setting) given {
	flag := l.flags.Lookup(s.flag())
	if flag.Changed {
		return given{text: flag.Value.String(), place: "--" + flag.Name}
	}
	if text := os.Getenv(s.variable()); text != "" {
		return given{text: text, place: s.variable()}
	}
	if l.file != nil {
		if g, ok := l.file.settings[s.name]; ok {
			return g
		}
	}
	return given{text: s.standard}
}

// read reads one setting into c. Its error is an *Error.
func (l *loader) read(s setting, c *Config) error {
	g := l.find(s)
	switch {
	case g.wrong != "":
		return &Error{s.name, g.place, g.wrong}
	case g.text == "" && g.place == "":
		return nil // the room's default
	case g.text == "":
		return &Error{s.name, g.place, "is empty; leave it out for its default"}
	}
	if err := s.value.read(c, g.text); err != nil {
		return &Error{s.name, g.place, err.Error()}
	}
	return nil
}

func (l *loader) readSecretKey(c *Config) {
	s, _ := settingOf("secret_key_file")
	key, set := os.LookupEnv(secretKeyEnv)
	if !set || l.flags.Changed(s.flag()) {
		return // a flag overrides the environment
	}
	if os.Getenv(s.variable()) != "" {
		l.wrong(s.name, secretKeyEnv, "is set beside %s; want one of them", s.variable())
		return
	}
	c.SecretKey, c.SecretKeyFile, c.SecretKeyEmpty = push.Secret(key), "", strings.TrimSpace(key) == ""
}

// checkPair checks that a certificate comes with its key.
func (l *loader) checkPair(c *Config) {
	if (c.TLSCert == "") == (c.TLSKey == "") {
		return
	}
	given, missing := "tls_cert", "tls_key"
	if c.TLSCert == "" {
		given, missing = missing, given
	}
	s, _ := settingOf(given)
	l.wrong(missing, l.find(s).place, "is missing, but %s is given; want both, or neither for plain HTTP", given)
}

// nearestSetting returns the setting that a misspelt key probably means; "" if none is near.
func nearestSetting(key string) string {
	flags := make([]string, len(settings)) // as flags: a key may have dots, dashes and underscores confused
	for i, s := range settings {
		flags[i] = s.flag()
	}
	if i := slices.Index(flags, nearest.Of(flagName(key), flags)); i >= 0 {
		return settings[i].name
	}
	return ""
}
