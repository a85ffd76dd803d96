package main

import (
	"bytes"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/hushpush/hush/cmd/hush/internal/bench"
	"github.com/hushpush/hush/internal/store/pgtest"
	"github.com/hushpush/hush/internal/terminal"
)

// measured runs a benchmark as a process of its own, with a directory for what it writes, and returns what it printed as
// JSON. Nothing is to be left.
func measured(t *testing.T, args ...string) bench.Report {
	t.Helper()
	temp := t.TempDir()
	cmd := benchCommand(t, temp, append(args, "--json")...)
	var errout strings.Builder
	cmd.Stderr = &errout
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("hush bench %q: %v\n%s", args, err, errout.String())
	}
	var r bench.Report
	d := json.NewDecoder(strings.NewReader(string(out)))
	d.DisallowUnknownFields()
	if err := d.Decode(&r); err != nil || d.More() {
		t.Fatalf("hush bench %q printed %s, %v; want one report", args, out, err)
	}
	checkNothingLeft(t, temp)
	return r
}

// benchCommand returns a benchmark that has not been started. Settings of the environment must not reach the server that it measures.
func benchCommand(t *testing.T, temp string, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, append([]string{"bench"}, args...)...)
	cmd.Env = append(os.Environ(), asHush+"=1", "TMPDIR="+temp, "HUSH_LISTEN=nowhere", "HUSH_LIMITS_KEY_RATE=1")
	return cmd
}

func checkNothingLeft(t *testing.T, temp string) {
	t.Helper()
	if left, err := os.ReadDir(temp); err != nil || len(left) > 0 {
		t.Errorf("the benchmark left %v, %v", left, err)
	}
	if left := processesIn(t, temp); len(left) > 0 {
		t.Errorf("the benchmark left processes: %v", left)
	}
}

// checkReport checks what follows from what.
func checkReport(t *testing.T, r bench.Report, asked, latencies int) {
	t.Helper()
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got-want) > 1e-6*math.Abs(want) || math.IsNaN(got) {
			t.Errorf("%s: %g, want %g", what, got, want)
		}
	}
	if r.Asked != r.Done+r.Missing || r.Missing != 0 || r.Done < 1 || asked > 0 && r.Asked != asked {
		t.Errorf("asked %d, done %d, missing %d; want all done, of %d (0: any)", r.Asked, r.Done, r.Missing, asked)
	}
	near("done by rate", r.PerSecond*r.Seconds, float64(r.Done))
	for _, l := range r.Latencies {
		checkLatency(t, l)
	}
	if len(r.Latencies) != latencies {
		t.Errorf("%d latencies, want %d", len(r.Latencies), latencies)
	}
	if runtime.GOOS != "linux" {
		return
	}
	if r.CPU == nil || r.CPU.Seconds <= 0 {
		t.Fatalf("the CPU is %+v; want what was used", r.CPU)
	}
	near("CPU", r.CPU.PerUnit*float64(r.Done), r.CPU.Seconds)
	near("CPU, the other way round", r.CPU.UnitsPerCPUS*r.CPU.Seconds, float64(r.Done))
	if m := r.Memory; m != nil && (m.PeakBytes < m.AfterBytes || m.PeakBytes < m.BeforeBytes || m.BeforeBytes <= 0) {
		t.Errorf("the memory is %+v; want a peak that is one", m)
	}
	if y := r.Yardstick; y != nil {
		checkLatency(t, y.Latency)
		near("ratio", r.Ratio*y.CPU.UnitsPerCPUS, r.CPU.UnitsPerCPUS)
		near("yardstick by rate", y.PerSecond*y.Seconds, float64(y.Done))
	}
}

func checkLatency(t *testing.T, l bench.Latency) {
	t.Helper()
	sum, last := int64(0), 0.0
	for _, b := range l.Distribution {
		if b.UpToMS <= last {
			t.Errorf("%s: a bar up to %g ms follows one up to %g", l.Name, b.UpToMS, last)
		}
		sum, last = sum+b.Count, b.UpToMS
	}
	if sum != l.Count || l.Count == 0 || l.P50MS > l.P90MS || l.P90MS > l.P99MS || l.P99MS > l.MaxMS {
		t.Errorf("%+v: its bars make up %d; want its count, and percentiles that rise", l, sum)
	}
}

func TestEachBenchmarkReportsWhatAddsUp(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		args            string
		unit            string
		asked           int // 0: as many as came in the time
		latencies       int
		yardstick, disk bool
	}{
		{"push --devices 40 --concurrency 4 --duration 1m", "push", 40, 2, true, true},
		{"push --devices 50 --users 20 --duration 1m", "push", 50, 2, true, true},
		{"push --devices 50 --batch 20 --duration 1m", "push", 50, 2, true, true},
		{"store --devices 40 --duration 1m", "push", 40, 1, false, true},
		{"online --devices 5 --rate 50 --duration 500ms", "push", 25, 2, false, true},
		{"sessions --devices 20 --duration 100ms", "session", 20, 1, false, true},
		{"broadcast --devices 1200", "delivery", 1200, 2, false, true},
		{"wire --duration 300ms --concurrency 20", "request", 0, 1, true, false},
	} {
		t.Run(test.args, func(t *testing.T) {
			t.Parallel()
			r := measured(t, strings.Fields(test.args)...)
			checkReport(t, r, test.asked, test.latencies)
			if r.Unit != test.unit || (r.Yardstick != nil) != test.yardstick || (r.Database == "sqlite") != test.disk {
				t.Errorf("unit %q, yardstick %v, database %q; want unit %q, a yardstick %v, SQLite %v", r.Unit, r.Yardstick, r.Database, test.unit, test.yardstick, test.disk)
			}
		})
	}
}

func TestABenchmarkOnPostgreSQLLeavesNoDatabase(t *testing.T) {
	t.Parallel()
	url := pgtest.URL(t)
	r := measured(t, "push", "--devices", "30", "--duration", "1m", "--database-url", url)
	checkReport(t, r, 30, 2)
	if r.Database != "postgres" {
		t.Errorf("the database is %q, want postgres", r.Database)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	var left int
	if err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_database WHERE datname LIKE 'hush\_bench\_%'`).Scan(&left); err != nil || left != 0 {
		t.Errorf("%d databases are left, %v", left, err)
	}
}

func TestABenchmarkProfilesTheServer(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cpu.out")
	measured(t, "store", "--devices", "20", "--duration", "1m", "--cpu-profile", file)
	raw, err := os.ReadFile(file)
	if gzip := []byte{0x1f, 0x8b}; err != nil || !bytes.HasPrefix(raw, gzip) {
		t.Errorf("the profile is %.20q, %v; want one, which is compressed", raw, err)
	}
}

func TestThePageOnPerformanceNamesCommandsThatThereAre(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../docs/performance.md")
	if err != nil {
		t.Fatal(err)
	}
	commands := regexp.MustCompile("`hush (bench [^`]*)`").FindAllSubmatch(page, -1)
	if len(commands) < 6 {
		t.Errorf("the page names %d benchmarks; want one of each kind", len(commands))
	}
	for _, found := range commands {
		args := strings.Fields(string(found[1]))
		cmd, rest, err := newRoot(world{getenv: func(string) string { return "" }}, args).Find(args)
		if err == nil {
			err = cmd.ParseFlags(rest)
		}
		if err != nil || cmd.HasSubCommands() {
			t.Errorf("hush %s: %v; want a benchmark", found[1], err)
		}
	}
}

func TestABenchmarkRefusesWhatItCannotMeasure(t *testing.T) {
	t.Parallel()
	for args, says := range map[string]string{
		"push --duration 0s":                   "--duration",
		"push --devices 0":                     "--devices",
		"push --concurrency 0":                 "--concurrency",
		"push --users 1001":                    "--users",
		"push --batch -1":                      "--batch",
		"push --users 2 --batch 2":             "--users and --batch",
		"online --rate -1":                     "--rate",
		"store --database-url mysql://x:pw@h/": "--database-url",
		"wire --database-url postgres://h/":    "--database-url",
		"speed":                                "speed",
		"":                                     "push, sessions, store, wire",
	} {
		got := hush(t, nil, "", append([]string{"bench"}, strings.Fields(args)...)...)
		if got.code != exitUsage || got.out != "" || !strings.Contains(got.errout, says) || strings.Contains(got.errout, "pw") {
			t.Errorf("hush bench %s: exit %d, printed %q, said %q; want 2, nothing, and %q without a password", args, got.code, got.out, got.errout, says)
		}
	}
}

func TestAReportFitsEightyColumns(t *testing.T) {
	t.Parallel()
	latency := bench.Latency{Name: "request to wake at APNs", Count: 123_456_789, P50MS: 1_234.5, P90MS: 12_345, P99MS: 23_456, MaxMS: 59_999}
	for upTo := 0.01; upTo < 100_000; upTo *= 10 {
		latency.Distribution = append(latency.Distribution, bench.Bar{UpToMS: upTo, Count: int64(1_000_000 * upTo)})
	}
	cpu := &bench.CPU{Seconds: 1, PerUnit: 0.0012345678, UnitsPerCPUS: 12_345_678}
	r := &bench.Report{
		Bench: "push", Load: "a batch of 1000 pushes a request, 32 at a time", Database: "postgres", Unit: "delivery",
		Requests: 12_345_678, Asked: 12_345_678, Done: 12_345_670, Missing: 8, Seconds: 1_234.5, PerSecond: 12_345_678,
		CPU: cpu, Memory: &bench.Memory{BeforeBytes: 1e10, AfterBytes: 1e10, PeakBytes: 1e10, PerUnit: 123_456},
		Yardstick: &bench.Yardstick{Name: "net/http", CPU: cpu}, Ratio: 1.23, Latencies: []bench.Latency{latency},
	}
	var out strings.Builder
	printReport(&out, terminal.Style{}, r)
	for line := range strings.Lines(out.String()) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > helpWidth {
			t.Errorf("%d columns, want at most %d:\n%s", n, helpWidth, line)
		}
	}
	for _, want := range []string{"12 345 670 of 12 345 678 deliveries", "8 deliveries are missing", "1.23 of what net/http does", "p99 23.5 s", "123.5 KB a delivery", strings.Repeat("█", barCells)} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the report lacks %q:\n%s", want, out.String())
		}
	}
}

func TestABarIsAsLongAsItsShare(t *testing.T) {
	t.Parallel()
	for count, want := range map[int64]string{0: "", 1: "▏", 500: strings.Repeat("█", barCells/2), 1_000: strings.Repeat("█", barCells)} {
		got := bar(count, 1_000)
		if strings.TrimRight(got, " ") != want || utf8.RuneCountInString(got) != barCells {
			t.Errorf("%d of 1000 is %q, want %q in %d cells", count, got, want, barCells)
		}
	}
	if got := []string{thousands(7), thousands(1_000), thousands(1_234_567)}; !slices.Equal(got, []string{"7", "1 000", "1 234 567"}) {
		t.Errorf("numbers are %q", got)
	}
}
