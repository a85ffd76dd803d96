//go:build unix

package internal_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// standIn replaces a command that a test cannot run unchanged.
type standIn struct {
	command *regexp.Regexp
	instead string // $CHECKOUT is this tree, $ROOT stands for /
	why     string
}

// standIns are applied one after the other. Keep the list short: the pages themselves use simulators in place of accounts. An
// entry that matches no page any more fails the test.
var standIns = []standIn{
	{regexp.MustCompile(`\bgo install github\.com/hushpush/hush/(\S+)@latest`), `go -C "$$CHECKOUT" install ./$1`,
		"a test has no module proxy; it installs the same command from this tree"},
	{regexp.MustCompile(`(?m)^make (demo|test|check)\b`), `make -n $1`,
		"they take minutes, and the test's own run is in one of them; -n sees that the target is there"},
	{regexp.MustCompile(`(?m)^go test (\./internal/delivery)$`), `go vet $1`,
		"make test runs those tests already"},

	// Installing, as on a machine with systemd and Docker.
	{regexp.MustCompile(`(?m)^sha256sum --check .*checksums\.txt$`), `mkdir hush_0.0.0_linux_amd64
cp "$$(command -v hush)" hush_0.0.0_linux_amd64
tar -czf hush_0.0.0_linux_amd64.tar.gz hush_0.0.0_linux_amd64
sha256sum hush_*_linux_amd64.tar.gz >checksums.txt
$0`, "make release takes minutes; the archive that a reader has downloaded is made with the same name and folder"},
	{regexp.MustCompile(`(?m)^sudo (useradd .*|systemctl daemon-reload)$`), `: '$1'`, "needs root, and systemd"},
	{regexp.MustCompile(`(?m)^sudo systemctl enable --now hush$`), `mkfifo unit.ready
HUSH_DATA=/var/lib/hush hush serve --config /etc/hush/hush.yaml --tls-cert /etc/hush/cert.pem --tls-key /etc/hush/key.pem \
  --metrics-listen 127.0.0.1:0 --log-format text >unit.ready 2>unit.log & unit=$$!
head -n 1 unit.ready | grep ready || cat unit.log
if grep level=WARN unit.log; then false; fi
export HUSH_SERVER=https://$$HUSH_LISTEN HUSH_CA=cert.pem HUSH_KEY=$$(cat /var/lib/hush/root.key)
hush app put notes`, "needs systemd (make deploy-check looks at the unit); the server that the unit runs is started with the settings that were installed"},
	{regexp.MustCompile(`(?m)^journalctl -u hush -f$`), `cat unit.log`, "needs systemd, and has no end"},
	{regexp.MustCompile(`(?m)^docker .*$`), `: '$0'`, "a test has no Docker"},
	{regexp.MustCompile(`(?m)^sqlite3 (\S+) "\.backup \S+"$`), `test -s $1`, "SQLite's own command is no part of Hush; its file is where the page says"},
	{regexp.MustCompile(`\bsudo install\b((?: -d| -m \d+)*)(?: -o hush)?(?: -g hush)?`), `install$1`, "needs root, and the group"},
	{regexp.MustCompile(`(?m)([ =]|^)/(usr/local/bin|etc/hush|etc/systemd|var/lib|var/backups)\b`), `$1"$$ROOT"/$2`, "a test writes nowhere but in directories of its own"},
}

// epilogues stop what a stand-in has started in place of a page's own command.
var epilogues = map[string]string{"docs/operations.md": "kill $unit"}

// inClone are the pages for readers who have cloned the repository: they are pasted at its top.
var inClone = map[string]bool{"CONTRIBUTING.md": true, "examples/notes/README.md": true, "docs/operations.md": true}

// pasteWait bounds the pasting of one page, on a machine that is busy with other tests.
const pasteWait = 10 * time.Minute

// shells lists the shells in which blocks must work. bash must be installed; the others are tried if they are.
var shells = []string{"bash", "dash", "zsh"}

func TestTheDocsShellBlocksDoWhatTheySay(t *testing.T) {
	t.Parallel()
	for _, page := range pages(t) {
		blocks := blocksOf(t, page)
		if len(in("sh", blocks)) == 0 {
			continue
		}
		for _, shell := range shells {
			if _, err := exec.LookPath(shell); err != nil && shell != "bash" {
				continue
			}
			t.Run(page+" in "+shell, func(t *testing.T) {
				t.Parallel()
				transcript := newBed(t, blocks).paste(t, shell, page, blocks)
				if page == "README.md" && !strings.Contains(transcript, "handled on 1 of 1") {
					t.Errorf("README.md does not come to a push that a phone has handled:\n%s", transcript)
				}
			})
		}
	}
}

func TestEveryStandInStandsForSomething(t *testing.T) {
	t.Parallel()
	var all strings.Builder
	for _, page := range pages(t) {
		for _, b := range blocksOf(t, page) {
			all.WriteString(b.text)
		}
	}
	for _, s := range standIns {
		if !s.command.MatchString(all.String()) {
			t.Errorf("no block has %s any more; take it off the list of stand-ins", s.command)
		}
	}
	for page := range inClone {
		if _, err := os.Stat(filepath.Join(checkout, page)); err != nil {
			t.Errorf("inClone names %s: %v", page, err)
		}
	}
}

// paste feeds the page's shell blocks to a shell as a terminal would, line by line on its standard input, and runs the page's
// Go programs at the end, while what the page has started still runs. It fails the test at the first command that fails, and
// if the page leaves something running.
func (b *bed) paste(t *testing.T, shell, page string, blocks []block) string {
	t.Helper()
	return b.run(t, shell, b.script(t, blocks), page)
}

// script returns the input of the shell: the blocks, each announced by its place on the page. Every section begins in the
// page's directory, since a reader may begin there; variables and servers are kept from one section to the next.
func (b *bed) script(t *testing.T, blocks []block) string {
	t.Helper()
	var script strings.Builder
	programs := b.programs(t, blocks)
	run := func() {
		for _, p := range programs {
			fmt.Fprintf(&script, "echo '=== %s, the program'\n%q\n", p.block, p.path)
		}
		programs = nil
	}
	section := ""
	for _, block := range in("sh", blocks) {
		if block.section != section {
			section = block.section
			fmt.Fprintf(&script, "cd %q\n", b.dir)
		}
		if stops.MatchString(block.text) {
			run() // while the page's servers are there
		}
		fmt.Fprintf(&script, "echo '=== %s'\n%s", block, b.typed(block.text))
	}
	run()
	script.WriteString(epilogues[blocks[0].page] + "\necho '" + leftRunning + "'\nwait\n")
	return script.String()
}

// leftRunning is the last line of the transcript of a page that does not stop what it has started.
const leftRunning = "=== the end of the page: waiting for what it started and did not stop"

// stops matches a line that stops what the page has started.
var stops = regexp.MustCompile(`(?m)^kill `)

var (
	continued  = regexp.MustCompile(`\\\n`)
	simulator  = regexp.MustCompile(`\bhush sim (world|apns|fcm)\b`)
	foreground = regexp.MustCompile(`(?m)^((?:\w+=\S+ )*hush (?:serve|sim (?:world|apns|fcm))\b[^|&\n]*)$`)
	ends       = regexp.MustCompile(`--(help|rules)\b`)
)

// typed returns a block as it is typed on a bed: with stand-ins, with the bed's ports, and with a command that stops servers
// in the foreground, which a reader stops with Ctrl-C.
func (b *bed) typed(text string) string {
	for _, s := range standIns {
		text = s.command.ReplaceAllString(text, s.instead)
	}
	text = simulator.ReplaceAllStringFunc(b.moved(text), func(sim string) string {
		switch sim {
		case "hush sim apns":
			return sim + " --listen " + b.at("2197")
		case "hush sim fcm":
			return sim + " --listen " + b.at("2198")
		}
		return sim + " --apns-listen " + b.at("2197") + " --fcm-listen " + b.at("2198") + " --control " + b.at("2199")
	})
	if !foreground.MatchString(continued.ReplaceAllString(text, " ")) {
		return text
	}
	return foreground.ReplaceAllStringFunc(continued.ReplaceAllString(text, " "), func(server string) string {
		if ends.MatchString(server) {
			return server
		}
		return "mkfifo foreground\n" + server + " >foreground & FOREGROUND=$!\nhead -n 1 foreground | grep '^ready'\nkill $FOREGROUND\nwait $FOREGROUND\nrm foreground"
	})
}

// run runs a script to its end and returns what it printed.
func (b *bed) run(t *testing.T, shell, script, page string) string {
	t.Helper()
	out, err := os.Create(filepath.Join(t.TempDir(), "transcript"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	ctx, cancel := context.WithTimeoutCause(t.Context(), pasteWait, fmt.Errorf("it has not ended within %s", pasteWait))
	defer cancel()
	args := []string{"-e", "-s"}
	if shell != "dash" {
		args = []string{"-e", "-o", "pipefail", "-s"}
	}
	cmd := exec.CommandContext(ctx, shell, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr, cmd.Stdin = b.dir, b.env(), out, out, strings.NewReader(script)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 15 * time.Second
	if err = cmd.Start(); err != nil {
		t.Fatal(err)
	}
	err = cmd.Wait()
	// A shell that gave up leaves its servers behind. They get time to stop their phones, which are processes too.
	syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	for end := time.Now().Add(cmd.WaitDelay); syscall.Kill(-cmd.Process.Pid, 0) == nil && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	text, readErr := os.ReadFile(out.Name())
	if readErr != nil {
		t.Fatal(readErr)
	}
	transcript := string(text)
	switch {
	case err != nil && ctx.Err() != nil && strings.HasSuffix(strings.TrimSpace(transcript), leftRunning):
		t.Fatalf("%s leaves something running that it started in the background; give it a last block with \"kill $NAME\", where NAME=$! was kept. The transcript:\n%s", page, transcript)
	case err != nil && ctx.Err() != nil:
		t.Fatalf("%s, pasted into %s: %v. The transcript:\n%s%s", page, shell, context.Cause(ctx), transcript, b.logs())
	case err != nil:
		t.Fatalf("%s, pasted into %s, fails (%v) in the block that is named last; mend the page, or what it describes. The transcript:\n%s%s", page, shell, err, transcript, b.logs())
	}
	return transcript
}

// logs returns the logs that the page's servers have written.
func (b *bed) logs() string {
	var all strings.Builder
	names, _ := filepath.Glob(filepath.Join(b.dir, "*.log"))
	for _, name := range names {
		text, _ := os.ReadFile(name)
		fmt.Fprintf(&all, "\n%s:\n%s", filepath.Base(name), text)
	}
	return all.String()
}
