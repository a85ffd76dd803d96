package push

// The closed sets of words, for whoever has to know all of one: the API's document names them. A test fails for a constant that
// its list lacks.

// Platforms lists the platforms.
func Platforms() []Platform { return []Platform{IOS, Android} }

// Providers lists the providers.
func Providers() []Provider { return []Provider{APNs, FCM} }

// Environments lists the environments of APNs.
func Environments() []Environment { return []Environment{Production, Development} }

// Paths lists the ways on which a push reaches an app.
func Paths() []Path { return []Path{PathSession, PathAPNs, PathFCM, PathInbox} }

// Modes lists how a push may be delivered.
func Modes() []Mode { return []Mode{Auto, SessionOnly, WakeAlways} }

// Priorities lists FCM's priorities.
func Priorities() []Priority { return []Priority{Normal, High} }

// TokenStates lists what can be said of a device's provider token.
func TokenStates() []TokenState { return []TokenState{TokenOK, TokenMissing, TokenDead} }

// ProviderStates lists how an app can do with a provider, worst first.
func ProviderStates() []ProviderState {
	return []ProviderState{ProviderUnreachable, ProviderNoCredential, ProviderRefused, ProviderHeld, ProviderOK, ProviderUntried}
}

// AppStates lists what an app can say of itself.
func AppStates() []AppState { return []AppState{AppForeground, AppBackground} }

// Actions lists what can happen next to a push on a device.
func Actions() []Action { return []Action{DoSession, DoWake, DoWait, DoStop} }

// BudgetLimits lists the limits of a budget.
func BudgetLimits() []BudgetLimit { return []BudgetLimit{LimitWakes, LimitBurst} }

// CredentialStates lists where an app's credential can stand for a device.
func CredentialStates() []CredentialState {
	return []CredentialState{CredentialOK, CredentialMissing, CredentialRefused, CredentialHeld}
}

// Results lists what a handler can return.
func Results() []Result { return []Result{NewData, NoData, Failed} }

// Reasons lists all reasons, ReasonNone first.
func Reasons() []Reason {
	return []Reason{
		ReasonNone, ReasonNoStrategy, ReasonNoToken, ReasonNoDevice, ReasonNoCredentials, ReasonBudget, ReasonRetry, ReasonQuota,
		ReasonCredentials, ReasonTopic, ReasonRefused, ReasonAckTimeout, ReasonSessionLost, ReasonNoResult, ReasonWake,
		ReasonTTL, ReasonOwnerChanged, ReasonUnregistered, ReasonDeviceLimit, ReasonNoSession, ReasonHandlerCrashed, ReasonTokenMoved,
	}
}

// EventNames lists the events: the states, the others of a timeline, and those that only followers of an app are told.
func EventNames() []EventName {
	var names []EventName
	for _, s := range States() {
		names = append(names, EventName(s))
	}
	return append(names, EventWakeSent, EventWakeAnswered, EventWakeFailed, EventTokenDropped, EventHandledLate, EventLeftOut,
		EventAccepted, EventNobody, EventBegan, EventMissed)
}

// Faults lists whose a provider's refusal can be.
func Faults() []Fault {
	return []Fault{FaultToken, FaultSuspect, FaultCredentials, FaultPush, FaultPace, FaultQuota, FaultProvider}
}

// Failures lists what can keep a wake from getting its provider's answer.
func Failures() []Failure {
	return []Failure{
		FailureNoSuchHost, FailureRefused, FailureUnreachable, FailureProxy, FailureUntrusted, FailureTLS, FailureProtocol,
		FailureTimeout, FailureReset, FailureLost, FailureStopping, FailureNotSent, FailureStranger, FailureOther,
	}
}

// ReceiptEvents lists what a device can say happened.
func ReceiptEvents() []ReceiptEvent {
	return []ReceiptEvent{ReceiptReceived, ReceiptHandled, ReceiptCrashed}
}

// ReceiptStatuses lists what can become of a receipt.
func ReceiptStatuses() []ReceiptStatus {
	return []ReceiptStatus{ReceiptAccepted, ReceiptGone, ReceiptInvalid}
}

// WarningCodes lists the warnings of an accepted push.
func WarningCodes() []WarningCode {
	return []WarningCode{UserNotSeen, CancelledBeforeItBegan, NobodyHasTheTags, NoDevices, DevicesGone}
}

// KeyRoles lists the roles that a server key can have. RoleRoot is the root key's alone.
func KeyRoles() []Role { return []Role{RoleAdmin, RoleSend, RoleRead} }

// Algs lists how user tokens can be signed.
func Algs() []Alg { return []Alg{HS256, ES256} }

// CredentialKinds lists what an app can be known by at its provider.
func CredentialKinds() []CredentialKind {
	return []CredentialKind{KindToken, KindCertificate, KindServiceAccount}
}

// Codes lists what can be wrong with a field.
func Codes() []Code {
	return []Code{
		CodeUnknownField, CodeRequired, CodeWrongType, CodeBadValue, CodeOneOf, CodeBadID, CodeTooMany, CodeOutOfRange,
		CodeUnknownResource, CodeUnknownDevice, CodePayloadTooLarge, CodeNotSilent, CodeBadCredential,
	}
}
