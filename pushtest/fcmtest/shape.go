package fcmtest

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hushpush/hush/internal/rest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleShape = Rule{
	Name:    "json.shape",
	Text:    "The body must be JSON that fits the schema of messages:send, in snake_case or lowerCamelCase; else 400 INVALID_ARGUMENT with a BadRequest that names each field, and without an FcmError.",
	Source:  "FCM discovery document v1; bodies in bloomberg/pushiko docs/fcm_responses.md; wording of unknown names from memory",
	Certain: simkit.Observed,
}

var ruleDepth = Rule{
	Name:    "json.depth",
	Text:    "JSON that nests deeper than this is refused like any that cannot be read.",
	Source:  "protobuf's JSON reader: default recursion limit 100",
	Certain: simkit.Inferred,
	Switch:  "json.depth",
	Default: "100",
	Least:   1,
	Most:    10_000,
	Varies:  []string{"100", "64"},
}

// parseBody reads a request body. On success the tree fits requestProto: kinds, enums and durations have been checked, and
// names are known.
func parseBody(body []byte, depth int) (*simkit.Node, *refusal) {
	tree, err := simkit.ParseJSON(body, depth)
	switch {
	case err != nil:
		return nil, badShape(Violation{Description: "Invalid JSON payload received. " + syntaxWords(err)})
	case tree.Kind != simkit.Object:
		return nil, badShape(Violation{Description: `Invalid JSON payload received. Unknown name "": Root element must be a message.`})
	}
	if bad := checkMessage(requestProto, tree, ""); len(bad) > 0 {
		return nil, badShape(bad...)
	}
	return tree, nil
}

// syntaxWords returns in our own words what cannot be read, without a byte of the body.
func syntaxWords(err error) string {
	var malformed *rest.Malformed
	if !errors.As(err, &malformed) {
		return "Unexpected token."
	}
	switch malformed.Why {
	case rest.TooDeep:
		return "Message too deep. Max recursion depth reached."
	case rest.DoubledName:
		return "A name is given twice."
	case rest.NotUTF8:
		return "Text is not valid UTF-8."
	case rest.CutOff, rest.Empty:
		return "Unexpected end of string."
	}
	return "Unexpected token."
}

// checkMessage returns all violations of a message's type, in the order of the body. at is the path above, "" for the root.
func checkMessage(m *messageType, n *simkit.Node, at string) (bad []Violation) {
	seen := map[string]string{} // by field and by oneof: who has it
	for _, member := range n.Members {
		f := m.find(member.Name)
		if f == nil {
			bad = append(bad, atField(at, fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: Cannot find field.", clip(member.Name), atWords(at))))
			continue
		}
		if member.Value.Kind == simkit.Null {
			continue // proto3 JSON: null is the same as leaving it out
		}
		if _, twice := seen[f.name]; twice {
			bad = append(bad, atField(at, fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: Cannot set a field twice.", member.Name, atWords(at))))
			continue
		}
		seen[f.name] = f.name
		if f.oneof != "" {
			if _, twice := seen["oneof "+f.oneof]; twice {
				bad = append(bad, atField(at, fmt.Sprintf("Invalid value at '%s' (oneof), oneof field '%s' is already set. Cannot set '%s'", at, f.oneof, member.Name)))
				continue
			}
			seen["oneof "+f.oneof] = f.name
		}
		bad = append(bad, checkField(f, member, at)...)
	}
	return bad
}

func checkField(f *field, member simkit.Member, at string) []Violation {
	path := below(at, f.name)
	n := member.Value
	if !f.repeated && n.Kind == simkit.Array && f.kind != kStruct {
		return []Violation{atField(at, fmt.Sprintf("Invalid JSON payload received. Unknown name %q%s: Proto field is not repeating, cannot start list.", member.Name, atWords(at)))}
	}
	if !f.repeated {
		return checkValue(f, n, path)
	}
	items := n.Items
	if n.Kind != simkit.Array {
		items = []*simkit.Node{n} // Google's reader takes a single value for a list of one
	}
	var bad []Violation
	for i, item := range items {
		bad = append(bad, checkValue(f, item, fmt.Sprintf("%s[%d]", path, i))...)
	}
	return bad
}

func checkValue(f *field, n *simkit.Node, path string) []Violation {
	wrong := func(typ string) []Violation {
		return []Violation{atField(path, fmt.Sprintf("Invalid value at '%s' (%s), %s", path, typ, literal(n)))}
	}
	switch f.kind {
	case kMessage:
		if n.Kind != simkit.Object {
			return wrong("type.googleapis.com/" + f.msg.name)
		}
		return checkMessage(f.msg, n, path)
	case kMap:
		return checkMap(n, path)
	case kStruct:
		if n.Kind != simkit.Object {
			return wrong("type.googleapis.com/google.protobuf.Struct")
		}
	case kString:
		if n.Kind != simkit.String {
			return wrong("TYPE_STRING")
		}
	case kBool:
		if n.Kind != simkit.Boolean && !(n.Kind == simkit.String && (n.Text == "true" || n.Text == "false")) {
			return wrong("TYPE_BOOL")
		}
	case kInt32:
		if _, err := strconv.ParseInt(n.Text, 10, 32); err != nil || n.Kind != simkit.Number && n.Kind != simkit.String {
			return wrong("TYPE_INT32")
		}
	case kFloat:
		if n.Kind != simkit.Number {
			return wrong("TYPE_FLOAT")
		}
	case kEnum:
		if enumValue(f.enum, n) == "" {
			return wrong("type.googleapis.com/" + f.enum.name)
		}
	case kDuration:
		if _, ok := parseDuration(n); !ok {
			return wrong("type.googleapis.com/google.protobuf.Duration")
		}
	case kTimestamp:
		if _, err := time.Parse(time.RFC3339Nano, n.Text); err != nil || n.Kind != simkit.String {
			return wrong("type.googleapis.com/google.protobuf.Timestamp")
		}
	}
	return nil
}

// checkMap wants strings as values: what goes to a phone in data is text, and numbers are not made into it.
func checkMap(n *simkit.Node, path string) (bad []Violation) {
	if n.Kind != simkit.Object {
		return []Violation{atField(path, fmt.Sprintf("Invalid value at '%s' (type.googleapis.com/google.protobuf.MapEntry), %s", path, literal(n)))}
	}
	for i, m := range n.Members {
		if m.Value.Kind != simkit.String {
			at := fmt.Sprintf("%s[%d].value", path, i)
			bad = append(bad, atField(at, fmt.Sprintf("Invalid value at '%s' (TYPE_STRING), %s", at, literal(m.Value))))
		}
	}
	return bad
}

// enumValue returns the name of an enum's value: by name in any case, or by number; "" if it has no such value.
func enumValue(e *enumType, n *simkit.Node) string {
	switch n.Kind {
	case simkit.String:
		if i := slices.Index(e.values, strings.ToUpper(n.Text)); i >= 0 {
			return e.values[i]
		}
	case simkit.Number:
		if i, err := strconv.Atoi(n.Text); err == nil && i >= 0 && i < len(e.values) {
			return e.values[i]
		}
	}
	return ""
}

var durationForm = regexp.MustCompile(`^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$`)

// parseDuration reads proto3 JSON's duration, "3.000000001s", in whole seconds rounded towards zero. A negative fraction
// counts as -1, so that it is seen as negative.
func parseDuration(n *simkit.Node) (seconds int64, ok bool) {
	m := durationForm.FindStringSubmatch(n.Text)
	if n.Kind != simkit.String || m == nil {
		return 0, false
	}
	s, err := strconv.ParseInt(m[2], 10, 64)
	const most = 315_576_000_000 // google.protobuf.Duration: ±10 000 years
	if err != nil || s > most {
		return 0, false
	}
	if m[1] == "-" {
		if s == 0 && strings.Trim(m[3], "0") != "" {
			s = 1
		}
		s = -s
	}
	return s, true
}

// literal returns a value as Google's refusals quote it: strings in quotes, numbers as written, objects and lists by kind only.
func literal(n *simkit.Node) string {
	switch n.Kind {
	case simkit.String:
		return strconv.Quote(clip(n.Text))
	case simkit.Object:
		return "Starting an object on a scalar field."
	case simkit.Array:
		return "Starting a list on a scalar field."
	case simkit.Null:
		return "null"
	}
	return clip(n.Text)
}

func atField(at, description string) Violation { return Violation{Field: at, Description: description} }

func atWords(at string) string {
	if at == "" {
		return ""
	}
	return " at '" + at + "'"
}

func below(at, name string) string {
	if at == "" {
		return name
	}
	return at + "." + name
}

// clip keeps what a refusal quotes short.
func clip(s string) string {
	if len(s) > 100 {
		return strings.ToValidUTF8(s[:100], "") + "..."
	}
	return s
}
