package fcm

import (
	"bytes"
	"encoding/json"
	"strings"
)

// name returns what FCM calls a message that it took; "": this is not its answer.
func name(body []byte) string {
	if usual := usualName(body); usual != "" {
		return usual
	}
	var b struct {
		Name string `json:"name"`
	}
	if json.Unmarshal(body, &b) != nil {
		return ""
	}
	return b.Name
}

// usualName reads an answer as FCM writes it, an object with a name of usual form and nothing else, without reflection; "" for
// any other body, whatever it is.
func usualName(body []byte) string {
	const space = " \t\r\n"
	rest, ok := body, true
	for _, token := range []string{`{`, `"name"`, `:`, `"`} {
		if rest, ok = bytes.CutPrefix(bytes.TrimLeft(rest, space), []byte(token)); !ok {
			return ""
		}
	}
	value, rest, ok := bytes.Cut(rest, []byte(`"`))
	if name := string(value); ok && isMessageName(name) && string(bytes.Trim(rest, space)) == `}` {
		return name
	}
	return ""
}

// isMessageName reports whether a name has the form of FCM's (FCM, "REST Resource: projects.messages"):
// projects/[a-z0-9:.-]{1,40}/messages/[0-9A-Za-z:%-]{1,48}, the project's id or number, and an id too short for a token.
func isMessageName(name string) bool {
	const digits, lower, upper = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	rest, named := strings.CutPrefix(name, "projects/")
	project, id, ok := strings.Cut(rest, "/messages/")
	return named && ok && madeOf(project, 40, digits+lower+":.-") && madeOf(id, 48, digits+lower+upper+":%-")
}

// madeOf reports whether s has 1 to most characters, all of those given.
func madeOf(s string, most int, characters string) bool {
	return s != "" && len(s) <= most && strings.TrimLeft(s, characters) == ""
}
