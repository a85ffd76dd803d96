package provider

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hushpush/hush/push"
)

const (
	excerptBytes = 200     // of a stranger's answer
	readBytes    = 4 << 10 // of it that are looked at
	markBytes    = 12      // of a secret in a row, and a text is taken to quote it
	idBytes      = 100     // of what a provider calls a request
	hidden       = "[secret]"
)

// Detail returns the part of a stranger's text that people may read, at most limit bytes: valid UTF-8 without control characters,
// and without secrets. The secrets are what our own request carried, since error pages like to quote requests; a part of one
// is hidden too, and so is whatever looks like a bearer token.
func Detail(text string, limit int, secrets ...string) string {
	text = hide(text[:min(len(text), readBytes)], secrets)
	text = authorization.ReplaceAllString(text, "$1 "+hidden)
	text = jsonWebToken.ReplaceAllString(text, hidden)
	return cut(strings.TrimSpace(printable(text)), limit)
}

// Secrets are the parts of a request that nobody may read in an answer that quotes it.
type Secrets struct {
	Body   []byte
	Device push.Secret // the phone's token
	Access push.Secret // ours
}

func (s Secrets) reveal() []string {
	return []string{s.Access.Reveal(), s.Device.Reveal(), string(s.Body)}
}

// Detail is provider.Detail, without these secrets.
func (s Secrets) Detail(text string) string { return Detail(text, push.MaxDetailBytes, s.reveal()...) }

// ID returns the id that a provider gave a request, as it stands if it has the usual form. In any other form it is a stranger's
// text, which may quote the request.
func ID(id string, usual func(string) bool, secrets Secrets) string {
	if usual(id) {
		return id
	}
	return Detail(id, idBytes, secrets.reveal()...)
}

// Word returns s if it can be a reason or a code as providers spell them, up to 64 letters and underscores; else "". Reasons are
// shown as they stand, and must not be a token that a stranger has read in a request.
func Word(s string) string {
	if len(s) > 64 {
		return ""
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && r != '_' {
			return ""
		}
	}
	return s
}

var (
	authorization = regexp.MustCompile(`(?i)\b(bearer|basic)[ \t:]+[^\s"'<>\[]{6,}`)
	jsonWebToken  = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}(\.[A-Za-z0-9_-]*){0,2}`)
)

// hide replaces what is quoted of the secrets, whole or in part, in whatever case.
func hide(text string, secrets []string) string {
	marks := make(map[string]bool)
	for _, secret := range secrets {
		secret = lower(secret)
		for i := 0; i+markBytes <= len(secret); i++ {
			marks[secret[i:i+markBytes]] = true
		}
		if len(secret) > 0 && len(secret) < markBytes {
			text = hideWhole(text, secret)
		}
	}
	var out strings.Builder
	folded := lower(text)
	written := 0 // of text
	for i := 0; i+markBytes <= len(folded); i++ {
		if !marks[folded[i:i+markBytes]] {
			continue
		}
		end := i + markBytes
		for end < len(folded) && marks[folded[end+1-markBytes:end+1]] {
			end++
		}
		out.WriteString(text[written:i] + hidden)
		written, i = end, end-1
	}
	return out.String() + text[written:]
}

func hideWhole(text, secret string) string {
	for from := 0; ; {
		i := strings.Index(lower(text[from:]), secret)
		if i < 0 {
			return text
		}
		text = text[:from+i] + hidden + text[from+i+len(secret):]
		from += i + len(hidden)
	}
}

// lower folds ASCII only, so that no byte moves.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, string(utf8.RuneError)))
}

// cut returns the first limit bytes of s, without a half character at their end.
func cut(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	for limit > 0 && !utf8.RuneStart(s[limit]) {
		limit--
	}
	return s[:limit]
}
