package config

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/pflag"
	"github.com/spf13/viper"

	"github.com/hushpush/hush/internal/nearest"
	"github.com/hushpush/hush/push"
)

// secretKeyEnv holds the contents of secret_key_file.
const secretKeyEnv = "HUSH_SECRET_KEY"

// Error is one thing that is wrong with the settings.
type Error struct {
	Setting string // its name, as in YAML
	From    string // where its text came from, in the words of that place
	Wrong   string // what is wrong, and what would be right
}

// Error says all three.
func (e *Error) Error() string { return fmt.Sprintf("%s (%s): %s", e.Setting, e.From, e.Wrong) }

// AddFlags gives fs a flag for every setting, and --config.
func AddFlags(fs *pflag.FlagSet) {
	fs.String("config", "", "YAML file with settings; flags and HUSH_* variables beat it")
	for _, s := range settings {
		fs.String(flagName(s.name), s.standard, s.usage)
		if slices.Contains(switches, s.name) {
			fs.Lookup(flagName(s.name)).NoOptDefVal = "true"
		}
	}
}

// Load reads what the parsed flags, the environment and the YAML file of --config (or HUSH_CONFIG) say. Its error joins an
// *Error for each thing that is wrong. An empty variable counts as unset, except HUSH_SECRET_KEY: to go on with a new key
// because a deployment lost the old one would be the worst reading of it.
func Load(fs *pflag.FlagSet) (Config, error) {
	return (&loader{v: viper.New(), fs: fs}).load()
}

func (l *loader) load() (Config, error) {
	l.readFile()
	var c Config
	for _, s := range settings {
		l.take(s, &c)
	}
	l.takeSecretKey(&c)
	l.checkTogether(&c)
	if len(l.errs) > 0 {
		return Config{}, errors.Join(l.errs...)
	}
	return c, nil
}

// LoadLevel reads the log's level again, for a process that runs. The flag and the variable are what they were and beat the
// file, which may have changed. from is which of them it is of; "" for the default. Its error is Load's: a file with anything
// wrong in it changes nothing.
func LoadLevel(fs *pflag.FlagSet) (level slog.Level, from string, err error) {
	l := loader{v: viper.New(), fs: fs}
	c, err := l.load()
	if err != nil {
		return 0, "", err
	}
	return c.Log.Level, l.from("log.level"), nil
}

// loader gathers what is wrong, so that all of it can be told at once.
type loader struct {
	v    *viper.Viper
	fs   *pflag.FlagSet
	file string // of --config; "" if there is none
	errs []error
}

func (l *loader) wrong(setting, from, format string, args ...any) {
	l.errs = append(l.errs, &Error{Setting: setting, From: from, Wrong: fmt.Sprintf(format, args...)})
}

func (l *loader) readFile() {
	from := "--config"
	l.file, _ = l.fs.GetString("config")
	if !l.fs.Changed("config") {
		from, l.file = "HUSH_CONFIG", os.Getenv("HUSH_CONFIG")
	}
	if l.file == "" {
		if l.fs.Changed("config") {
			l.wrong("config", from, "is empty; want the path of a YAML file")
		}
		return
	}
	f, err := os.Open(l.file)
	if err != nil {
		l.wrong("config", from, "cannot be read: %v; want the path of a YAML file", err)
		return
	}
	defer f.Close()
	l.v.SetConfigType("yaml")
	if err := l.v.ReadConfig(f); err != nil {
		l.wrong("config", from, "%s is not what is wanted: %v; want YAML with one block a room, such as\n  delivery:\n    ack_wait: 5s", l.file, err)
		return
	}
	l.checkKeys()
}

// checkKeys refuses names that no setting has: a misspelt one would silently leave its default.
func (l *loader) checkKeys() {
	for _, key := range slices.Sorted(slices.Values(l.v.AllKeys())) {
		if slices.ContainsFunc(settings, func(s setting) bool { return s.name == key }) {
			continue
		}
		hint := "hush serve --help lists them"
		if near := nearestSetting(key); near != "" {
			hint = fmt.Sprintf("want %s?", near)
		}
		l.wrong(key, l.file, "there is no such setting; %s", hint)
	}
}

// from tells in words which of the three places a setting's text came from; "" when none of them gave it.
func (l *loader) from(name string) string {
	switch {
	case l.fs.Changed(flagName(name)):
		return "--" + flagName(name)
	case os.Getenv(envName(name)) != "":
		return envName(name)
	case l.v.InConfig(name):
		return l.file
	}
	return ""
}

func (l *loader) take(s setting, c *Config) {
	from := l.from(s.name)
	text, wrong := textOf(s.name, l.value(s.name))
	switch {
	case wrong != "":
		l.wrong(s.name, from, "%s", wrong)
		return
	case text == "" && from == "":
		return // the room's default
	case text == "":
		l.wrong(s.name, from, "is empty; leave it out for its default")
		return
	}
	if err := s.set(c, text); err != nil {
		l.wrong(s.name, from, "%v", err)
	}
}

// textOf is the text of a setting's value: for one that holds several, those of its list with commas between them.
func textOf(name string, value any) (text, wrong string) {
	list, isList := value.([]any)
	if !isList || !slices.Contains(lists, name) {
		return scalar(value)
	}
	var texts []string
	for _, one := range list {
		text, wrong := scalar(one)
		if wrong != "" || text == "" || strings.Contains(text, ",") {
			return "", "has an entry that is not one value; want a list of single values"
		}
		texts = append(texts, text)
	}
	return strings.Join(texts, ","), ""
}

// value is what a setting was given, or its standard text. Viper reads the file only: it would take the flag listen for a
// hint that no listen.trusted_proxies can be below it. A block below the name of a setting says nothing of that setting.
func (l *loader) value(name string) any {
	flag := l.fs.Lookup(flagName(name))
	switch env := os.Getenv(envName(name)); {
	case flag.Changed:
		return flag.Value.String()
	case env != "":
		return env
	}
	value := l.v.Get(name)
	if _, block := value.(map[string]any); value == nil || block && hasBelow(name) {
		return flag.DefValue
	}
	return value
}

// hasBelow reports whether there are settings below the name of one.
func hasBelow(name string) bool {
	return slices.ContainsFunc(settings, func(s setting) bool { return strings.HasPrefix(s.name, name+".") })
}

// scalar is the text of what YAML may hold. A number or a truth value is read as its text, so that the setting's own check
// can say what it wants instead.
func scalar(value any) (text, wrong string) {
	switch v := value.(type) {
	case nil:
		return "", ""
	case string:
		return v, ""
	case map[string]any, []any:
		return "", "is a list or a block; want one value"
	default:
		return fmt.Sprint(v), ""
	}
}

func (l *loader) takeSecretKey(c *Config) {
	key, set := os.LookupEnv(secretKeyEnv)
	if !set || l.fs.Changed(flagName("secret_key_file")) {
		return // a flag beats the environment
	}
	switch {
	case os.Getenv(envName("secret_key_file")) != "":
		l.wrong("secret_key_file", secretKeyEnv, "is set beside %s; want one of them", envName("secret_key_file"))
	default:
		c.SecretKey, c.SecretKeyFile, c.SecretKeyEmpty = push.Secret(key), "", strings.TrimSpace(key) == ""
	}
}

// checkTogether is for settings that make sense in company only.
func (l *loader) checkTogether(c *Config) {
	if (c.TLSCert == "") == (c.TLSKey == "") {
		return
	}
	given, missing := "tls_cert", "tls_key"
	if c.TLSCert == "" {
		given, missing = missing, given
	}
	l.wrong(missing, l.from(given), "is missing, but %s is given; want both, or neither for plain HTTP", given)
}

func flagName(name string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(name) }

func envName(name string) string {
	return "HUSH_" + strings.ToUpper(strings.ReplaceAll(name, ".", "_"))
}

// nearestSetting is the setting that a misspelt key probably means; "" if none is near.
func nearestSetting(key string) string {
	spelt := make([]string, len(settings)) // as flags: a key may have dots, dashes and underscores confused
	for i, s := range settings {
		spelt[i] = flagName(s.name)
	}
	if i := slices.Index(spelt, nearest.Of(flagName(key), spelt)); i >= 0 {
		return settings[i].name
	}
	return ""
}
