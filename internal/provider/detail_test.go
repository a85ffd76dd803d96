package provider_test

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/hushpush/hush/internal/provider"
)

const secret = "dGVzdC1pbnN0YWxsYXRpb24:APA91bTestTokenOfOnePhone"

func TestADetailIsReadableBoundedAndHidesSecrets(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"<h1>\r\nblocked\x00</h1>\t":                       "<h1>  blocked </h1>",
		"caf\xe9 \u202e\u00a0x":                            "caf\ufffd   x",
		"for " + secret + ", no":                           "for [secret], no",
		"for " + strings.ToUpper(secret) + ", no":          "for [secret], no",
		"for " + secret[5:30] + " and " + secret[20:40]:    "for [secret] and [secret]",
		"for " + strings.ReplaceAll(secret, ":", "%3A"):    "for [secret]%3A[secret]",
		"short pin1 and PIN1":                              "short [secret] and [secret]",
		"Authorization: Bearer abc.def-ghi_jkl":            "Authorization: Bearer [secret]",
		`{"authorization":"bearer ` + secret + `"}`:        `{"authorization":"bearer [secret]"}`,
		"a JWT eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln!": "a JWT [secret]!",
		strings.Repeat("x", 95) + secret:                   strings.Repeat("x", 95) + "[secr",
		strings.Repeat("x", 99) + "é":                      strings.Repeat("x", 99),
		"":                                                 "",
	} {
		if got := provider.Detail(text, 100, secret, "pin1"); got != want {
			t.Errorf("%q:\n got %q,\nwant %q", text, got, want)
		}
	}
}

func FuzzDetail(f *testing.F) {
	f.Add("x"+secret+"y", secret)
	f.Add("Bearer "+secret[:20], secret)
	f.Add("\xff\x00", "")
	f.Add("aaaaaaaaaaaaaaaaaaaaaaaaa", "aaaaaaaaaaaaa")
	f.Fuzz(func(t *testing.T, text, secret string) {
		got := provider.Detail(text, 200, secret)
		if len(got) > 200 || !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) && r != utf8.RuneError }) {
			t.Errorf("%q became %q", text, got)
		}
		if strings.Contains(strings.ToLower(got), strings.ToLower(secret)) && len(secret) > len("[secret]") && strings.Trim(secret, " ") == secret {
			t.Errorf("%q became %q, with %q in it", text, got, secret)
		}
	})
}

func TestAReasonIsAWord(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"BadDeviceToken": "BadDeviceToken", "QUOTA_EXCEEDED": "QUOTA_EXCEEDED", "invalid_grant": "invalid_grant",
		"aabbccdd00": "", "a b": "", "": "", strings.Repeat("x", 65): "", "é": "",
	} {
		if got := provider.Word(s); got != want {
			t.Errorf("%q became %q, want %q", s, got, want)
		}
	}
}
