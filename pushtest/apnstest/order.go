package apnstest

import (
	"time"

	"github.com/hushpush/hush/pushtest/internal/h2sim"
	"github.com/hushpush/hush/pushtest/internal/simkit"
)

var ruleOrder = Rule{
	Name: "order",
	Text: "Where a request breaks several rules, the first of these is told: a path of broadcasts, method, path, repeated headers, apns-id, " +
		"certificate or provider token, push type, expiration, priority, collapse id, topic, payload; then, of the device: " +
		`known, environment, topic, retired, block, rate ("auth_first"); or the certificate or token comes after the collapse id ("headers_first").`,
	Source:  "not documented; pushy's mock checks the headers before authentication, which is unlikely of the real one",
	Certain: simkit.Uncertain,
	Switch:  "order",
	Default: "auth_first",
	Words:   []string{"auth_first", "headers_first"},
	Varies:  []string{"auth_first", "headers_first"},
}

// order is the order of checks on what the request says.
var order = []func(*checks, *attempt) *refusal{
	(*checks).checkBroadcast,
	(*checks).checkMethod,
	(*checks).checkPath,
	(*checks).checkDuplicates,
	(*checks).checkMessageID,
	(*checks).authenticate,
	(*checks).checkPushType,
	(*checks).checkExpiration,
	(*checks).checkPriority,
	(*checks).checkCollapseID,
	(*checks).checkTopic,
	(*checks).checkPayload,
}

// orderHeadersFirst is the order with authentication late: the topic needs to know who asks, so no later than before it.
var orderHeadersFirst = []func(*checks, *attempt) *refusal{
	(*checks).checkBroadcast,
	(*checks).checkMethod,
	(*checks).checkPath,
	(*checks).checkDuplicates,
	(*checks).checkMessageID,
	(*checks).checkPushType,
	(*checks).checkExpiration,
	(*checks).checkPriority,
	(*checks).checkCollapseID,
	(*checks).authenticate,
	(*checks).checkTopic,
	(*checks).checkPayload,
}

// deviceOrder is the order of checks on the device, which may be nil. They run with the spool's lock held.
var deviceOrder = []func(*spool, *attempt, *device, time.Time) *refusal{
	(*spool).checkKnown,
	(*spool).checkEnvironment,
	(*spool).checkDeviceTopic,
	(*spool).checkRetired,
	(*spool).checkBlocked,
	(*spool).checkRate,
}

// attempt is one request on its way through the checks, which fill it in.
type attempt struct {
	*h2sim.Request
	connState *connState

	id      string // in the ledger
	apnsID  string // what is answered: the request's own if it is good, else a new one
	badID   bool   // the request's own is not
	token   string // of the path, as it was registered if it is known
	fault   Fault
	faultID string

	sign       *signature // who signed it; nil with a certificate
	pushType   string
	priority   int
	expiration *time.Time // as the request says; nil if it does not
	collapseID string
	topic      string // the bundle id, without the push type's suffix
	fullTopic  string // as the request, or the certificate, says
	mismatch   string // what becomes of a push whose type does not fit its payload: delay, drop; "" for one that does
}
