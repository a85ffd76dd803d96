package push

// NotSilent says why a field has no place in a resource, if its name is that of one that would make a push visible, audible or
// felt; "" for every other name. Names match in snake_case, in camelCase and with hyphens.
func NotSilent(field string) string { return notSilent[normalize(field)] }

var notSilent = map[string]string{
	"title":               "a title makes the phone show an alert; a silent push shows nothing",
	"body":                "a body makes the phone show an alert; a silent push shows nothing",
	"subtitle":            "a subtitle makes the phone show an alert; a silent push shows nothing",
	"content":             "content is the text of an alert; a silent push shows nothing",
	"alert":               "an alert is visible; a silent push shows nothing",
	"sound":               "a sound is audible; a silent push makes none",
	"badge":               "a badge is visible; a silent push sets none",
	"badgeincrement":      "a badge is visible; a silent push sets none",
	"enablebadge":         "a badge is visible; a silent push sets none",
	"notification":        "a notification is shown by the system; a silent push is a data message",
	"contentavailable":    "Hush always sets content-available itself, and nothing beside it in aps",
	"mutablecontent":      "mutable content belongs to alerts; a silent push has none",
	"category":            "a category belongs to alerts; a silent push has none",
	"threadid":            "a thread groups alerts; a silent push has none",
	"interruptionlevel":   "an interruption level belongs to alerts; a silent push has none",
	"relevancescore":      "a relevance score ranks alerts; a silent push has none",
	"targetcontentid":     "a target content id belongs to alerts; a silent push has none",
	"channel":             "a channel belongs to visible notifications; a silent push has none",
	"channelid":           "a channel belongs to visible notifications; a silent push has none",
	"icon":                "an icon belongs to visible notifications; a silent push has none",
	"image":               "an image belongs to visible notifications; a silent push has none",
	"color":               "a colour belongs to visible notifications; a silent push has none",
	"vibrate":             "vibration is felt; a silent push is not",
	"voip":                "VoIP pushes ring; only silent strategies exist",
	"voipconfig":          "VoIP pushes ring; only silent strategies exist",
	"pushtype":            "the push type is always background; it cannot be chosen",
	"apnspriority":        "Apple takes background pushes at priority 5 only; it cannot be chosen",
	"apnspushtype":        "the push type is always background; it cannot be chosen",
	"aps":                 "Hush writes aps itself: content-available and nothing else",
	"clickaction":         "a click action belongs to visible notifications; a silent push has none",
	"fullscreenintent":    "a full-screen intent is visible; a silent push shows nothing",
	"notificationcount":   "a count is a badge; a silent push sets none",
	"visibility":          "visibility belongs to visible notifications; a silent push has none",
	"notificationchannel": "a channel belongs to visible notifications; a silent push has none",
	"liveactivity":        "live activities are visible; only silent strategies exist",
}

func normalize(field string) string {
	out := make([]byte, 0, len(field))
	for i := range len(field) {
		switch c := field[i]; {
		case c == '_' || c == '-':
		case c >= 'A' && c <= 'Z':
			out = append(out, c+'a'-'A')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
