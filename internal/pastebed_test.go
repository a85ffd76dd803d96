package internal_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
)

// bench is shared by all pages: the command as "make build" makes it, and a repository of the working tree.
type bench struct {
	bin    string // a directory with hush in it
	origin string // a git repository with what is tracked here, and what would be
	goEnv  []string
}

var (
	benchOnce sync.Once
	benchDir  string // removed by TestMain
	theBench  bench
	errBench  error
)

func TestMain(m *testing.M) {
	code := m.Run()
	if benchDir != "" {
		os.RemoveAll(benchDir)
	}
	os.Exit(code)
}

func newBench(t *testing.T) bench {
	t.Helper()
	if testing.Short() {
		t.Skip("pasting builds the command and runs servers")
	}
	benchOnce.Do(func() { errBench = theBench.build() })
	if errBench != nil {
		t.Fatal(errBench)
	}
	return theBench
}

func (b *bench) build() (err error) {
	if benchDir, err = os.MkdirTemp("", "hush-paste-"); err != nil {
		return err
	}
	b.bin, b.origin = filepath.Join(benchDir, "bin"), filepath.Join(benchDir, "origin")
	out, err := command(checkout, nil, "go", "env", "GOCACHE", "GOMODCACHE")
	if err != nil {
		return err
	}
	caches := strings.Fields(out)
	b.goEnv = []string{"GOCACHE=" + caches[0], "GOMODCACHE=" + caches[1], "GOPROXY=off", "GOTOOLCHAIN=local", "GOWORK=off"}
	if _, err := command(checkout, []string{"CGO_ENABLED=0"}, "go", "build", "-trimpath", "-buildvcs=false", "-o", filepath.Join(b.bin, "hush"), "./cmd/hush"); err != nil {
		return err
	}
	return b.copyTree()
}

// copyTree makes the repository that "git clone" finds: the working tree, whether or not it is committed.
func (b *bench) copyTree() error {
	files, err := command(checkout, nil, "git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
	if err != nil {
		return fmt.Errorf("%w (the docs' blocks are pasted in a clone: the tests need a git checkout)", err)
	}
	for _, name := range strings.Split(strings.Trim(files, "\x00"), "\x00") {
		from, to := filepath.Join(checkout, name), filepath.Join(b.origin, name)
		info, err := os.Stat(from)
		if err != nil {
			continue // deleted, and not committed yet
		}
		content, err := os.ReadFile(from)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(to), 0o755))
		if err = errors.Join(err, os.WriteFile(to, content, info.Mode().Perm())); err != nil {
			return err
		}
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "-A"}, {"-c", "user.name=paste", "-c", "user.email=paste@example.com", "commit", "-q", "-m", "the tree"},
	} {
		if _, err := command(b.origin, []string{"GIT_CONFIG_GLOBAL=/dev/null"}, "git", args...); err != nil {
			return err
		}
	}
	return nil
}

// command runs a program and returns its standard output; an error has all of its output.
func command(dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	var out, complaint bytes.Buffer
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, append(os.Environ(), env...), &out, &complaint
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("%s %s: %w\n%s%s", name, strings.Join(args, " "), err, &out, &complaint)
	}
	return out.String(), nil
}

// bed is the environment in which a page is pasted: a fresh directory, an empty HOME, the command on PATH, and ports of its
// own in place of those that the page names.
type bed struct {
	dir   string // the fresh directory
	root  string // stands for /, where a page installs something
	home  string
	ports map[string]int // by the port as the page has it
	bench bench
}

// defaultPorts lists the ports that commands use by default: serve, and the providers and the control API of the simulators.
// TestThePortsThatAreMovedAreTheDefaults checks them.
var defaultPorts = []string{"8080", "2197", "2198", "2199"}

// local matches a port of this machine in the text of a block.
var local = regexp.MustCompile(`\b(127\.0\.0\.1|localhost|0\.0\.0\.0):(\d{2,5})\b`)

func newBed(t *testing.T, blocks []block) *bed {
	t.Helper()
	b := &bed{bench: newBench(t), dir: filepath.Join(t.TempDir(), "fresh"), root: t.TempDir(), home: t.TempDir(), ports: map[string]int{}}
	if err := b.lay(blocks[0].page); err != nil {
		t.Fatal(err)
	}
	for _, port := range defaultPorts {
		b.ports[port] = freePort(t)
	}
	for _, block := range blocks {
		for _, m := range local.FindAllStringSubmatch(block.text, -1) {
			if b.ports[m[2]] == 0 {
				b.ports[m[2]] = freePort(t)
			}
		}
	}
	for name, make := range brought {
		for _, block := range blocks {
			if regexp.MustCompile(`(^|[ =])` + regexp.QuoteMeta(name) + `\b`).MatchString(block.text) {
				content, err := make()
				if err = errors.Join(err, os.WriteFile(filepath.Join(b.dir, name), content, 0o600)); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	return b
}

// lay makes the directories: the page's own, which is a clone if the page is for readers who have one, and those that every
// Linux system has.
func (b *bed) lay(page string) error {
	for _, dir := range []string{"usr/local/bin", "etc/systemd/system", "var/lib", "var/backups"} {
		if err := os.MkdirAll(filepath.Join(b.root, dir), 0o755); err != nil {
			return err
		}
	}
	if !inClone[page] {
		return os.Mkdir(b.dir, 0o755)
	}
	_, err := command(b.root, nil, "git", "clone", "-q", b.bench.origin, b.dir)
	return err
}

// freePort returns a free port, below the range from which systems pick ports.
func freePort(t *testing.T) int {
	t.Helper()
	for range 100 {
		port := 20_000 + rand.IntN(12_000)
		if l, err := net.Listen("tcp", "127.0.0.1:"+strconv.Itoa(port)); err == nil {
			l.Close()
			return port
		}
	}
	t.Fatal("no free port in 100 tries")
	return 0
}

// brought has the files that a reader has from elsewhere, in the form that Apple and Google give them. If a page's blocks
// name one, it is in the page's directory.
var brought = map[string]func() ([]byte, error){
	"AuthKey_ABC1234567.p8": func() ([]byte, error) {
		apns, err := apnstest.Start(apnstest.Config{Listen: "127.0.0.1:0"})
		if err != nil {
			return nil, err
		}
		defer apns.Close()
		return apns.Key().PEM, nil
	},
	"service-account.json": func() ([]byte, error) {
		fcm, err := fcmtest.Start(fcmtest.Config{Listen: "127.0.0.1:0"})
		if err != nil {
			return nil, err
		}
		defer fcm.Close()
		var account map[string]any
		if err := json.Unmarshal([]byte(fcm.ServiceAccountJSON()), &account); err != nil {
			return nil, err
		}
		account["token_uri"] = "https://oauth2.googleapis.com/token"
		return json.Marshal(account)
	},
	"cert.pem": func() ([]byte, error) {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: serverCertificate().Certificate[0]}), nil
	},
	"key.pem": func() ([]byte, error) {
		key, err := x509.MarshalPKCS8PrivateKey(serverCertificate().PrivateKey)
		return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}), err
	},
}

// serverCertificate returns a self-signed certificate for 127.0.0.1.
func serverCertificate() tls.Certificate {
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return s.TLS.Certificates[0]
}

// moved returns a text with the bed's ports in place of the default ones.
func (b *bed) moved(text string) string {
	return local.ReplaceAllStringFunc(text, func(address string) string {
		host, port, _ := strings.Cut(address, ":")
		return fmt.Sprint(host, ":", b.ports[port])
	})
}

func (b *bed) at(port string) string { return fmt.Sprint("127.0.0.1:", b.ports[port]) }

// env returns the complete environment.
func (b *bed) env() []string {
	goBin, err := exec.LookPath("go")
	path := b.bench.bin + ":" + os.Getenv("PATH")
	if err == nil {
		path += ":" + filepath.Dir(goBin)
	}
	top, _ := filepath.Abs(checkout)
	return append([]string{
		"PATH=" + path, "HOME=" + b.home, "TMPDIR=" + os.TempDir(), "LANG=C.UTF-8",
		"CHECKOUT=" + top, "ROOT=" + b.root, "GOFLAGS=-trimpath",
		"HUSH_LISTEN=" + b.at("8080"), "HUSH_SERVER=http://" + b.at("8080"),
		"GIT_PROGRESS_DELAY=3600", "GIT_CONFIG_COUNT=2", "GIT_CONFIG_KEY_0=url." + b.bench.origin + ".insteadOf", "GIT_CONFIG_VALUE_0=https://github.com/hushpush/hush",
		"GIT_CONFIG_KEY_1=safe.directory", "GIT_CONFIG_VALUE_1=*",
	}, b.bench.goEnv...)
}

func TestThePortsThatAreMovedAreTheDefaults(t *testing.T) {
	t.Parallel()
	hush := filepath.Join(newBench(t).bin, "hush")
	for _, help := range []struct {
		args  []string
		ports []string
	}{
		{[]string{"serve", "--help"}, defaultPorts[:1]},
		{[]string{"push", "--help"}, defaultPorts[:1]},
		{[]string{"sim", "world", "--help"}, defaultPorts[1:]},
	} {
		out, err := command(t.TempDir(), nil, hush, help.args...)
		if err != nil {
			t.Error(err)
		}
		for _, port := range help.ports {
			if !strings.Contains(out, "127.0.0.1:"+port) {
				t.Errorf("hush %s does not name port %s; want in defaultPorts what it listens on", strings.Join(help.args, " "), port)
			}
		}
	}
}
