package fcmtest

import "strings"

// The schema of projects.messages.send. Source: FCM discovery document v1 (google-api-go-client, fcm/v1/fcm-api.json).

type fieldKind int

const (
	kString fieldKind = iota
	kBool
	kInt32
	kFloat
	kDuration
	kTimestamp
	kEnum
	kMap    // map<string, string>
	kStruct // google.protobuf.Struct: any object
	kMessage
)

// field is one field of a message, by its proto name; JSON may spell it in lowerCamelCase as well.
type field struct {
	name     string
	kind     fieldKind
	repeated bool
	oneof    string       // fields of one name exclude each other
	msg      *messageType // of kMessage
	enum     *enumType    // of kEnum
}

type messageType struct {
	name   string // as Google's refusals spell it, behind type.googleapis.com/
	fields []field
}

type enumType struct {
	name   string
	values []string // by number
}

const fcmPackage = "google.firebase.fcm.v1."

var (
	priorityEnum = &enumType{fcmPackage + "AndroidMessagePriority", []string{"NORMAL", "HIGH"}}

	notificationPriorityEnum = &enumType{fcmPackage + "AndroidNotification.NotificationPriority",
		[]string{"PRIORITY_UNSPECIFIED", "PRIORITY_MIN", "PRIORITY_LOW", "PRIORITY_DEFAULT", "PRIORITY_HIGH", "PRIORITY_MAX"}}

	visibilityEnum = &enumType{fcmPackage + "AndroidNotification.Visibility", []string{"VISIBILITY_UNSPECIFIED", "PRIVATE", "PUBLIC", "SECRET"}}

	proxyEnum = &enumType{fcmPackage + "AndroidNotification.Proxy", []string{"PROXY_UNSPECIFIED", "ALLOW", "DENY", "IF_PRIORITY_LOWERED"}}
)

func text(names ...string) (fs []field)  { return fieldsOf(kString, names) }
func flags(names ...string) (fs []field) { return fieldsOf(kBool, names) }

func fieldsOf(kind fieldKind, names []string) (fs []field) {
	for _, n := range names {
		fs = append(fs, field{name: n, kind: kind})
	}
	return fs
}

func join(lists ...[]field) (fs []field) {
	for _, l := range lists {
		fs = append(fs, l...)
	}
	return fs
}

var (
	fcmOptionsType = &messageType{fcmPackage + "FcmOptions", text("analytics_label")}

	notificationType = &messageType{fcmPackage + "Notification", text("title", "body", "image")}

	lightSettingsType = &messageType{fcmPackage + "LightSettings", []field{
		{name: "color", kind: kMessage, msg: &messageType{"google.type.Color", []field{
			{name: "red", kind: kFloat}, {name: "green", kind: kFloat}, {name: "blue", kind: kFloat}, {name: "alpha", kind: kFloat}}}},
		{name: "light_on_duration", kind: kDuration}, {name: "light_off_duration", kind: kDuration},
	}}

	androidNotificationType = &messageType{fcmPackage + "AndroidNotification", join(
		text("title", "body", "icon", "color", "sound", "tag", "click_action", "body_loc_key", "title_loc_key", "channel_id", "ticker", "image", "id"),
		flags("sticky", "local_only", "default_sound", "default_vibrate_timings", "default_light_settings", "bypass_proxy_notification"),
		[]field{
			{name: "body_loc_args", kind: kString, repeated: true}, {name: "title_loc_args", kind: kString, repeated: true},
			{name: "event_time", kind: kTimestamp}, {name: "vibrate_timings", kind: kDuration, repeated: true},
			{name: "notification_priority", kind: kEnum, enum: notificationPriorityEnum},
			{name: "visibility", kind: kEnum, enum: visibilityEnum}, {name: "proxy", kind: kEnum, enum: proxyEnum},
			{name: "notification_count", kind: kInt32}, {name: "light_settings", kind: kMessage, msg: lightSettingsType},
		})}

	androidType = &messageType{fcmPackage + "AndroidConfig", join(
		text("collapse_key", "restricted_package_name"),
		flags("direct_boot_ok", "bandwidth_constrained_ok", "restricted_satellite_ok"),
		[]field{
			{name: "priority", kind: kEnum, enum: priorityEnum}, {name: "ttl", kind: kDuration}, {name: "data", kind: kMap},
			{name: "notification", kind: kMessage, msg: androidNotificationType}, {name: "fcm_options", kind: kMessage, msg: fcmOptionsType},
		})}

	apnsType = &messageType{fcmPackage + "ApnsConfig", join(text("live_activity_token"), []field{
		{name: "headers", kind: kMap}, {name: "payload", kind: kStruct},
		{name: "fcm_options", kind: kMessage, msg: &messageType{fcmPackage + "ApnsFcmOptions", text("analytics_label", "image")}},
	})}

	webpushType = &messageType{fcmPackage + "WebpushConfig", []field{
		{name: "headers", kind: kMap}, {name: "data", kind: kMap}, {name: "notification", kind: kStruct},
		{name: "fcm_options", kind: kMessage, msg: &messageType{fcmPackage + "WebpushFcmOptions", text("link", "analytics_label")}},
	}}

	messageProto = &messageType{fcmPackage + "Message", []field{
		{name: "name", kind: kString}, {name: "data", kind: kMap}, {name: "notification", kind: kMessage, msg: notificationType},
		{name: "android", kind: kMessage, msg: androidType}, {name: "apns", kind: kMessage, msg: apnsType},
		{name: "webpush", kind: kMessage, msg: webpushType}, {name: "fcm_options", kind: kMessage, msg: fcmOptionsType},
		{name: "token", kind: kString, oneof: "target"}, {name: "topic", kind: kString, oneof: "target"},
		{name: "condition", kind: kString, oneof: "target"},
	}}

	requestProto = &messageType{fcmPackage + "SendMessageRequest", []field{
		{name: "validate_only", kind: kBool}, {name: "message", kind: kMessage, msg: messageProto},
	}}
)

// camel returns the lowerCamelCase spelling of a proto name.
func camel(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts[1:] {
		if p != "" {
			parts[i+1] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// find returns the field that a JSON name means, in either spelling; nil if there is none.
func (m *messageType) find(name string) *field {
	for i := range m.fields {
		if f := &m.fields[i]; f.name == name || camel(f.name) == name {
			return f
		}
	}
	return nil
}
