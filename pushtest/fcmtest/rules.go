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
		ruleTransport, ruleScheme, ruleIdle, rulePath, ruleAccessToken, ruleProject, rulePermission, ruleProjectQuota, ruleRetryAfter,
		ruleBodyLimit, ruleShape, ruleDepth,
		ruleTarget, ruleTopic, ruleReservedKeys, ruleTTL, ruleLabel, ruleSize, ruleSizeBody, ruleAPNSSize,
		ruleUnknownToken, ruleMismatch, ruleUnregistered, rulePackage, ruleValidateOnly,
		ruleDeviceMinute, ruleDeviceHour, ruleDeviceOver, ruleAccepted,
		ruleInactive, ruleTokenExpiry, ruleUninstall, ruleForceStop, ruleDoze, ruleLowered, ruleCollapsible, ruleCollapsibleRefill,
		ruleExpiry, ruleCollapse, ruleCollapseDefault, ruleCollapseKeys, ruleCollapseKeep, ruleStorage, ruleOverflow, ruleOrder, ruleNotice,
		ruleOverwritten,
	}
}
