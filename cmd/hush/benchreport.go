package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/cmd/hush/internal/bench"
	"github.com/hushpush/hush/internal/terminal"
)

// printReport draws what a benchmark measured, in 80 columns.
func printReport(to io.Writer, s terminal.Style, r *bench.Report) {
	where := r.Load
	if r.Database != "" {
		where += ", " + r.Database
	}
	fmt.Fprintf(to, "%s: %s\n\n", s.Bold(r.Bench), where)
	for _, line := range terminal.Columns(reportLines(r), nil) {
		fmt.Fprintf(to, "  %s\n", line)
	}
	if r.Missing > 0 {
		fmt.Fprintf(to, "  %s\n", s.Bad(fmt.Sprintf("%s are missing", counted(r.Missing, r.Unit))))
	}
	if r.CPU == nil {
		fmt.Fprintln(to, "  CPU and memory of another process are measured on Linux only.")
	}
	for _, l := range r.Latencies {
		printLatency(to, s, l)
	}
	if y := r.Yardstick; y != nil && r.Bench == "wire" {
		l := y.Latency
		l.Name = y.Name + ": " + l.Name
		printLatency(to, s, l)
	}
}

// reportLines returns rows of a name and what belongs to it.
func reportLines(r *bench.Report) (lines [][]string) {
	add := func(name, format string, args ...any) {
		lines = append(lines, []string{name, fmt.Sprintf(format, args...)})
	}
	add("done", "%s of %s in %.2f s", thousands(r.Done), counted(r.Asked, r.Unit), r.Seconds)
	if r.Requests != r.Asked {
		add("requests", "%s", thousands(r.Requests))
	}
	add("throughput", "%s a second", counted(int(r.PerSecond), r.Unit))
	if r.CPU != nil {
		add("CPU", "%s a %s, %s per CPU-second", duration(r.CPU.PerUnit), r.Unit, counted(int(r.CPU.UnitsPerCPUS), r.Unit))
	}
	if y := r.Yardstick; y != nil && y.CPU != nil {
		add(y.Name, "%s a request, %s per CPU-second", duration(y.CPU.PerUnit), counted(int(y.CPU.UnitsPerCPUS), "request"))
		add("ratio", "%.2f of what %s does with a CPU-second in the same run", r.Ratio, y.Name)
	}
	if m := r.Memory; m != nil {
		add("memory", "peak %s; %s before, %s after", megabytes(m.PeakBytes), megabytes(m.BeforeBytes), megabytes(m.AfterBytes))
		if m.PerUnit != 0 {
			add("", "%.1f KB a %s", m.PerUnit/1_000, r.Unit)
		}
	}
	return lines
}

// barCells is how long the longest bar is.
const barCells = 40

// printLatency draws a distribution; of one value there is none.
func printLatency(to io.Writer, s terminal.Style, l bench.Latency) {
	fmt.Fprintf(to, "\n%s", s.Bold(l.Name))
	if l.Count < 2 {
		fmt.Fprintf(to, "  %s\n", milliseconds(l.MaxMS))
		return
	}
	fmt.Fprintf(to, "  p50 %s, p90 %s, p99 %s, max %s\n", milliseconds(l.P50MS), milliseconds(l.P90MS), milliseconds(l.P99MS), milliseconds(l.MaxMS))
	most := int64(1)
	for _, b := range l.Distribution {
		most = max(most, b.Count)
	}
	for _, b := range l.Distribution {
		share := 100 * float64(b.Count) / float64(l.Count)
		fmt.Fprintf(to, "  %s %s %10s %5.1f %%\n", s.Faint(fmt.Sprintf("%9s", milliseconds(b.UpToMS))), s.Good(bar(b.Count, most)), thousands(int(b.Count)), share)
	}
}

// bar draws a count in eighths of a cell, padded to barCells. A count above 0 is never invisible.
func bar(count, most int64) string {
	eighths := int(count * barCells * 8 / most)
	if count > 0 {
		eighths = max(eighths, 1)
	}
	text := strings.Repeat("█", eighths/8)
	if rest := eighths % 8; rest > 0 {
		text += string([]rune("▏▎▍▌▋▊▉")[rest-1])
	}
	return text + strings.Repeat(" ", barCells-(eighths+7)/8)
}

// counted returns a number with its unit in the singular or plural.
func counted(n int, unit string) string {
	switch {
	case n == 1:
	case strings.HasSuffix(unit, "sh"):
		unit += "es"
	case strings.HasSuffix(unit, "y"):
		unit = strings.TrimSuffix(unit, "y") + "ies"
	default:
		unit += "s"
	}
	return thousands(n) + " " + unit
}

// thousands writes a number in groups of three digits.
func thousands(n int) string {
	digits := strconv.Itoa(n)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// milliseconds returns a time with three digits.
func milliseconds(ms float64) string {
	if ms >= 1_000 {
		return strconv.FormatFloat(ms/1_000, 'g', 3, 64) + " s"
	}
	return strconv.FormatFloat(ms, 'g', 3, 64) + " ms"
}

// duration returns a short time in seconds, with three digits.
func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(100 * time.Nanosecond).String()
}

func megabytes(n int64) string { return fmt.Sprintf("%.1f MB", float64(n)/1e6) }
