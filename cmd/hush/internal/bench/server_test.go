package bench

import (
	"slices"
	"testing"
)

func TestTheMeasuredServerHasItsDefaults(t *testing.T) {
	t.Parallel()
	r := rig{dir: "d", apple: &process{addr: "127.0.0.1:1"}}
	got := r.serverEnviron([]string{"PATH=/bin", "HUSH_DATABASE=postgres://h/", "HUSH_SECRET_KEY=k", "HUSH_LIMITS_KEY_RATE=1", "HUSH_CONFIG=f", "HUSH_KEY=not-a-setting"})
	want := []string{"PATH=/bin", "HUSH_KEY=not-a-setting", "HUSH_DATA=d/data", "HUSH_LISTEN=127.0.0.1:0", "HUSH_APNS_URL=https://127.0.0.1:1", "HUSH_APNS_CA=d/ca.pem", "HUSH_LOG_LEVEL=warn"}
	if !slices.Equal(got, want) {
		t.Errorf("its environment is %q, want %q", got, want)
	}
}

func TestARequestIsCutToItsShape(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		shape    shape
		body     string
		requests int
	}{
		{shape{users: 1}, `{"to":{"users":["device-3"]},"resource_id":"wake","payload":"` + quotedPayload + `"}`, 5},
		{shape{users: 4}, `{"to":{"users":["device-3","device-4"]},"resource_id":"wake","payload":"` + quotedPayload + `"}`, 2},
		{shape{users: 1, batch: 2}, `{"pushes":[{"to":{"users":["device-3"]},"resource_id":"wake","payload":"` + quotedPayload + `"},{"to":{"users":["device-4"]},"resource_id":"wake","payload":"` + quotedPayload + `"}]}`, 3},
	} {
		devices := []int{3, 4}[:min(2, c.shape.devices())]
		if got := string(c.shape.body(devices)); got != c.body {
			t.Errorf("%+v: the body is %s, want %s", c.shape, got, c.body)
		}
		if got := c.shape.requests([]int{1, 2, 3, 4, 5}); len(got) != c.requests {
			t.Errorf("%+v: five devices are %d requests, want %d", c.shape, len(got), c.requests)
		}
	}
}

func TestATokenTellsItsDevice(t *testing.T) {
	t.Parallel()
	for _, device := range []int{0, 7, 1_000_000} {
		if got, ok := deviceOf("/3/device/" + tokenOf(device)); !ok || got != uint64(device) || len(tokenOf(device)) != 64 {
			t.Errorf("the token of %d tells %d, %v", device, got, ok)
		}
	}
	for _, path := range []string{"", "/3/device/", "/3/device/zz" + tokenOf(1)[2:], "/4/device/" + tokenOf(1)} {
		if got, ok := deviceOf(path); ok {
			t.Errorf("%q tells device %d, want none", path, got)
		}
	}
}
