package apnstest

import "github.com/hushpush/hush/pushtest/internal/simkit"

// Rule is one thing that the simulator does as Apple does it: what, who says so, how certain that is, and its switch.
type Rule = simkit.Rule

// RuleTable is all rules, with WriteText and WriteJSON.
type RuleTable = simkit.Rules

// Rules lists every rule of the simulator in the order in which a request meets them.
func Rules() RuleTable {
	return RuleTable{
		ruleTransport, ruleFirstStream, ruleStreams, ruleStreamsAfterError, ruleErrors, ruleBadTokens, ruleRequests,
		ruleConnectionRate, ruleNewConnections, ruleIdle, ruleBodyWait, ruleGoAway,
		ruleOrder, ruleAnswer, ruleAnswerRetryAfter, ruleFaults,
		ruleBroadcast, ruleMethod, rulePath, ruleDuplicates, ruleOtherHeaders, ruleMessageID, ruleMessageIDCase,
		ruleCertificate, ruleCertificateVoIP, ruleCertificateHandshake, ruleCertificateEnvironment,
		ruleTokenMissing, ruleTokenScheme, ruleTokenValid, ruleTokenAge, ruleTokenFuture, ruleKeyEnvironment,
		ruleOneTeam, ruleOneKey, ruleKeyLimits, ruleRefresh,
		rulePushType, rulePushTypeMissing, ruleExpiration, rulePriority, ruleBackgroundPriority, ruleCollapseID,
		ruleTopicMissing, ruleTopicForm, ruleTopicSuffix, ruleCertificateTopic, ruleCertificateSuffixes, ruleTopicAllowed,
		rulePayload, rulePayloadJSON, ruleMismatch,
		ruleTokenForm, ruleTokenLength, ruleDeviceTopic, ruleRetired, ruleRate, ruleOver,
		ruleDeliver, ruleMuted, ruleInFlight, ruleOvertaken, ruleOvertakenWait, ruleBursts, ruleUninstall,
		ruleStorage, ruleReplace, ruleReplaceWithin, ruleReplaceOdds, ruleThrottle, ruleStates,
	}
}
