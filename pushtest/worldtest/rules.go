package worldtest

import (
	"fmt"
	"strings"

	"github.com/hushpush/hush/pushtest/apnstest"
	"github.com/hushpush/hush/pushtest/fcmtest"
	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/phonetest"
)

// Rules returns the table of both providers and of the phones; the switches' names are as --set takes them.
func Rules() simkit.Rules {
	var all simkit.Rules
	for _, part := range []struct {
		name  string
		rules simkit.Rules
	}{{"apns/", apnstest.Rules()}, {"fcm/", fcmtest.Rules()}, {"", phonetest.Table()}} {
		for _, r := range part.rules {
			r.Name = part.name + r.Name
			all = append(all, r)
		}
	}
	return all
}

// splitSwitches sorts "NAME=VALUE" by whose switch it is; no name is used twice.
func splitSwitches(sets []string) (apns, fcm, phones []string, err error) {
	lists := map[string]*[]string{}
	for _, part := range []struct {
		rules simkit.Rules
		list  *[]string
	}{{apnstest.Rules(), &apns}, {fcmtest.Rules(), &fcm}, {phonetest.Table(), &phones}} {
		for _, r := range part.rules {
			lists[r.Switch] = part.list
		}
	}
	for _, set := range sets {
		name, _, ok := strings.Cut(set, "=")
		list := lists[name]
		switch {
		case !ok:
			return nil, nil, nil, fmt.Errorf("worldtest: set %q: want NAME=VALUE", set)
		case name == "" || list == nil:
			return nil, nil, nil, fmt.Errorf("worldtest: %w", simkit.UnknownSwitch(Rules(), set))
		}
		*list = append(*list, set)
	}
	return apns, fcm, phones, nil
}
