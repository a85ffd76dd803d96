package fcmtest

import "github.com/hushpush/hush/pushtest/internal/simkit"

// Rule is one thing that the simulator does as Google does it: what, who says so, how certain that is, and its switch.
type Rule = simkit.Rule

// RuleTable is all rules, with WriteText and WriteJSON.
type RuleTable = simkit.Rules

// Rules lists every rule of the simulator in the order in which a request meets them.
func Rules() RuleTable {
	return RuleTable{
		ruleOAuth, ruleAssertion, ruleUnknownAccount, ruleSkew, ruleScopes, ruleForeignScopes, ruleTokenLife,
		ruleTransport, ruleScheme, ruleStreams, ruleHeaderList, ruleIdle, ruleBodyWait, rulePath, ruleElsewhere, ruleFaults,
		ruleAccessToken, ruleProject, rulePermission, ruleProjectQuota, ruleRetryAfter,
		ruleBodyLimit, ruleShape, ruleDepth,
		ruleTarget, ruleTopic, ruleReservedKeys, ruleTTL, ruleLabel, ruleSize, ruleSizeBody, ruleAPNSSize,
		ruleUnknownToken, ruleMismatch, ruleUnregistered, rulePackage, ruleValidateOnly,
		ruleIOS, ruleIOSCredentials, ruleIOSHeaders, ruleIOSDefaults, ruleIOSPriority, ruleIOSKeys,
		ruleDeviceMinute, ruleDeviceHour, ruleDeviceOver, ruleIOSRate, ruleAccepted,
		ruleInactive, ruleTokenExpiry, ruleUninstall, ruleForceStop, ruleDoze, ruleLocked, ruleLowered, ruleCollapsible, ruleCollapsibleRefill,
		ruleExpiry, ruleCollapse, ruleCollapseDefault, ruleCollapseKeys, ruleCollapseKeep, ruleStorage, ruleOverflow, ruleOrder, ruleNotice,
		ruleIOSStorage, ruleIOSGone, ruleOverwritten,
	}
}
