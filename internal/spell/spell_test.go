package spell_test

import (
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hushpush/hush/internal/spell"
)

// Each second of a story is a letter: h a hit, w well, . nothing; Tick is called every second. (n) repeats the letter before
// it n times.
func TestWhatTheLogHearsOfASpell(t *testing.T) {
	t.Parallel()
	const minute = 60
	for name, c := range map[string]struct {
		story func() string
		want  []string // second and line
	}{
		"one that lasts": {
			func() string { return strings.Repeat("h", 2*minute+30) + "w" },
			[]string{"0 begun 1", "60 goes 61", "120 goes 121", "150 ended 150 for 2m30s"},
		},
		"one of a moment": {func() string { return "hw" }, []string{"0 begun 1", "1 ended 1 for 1s"}},
		"one that lasts without another hit": {
			func() string { return "h" + strings.Repeat(".", 10*minute) + "w" },
			[]string{"0 begun 1", "601 ended 1 for 10m1s"},
		},
		"one that comes and goes": {
			func() string { return strings.Repeat("hw", minute) + strings.Repeat(".", 5*minute) },
			[]string{"0 begun 1", "1 ended 1 for 1s", "61 goes 30", "121 goes 59", "181 ended 59 for 1m57s"},
		},
		"one that comes back later": {
			func() string { return "hw" + strings.Repeat(".", minute) + "hw" },
			[]string{"0 begun 1", "1 ended 1 for 1s", "62 begun 1", "63 ended 1 for 1s"},
		},
		"one that comes back soon and stays away": {
			func() string { return "hwhw" + strings.Repeat(".", 3*minute) },
			[]string{"0 begun 1", "1 ended 1 for 1s", "61 goes 1", "121 ended 1 for 1s"},
		},
		"being well is no news": {func() string { return "www" }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var s spell.Spell
			var got []string
			start := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
			for i, what := range c.story() {
				now := start.Add(time.Duration(i) * time.Second)
				line := spell.None
				switch what {
				case 'h':
					line = s.Hit(now)
				case 'w':
					line = s.Well(now)
				}
				got = note(got, i, line, s, now)
				got = note(got, i, s.Tick(now), s, now)
			}
			if strings.Join(got, "; ") != strings.Join(c.want, "; ") {
				t.Errorf("got  %q\nwant %q", got, c.want)
			}
		})
	}
}

func note(got []string, second int, l spell.Line, s spell.Spell, now time.Time) []string {
	words := map[spell.Line]string{spell.Begun: " begun ", spell.Goes: " goes ", spell.Ended: " ended "}
	if l == spell.None {
		return got
	}
	line := strconv.Itoa(second) + words[l] + strconv.Itoa(s.Count)
	if l == spell.Ended {
		line += " for " + s.For(now).String()
	}
	return append(got, line)
}

func TestASpellThatNobodyEndsFades(t *testing.T) {
	t.Parallel()
	var s spell.Spell
	start := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	s.Hit(start)
	s.Hit(start.Add(10 * time.Second))
	for after, want := range map[int]spell.Line{30: spell.None, 59: spell.None} {
		if got := s.Faded(start.Add(time.Duration(after) * time.Second)); got != want {
			t.Errorf("after %d s: %v, want %v", after, got, want)
		}
	}
	if got := s.Faded(start.Add(70 * time.Second)); got != spell.None {
		t.Errorf("faded with a hit that the log does not have: %v", got)
	}
	if got := s.Tick(start.Add(70 * time.Second)); got != spell.Goes || s.Count != 2 {
		t.Errorf("after a minute: %v of %d, want that it goes on, with 2", got, s.Count)
	}
	now := start.Add(130 * time.Second)
	if got := s.Faded(now); got != spell.Ended || s.For(now) != 10*time.Second || s.Lasts() {
		t.Errorf("after two: %v for %s, want the end after 10s", got, s.For(now))
	}
	if got := s.Hit(now.Add(2 * time.Minute)); got != spell.Begun {
		t.Errorf("another one: %v, want that it begins", got)
	}
}
