// Figures measures anew what a page of the documentation says of speed. Each row of its table of figures begins with a
// command, a hush bench, and gets its figures from what that command prints. Its table of where the time goes is made from a
// profile.
//
//	go run ./cmd/hush/internal/bench/figures -hush bin/hush -runs 3 docs/performance.md
//
// Of several runs it takes the one in the middle by CPU. A row with $POSTGRES stays as it is unless that variable names a
// PostgreSQL.
package main

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/cmd/hush/internal/bench"
)

const (
	beginMark = "<!-- figures -->"
	endMark   = "<!-- end of figures -->"
	heading   = "| command | a second | CPU of the server, each | per CPU-second, to `net/http` | p50 | p99 | peak memory |\n| --- | --- | --- | --- | --- | --- | --- |\n"
)

func main() {
	hush := flag.String("hush", "bin/hush", "the command to measure")
	runs := flag.Int("runs", 3, "how often each benchmark runs")
	flag.Parse()
	if flag.NArg() != 1 {
		fmt.Fprintln(os.Stderr, "figures: want one page")
		os.Exit(2)
	}
	if err := measure(flag.Arg(0), *hush, max(*runs, 1)); err != nil {
		fmt.Fprintln(os.Stderr, "figures:", err)
		os.Exit(1)
	}
}

func measure(page, hush string, runs int) error {
	path, err := filepath.Abs(hush)
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	text, err := os.ReadFile(page)
	if err != nil {
		return err
	}
	measured, err := replace(string(text), beginMark, endMark, func(table string) (string, error) {
		rows, err := measureRows(table, dir, runs)
		return rows + origin(dir, runs), err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	measured, err = replace(measured, profileBegin, profileEnd, func(string) (string, error) { return profile(dir) })
	if err != nil {
		return fmt.Errorf("%s: %w", page, err)
	}
	return os.WriteFile(page, []byte(measured), 0o644)
}

// replace replaces what stands between two marks of a page.
func replace(page, begin, end string, with func(former string) (string, error)) (string, error) {
	before, rest, ok1 := strings.Cut(page, begin)
	former, after, ok2 := strings.Cut(rest, end)
	if !ok1 || !ok2 {
		return "", fmt.Errorf("nothing stands between %s and %s", begin, end)
	}
	table, err := with(former)
	return before + begin + "\n" + table + end + after, err
}

func measureRows(table, dir string, runs int) (string, error) {
	out := heading
	for line := range strings.Lines(table) {
		if !strings.HasPrefix(line, "| `hush bench ") {
			continue
		}
		row, err := measureRow(line, dir, runs)
		if err != nil {
			return "", err
		}
		out += row
	}
	return out, nil
}

// origin says where the figures come from.
func origin(dir string, runs int) string {
	said, _ := exec.Command(filepath.Join(dir, "hush"), "version").Output()
	version, _, _ := strings.Cut(string(said), "\n")
	return fmt.Sprintf("\nMeasured on %s with %s on %d processors; runs a row: %d.\n", time.Now().Format(time.DateOnly), version, runtime.NumCPU(), runs)
}

// measureRow runs a row's command, and returns the row with what came of it.
func measureRow(row, dir string, runs int) (string, error) {
	command := strings.Split(row, "`")[1]
	if strings.Contains(command, "$POSTGRES") && os.Getenv("POSTGRES") == "" {
		return row, nil
	}
	var reports []*bench.Report
	for range runs {
		r, err := run(command, dir)
		if err != nil {
			return "", err
		}
		reports = append(reports, r)
	}
	slices.SortFunc(reports, func(a, b *bench.Report) int { return cmp.Compare(a.CPU.PerUnit, b.CPU.PerUnit) })
	return "| `" + command + "` | " + strings.Join(cells(reports[len(reports)/2]), " | ") + " |\n", nil
}

func run(command, dir string) (*bench.Report, error) {
	fmt.Fprintln(os.Stderr, command)
	cmd := exec.Command("sh", "-c", command+" --json")
	cmd.Env = append(os.Environ(), "PATH="+dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	var r bench.Report
	if err := json.Unmarshal(out, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", command, err)
	}
	if r.CPU == nil {
		return nil, fmt.Errorf("%s: this system does not tell what a process uses; want Linux", command)
	}
	return &r, nil
}

// cells returns the cells of a row, after the command.
func cells(r *bench.Report) []string {
	memory, ratio := "", ""
	switch m := r.Memory; {
	case m == nil: // there is no server
	case m.PerUnit > 0:
		memory = fmt.Sprintf("%.1f KB a %s", m.PerUnit/1e3, r.Unit)
	default:
		memory = fmt.Sprintf("%d MB", m.PeakBytes/1e6)
	}
	if r.Ratio > 0 {
		ratio = fmt.Sprintf("%.2f", r.Ratio)
	}
	p50, p99 := "", ""
	if len(r.Latencies) > 0 {
		p50, p99 = milliseconds(r.Latencies[0].P50MS), milliseconds(r.Latencies[0].P99MS)
	}
	each := time.Duration(r.CPU.PerUnit * float64(time.Second)).Round(time.Microsecond)
	perSecond := fmt.Sprintf("%.0f", r.PerSecond)
	if r.Missing > 0 {
		perSecond += fmt.Sprintf(", %d missing", r.Missing)
	}
	return []string{perSecond, each.String(), ratio, p50, p99, memory}
}

func milliseconds(ms float64) string {
	if ms >= 1_000 {
		return fmt.Sprintf("%.3g s", ms/1_000)
	}
	return fmt.Sprintf("%.3g ms", ms)
}
