package apnstest

import "github.com/hushpush/hush/pushtest/internal/simkit"

var ruleMismatch = Rule{
	Name: "push_type.mismatch",
	Text: `What a push gets whose type does not fit its payload (background with alert, badge or sound; content-available alone and no ` +
		`type): it is taken like any other ("accept"), held for throttle.wait ("delay"), accepted and dropped ("drop"), or refused with ` +
		`400 InvalidPushType ("refuse").`,
	Source:  `Apple, "Sending notification requests to APNs": an error, a delay, or a silent drop, and no word on which`,
	Certain: simkit.Uncertain,
	Switch:  "push_type.mismatch",
	Default: "accept",
	Words:   []string{"accept", "delay", "drop", "refuse"},
	Varies:  []string{"accept", "delay", "drop", "refuse"},
}

// checkMismatch notes for take whether the type fits the payload, and refuses one that does not if it is to.
func (c *checks) checkMismatch(a *attempt) *refusal {
	how := c.Switches.String("push_type.mismatch")
	if how == "accept" || typeFits(a.pushType, a.Body) {
		return nil
	}
	if how == "refuse" {
		return refuse(InvalidPushType)
	}
	a.mismatch = how
	return nil
}

// typeFits reports whether a payload is what its push type promises, as far as background pushes go. A payload that is no JSON
// is another rule's affair.
func typeFits(pushType string, body []byte) bool {
	if pushType != "background" && pushType != "" {
		return true
	}
	n, err := simkit.ParseJSON(body, maxDepth)
	if err != nil {
		return true
	}
	aps := n.Get("aps")
	shows := aps.Get("alert") != nil || aps.Get("badge") != nil || aps.Get("sound") != nil
	if pushType == "background" {
		return !shows
	}
	return shows || aps.Get("content-available") == nil
}
