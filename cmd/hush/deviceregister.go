package main

import (
	"context"
	"encoding/json"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/hushpush/hush/protocol"
	"github.com/hushpush/hush/push"
)

// registrationFlags is what hush device register was told.
type registrationFlags struct {
	user           string
	request        protocol.DeviceRequest
	token          string
	facts          []string
	credentialFile string
}

// registrationTokenTTL is how long the user token lives that registers the device: it is used once, at once.
const registrationTokenTTL = time.Minute

func newDeviceRegister(w world) *cobra.Command {
	var f registrationFlags
	cmd, _ := w.client(&cobra.Command{
		Use: "register", Short: "Register a device for a user, as the SDK does", Args: noArgs,
		Long: `Register a device for a user, as the SDK does, with a user token that the server makes. The command shows the device's
credential only this once, together with the key that opens its wakes: whoever plays the device needs both. A device that is
already registered can be changed only with its own credential.

With --json the command prints the API's answer, which has the device_id.`,
		Example: "  hush device register --app notes --user alice --platform android\n" +
			"  hush device register --app notes --user alice --platform ios \\\n" +
			"    --bundle-id com.example.notes --environment development --token 00fc13ad…",
	}, true, func(ctx context.Context, r *remote, _ []string) error {
		credential, err := f.read(w)
		if err != nil {
			return err
		}
		ctx, cancel := r.within(ctx)
		defer cancel()
		token, err := r.UserToken(ctx, r.app, f.user, registrationTokenTTL)
		if err != nil {
			return err
		}
		registered, err := r.RegisterDevice(ctx, push.Secret(token.Token), credential, f.request)
		if err != nil {
			return err
		}
		return sayRegistered(r, f, registered)
	})
	f.addTo(cmd)
	return cmd
}

func (f *registrationFlags) addTo(cmd *cobra.Command) {
	fs := cmd.Flags()
	fs.StringVar(&f.user, "user", "", "whose device it is")
	addChoice(cmd, &f.request.Platform, "platform", "ios or android", string(push.IOS), string(push.Android))
	fs.StringVar(&f.request.DeviceID, "device", "", "the device's id (default a new UUID)")
	fs.StringVar(&f.request.BundleID, "bundle-id", "", "ios: the app's bundle id, which is the APNs topic")
	fs.StringVar(&f.request.Package, "package", "", "android: the app's package")
	addChoice(cmd, &f.request.Environment, "environment", "ios: production or development, where its token belongs",
		string(push.Production), string(push.Development))
	fs.StringVar(&f.token, "token", "", "the provider's token for the device; without one it is reached by session and inbox only")
	addChoice(cmd, &f.request.AppState, "app-state", "foreground or background", string(push.AppForeground), string(push.AppBackground))
	fs.StringArrayVar(&f.facts, "fact", nil, "NAME=VALUE that the device reports of itself; VALUE may be JSON (repeatable)")
	fs.StringVar(&f.credentialFile, "credential-file", "", "file with the credential of a device that is there already; - is standard input")
	for flag, field := range map[string]string{"user": "body.user", "platform": "body.platform", "device": "body.device_id", "bundle-id": "body.bundle_id",
		"package": "body.package", "environment": "body.environment", "token": "body.provider_token", "app-state": "body.app_state", "fact": "body.facts"} {
		becomes(cmd, flag, field)
	}
}

// read makes the request of the flags. The credential is "" where none is given.
func (f *registrationFlags) read(w world) (credential push.Secret, err error) {
	switch {
	case f.user == "":
		return "", usagef("no user is given; want --user USER")
	case f.request.Platform == "":
		return "", usagef("no platform is given; want --platform ios or --platform android")
	}
	if f.request.DeviceID == "" {
		f.request.DeviceID = uuid.NewString()
	}
	if f.token != "" {
		f.request.ProviderToken = &f.token
	}
	if f.request.Facts, err = parseFacts(f.facts); err != nil || f.credentialFile == "" {
		return "", err
	}
	text, err := w.readFile("credential-file", f.credentialFile)
	return push.Secret(strings.TrimSpace(string(text))), err
}

// parseFacts reads NAME=VALUE each. A value that is JSON, such as true or 17, is taken as that, any other one as a text.
func parseFacts(texts []string) (map[string]any, error) {
	facts := map[string]any{}
	for _, text := range texts {
		name, value, ok := strings.Cut(text, "=")
		if !ok || name == "" {
			return nil, usagef("--fact is %q; want NAME=VALUE, such as os_version=18.1", text)
		}
		facts[name] = value
		if json.Valid([]byte(value)) {
			facts[name] = json.RawMessage(value)
		}
	}
	return facts, nil
}

func sayRegistered(r *remote, f registrationFlags, registered protocol.DeviceResponse) error {
	answer, err := json.Marshal(struct {
		DeviceID string `json:"device_id"`
		protocol.DeviceResponse
	}{f.request.DeviceID, registered})
	if err != nil {
		return err
	}
	r.answer = answer
	r.say("device      %s of %s\n", f.request.DeviceID, f.user)
	if registered.Credential != "" {
		r.say("credential  %s\n", registered.Credential)
	}
	if k := registered.WakeKey; k != nil {
		r.say("wake key    %s %s\n", k.ID, k.Key)
	}
	if registered.Credential != "" {
		r.say("The credential is shown this once. The device sends it in the header %s, instead of a key. The wake key opens its wakes.\n", protocol.HeaderDevice)
	}
	if f.token == "" {
		r.say("Without --token no provider wakes it: it is reached by session and inbox.\n")
	}
	return nil
}
