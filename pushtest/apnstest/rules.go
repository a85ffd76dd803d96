package apnstest

import "github.com/hushpush/hush/pushtest/internal/simkit"

// Rule is one thing that the simulator does as Apple does it: what, who says so, how certain that is, and its switch.
type Rule = simkit.Rule

// RuleTable is all rules, with WriteText and WriteJSON.
type RuleTable = simkit.Rules

// Rules lists every rule of the simulator in the order in which a request meets them.
func Rules() RuleTable {
	return RuleTable{
		ruleTransport, ruleFirstStream, ruleStreams, ruleStreamsAfterError, ruleErrors, ruleBadTokens, ruleRequests, ruleIdle, ruleGoAway,
		ruleOrder, ruleAnswer, ruleAnswerRetryAfter,
		ruleMethod, rulePath, ruleDuplicates, ruleMessageID, ruleMessageIDCase,
		ruleCertificate, ruleCertificateHandshake, ruleCertificateEnvironment,
		ruleTokenMissing, ruleTokenScheme, ruleTokenValid, ruleTokenAge, ruleTokenFuture, ruleKeyEnvironment,
		ruleOneTeam, ruleOneKey, ruleRefresh,
		rulePushType, rulePushTypeMissing, ruleExpiration, rulePriority, ruleBackgroundPriority, ruleCollapseID,
		ruleTopicMissing, ruleTopicForm, ruleTopicSuffix, ruleCertificateTopic, ruleTopicAllowed,
		rulePayload, rulePayloadJSON,
		ruleTokenForm, ruleTokenLength, ruleDeviceTopic, ruleRetired, ruleRate,
		ruleDeliver, ruleInFlight, ruleUninstall, ruleStorage, ruleReplace, ruleThrottle,
	}
}
