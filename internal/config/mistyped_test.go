package config_test

import (
	"slices"
	"testing"

	"github.com/hushpush/hush/internal/config"
)

func TestAMistypedVariableIsToldWhatWasMeant(t *testing.T) {
	t.Parallel()
	for variable, meant := range map[string]string{
		"HUSH_LISTN=:1":                          "HUSH_LISTEN",
		"HUSH_DELIVERY_ACKWAIT=5s":               "HUSH_DELIVERY_ACK_WAIT",
		"HUSH_SECRET_KYE=abc":                    "HUSH_SECRET_KEY",
		"HUSH_CONFG=f":                           "HUSH_CONFIG",
		"HUSH_KYE=abc":                           "HUSH_KEY",
		"HUSH_LISTEN=:1":                         "", // right
		"HUSH_KEY=abc":                           "", // of others
		"HUSH_LISTN=":                            "", // set to nothing
		"HUSH_SLACK_CHANNEL=a":                   "", // somebody else's
		"HUSH_PORT=tcp://10.0.0.1:80":            "", // Kubernetes'
		"HUSH_SERVICE_HOST=10.0.0.1":             "",
		"HUSH_SERVICE_PORT=80":                   "",
		"HUSH_PORT_8080_TCP_ADDR=10.0.0.1":       "",
		"HUSHLISTN=1":                            "",
		"HUSH_=1":                                "",
		"PATH_OF_HUSH_LISTN=/without=a/meaning=": "",
	} {
		var want []config.Mistyped
		if meant != "" {
			name := variable[:slices.Index([]byte(variable), '=')]
			want = []config.Mistyped{{Name: name, Meant: meant}}
		}
		if got := config.MistypedVariables([]string{"PATH=/bin", variable}, "HUSH_KEY", "HUSH_SERVER"); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", variable, got, want)
		}
	}
}
