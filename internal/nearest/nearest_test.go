package nearest_test

import (
	"slices"
	"testing"

	"github.com/hushpush/hush/internal/nearest"
)

func TestASlipIsNearAndAnotherWordIsNot(t *testing.T) {
	t.Parallel()
	commands := []string{"push", "provider", "trace", "app", "key", "device"}
	for _, test := range []struct {
		misspelt string
		want     []string
	}{
		{"psuh", []string{"push"}},          // swapped
		{"puh", []string{"push"}},           // dropped
		{"pushh", []string{"push"}},         // added
		{"tracd", []string{"trace"}},        // changed
		{"provdier", []string{"provider"}},  // swapped in a long word
		{"povidre", []string{"provider"}},   // two slips
		{"PROVIDER", []string{"provider"}},  // capitals
		{"Psuh", []string{"push"}},          // and swapped
		{"apy", []string{"app"}},            // the nearer one
		{"serverless", nil},                 // another word
		{"", nil},                           // no word at all
		{"x", nil},                          // of another letter
		{"push", []string{"push"}},          // right
		{"devicekeydevicekeyprovider", nil}, // however long, three slips are the most
	} {
		if got := nearest.All(test.misspelt, commands); !slices.Equal(got, test.want) {
			t.Errorf("%q: near %q, want %q", test.misspelt, got, test.want)
		}
	}
}

func TestWordsAtTheSameDistanceKeepTheirOrder(t *testing.T) {
	t.Parallel()
	words := []string{"cert_b", "cert_a"}
	if got := nearest.All("cert_c", words); !slices.Equal(got, words) {
		t.Errorf("near %q, want %q", got, words)
	}
	if got := nearest.Of("cert_c", words); got != "cert_b" {
		t.Errorf("nearest %q, want the first", got)
	}
}
