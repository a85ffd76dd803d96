package apnstest

import "time"

// Reason is why APNs refuses a request, as it spells it.
type Reason string

// The reasons (Apple, "Handling notification responses from APNs"); statusOf tells the status of each.
const (
	BadCollapseID               Reason = "BadCollapseId"
	BadDeviceToken              Reason = "BadDeviceToken"
	BadExpirationDate           Reason = "BadExpirationDate"
	BadMessageID                Reason = "BadMessageId"
	BadPriority                 Reason = "BadPriority"
	BadTopic                    Reason = "BadTopic"
	DeviceTokenNotForTopic      Reason = "DeviceTokenNotForTopic"
	DuplicateHeaders            Reason = "DuplicateHeaders"
	IdleTimeout                 Reason = "IdleTimeout"
	InvalidPushType             Reason = "InvalidPushType"
	MissingDeviceToken          Reason = "MissingDeviceToken"
	MissingTopic                Reason = "MissingTopic"
	PayloadEmpty                Reason = "PayloadEmpty"
	TopicDisallowed             Reason = "TopicDisallowed"
	BadCertificate              Reason = "BadCertificate"
	BadCertificateEnvironment   Reason = "BadCertificateEnvironment"
	ExpiredProviderToken        Reason = "ExpiredProviderToken"
	Forbidden                   Reason = "Forbidden"
	InvalidProviderToken        Reason = "InvalidProviderToken"
	MissingProviderToken        Reason = "MissingProviderToken"
	UnrelatedKeyIDInToken       Reason = "UnrelatedKeyIdInToken"
	BadEnvironmentKeyIDInToken  Reason = "BadEnvironmentKeyIdInToken"
	BadEnvironmentKeyInToken    Reason = "BadEnvironmentKeyInToken" // as two client libraries saw the former spelt
	BadPath                     Reason = "BadPath"
	MethodNotAllowed            Reason = "MethodNotAllowed"
	ExpiredToken                Reason = "ExpiredToken"
	Unregistered                Reason = "Unregistered"
	PayloadTooLarge             Reason = "PayloadTooLarge"
	TooManyProviderTokenUpdates Reason = "TooManyProviderTokenUpdates"
	TooManyRequests             Reason = "TooManyRequests"
	InternalServerError         Reason = "InternalServerError"
	ServiceUnavailable          Reason = "ServiceUnavailable"
	Shutdown                    Reason = "Shutdown"
)

var statusOf = map[Reason]int{
	BadCollapseID: 400, BadDeviceToken: 400, BadExpirationDate: 400, BadMessageID: 400, BadPriority: 400, BadTopic: 400,
	DeviceTokenNotForTopic: 400, DuplicateHeaders: 400, IdleTimeout: 400, InvalidPushType: 400, MissingDeviceToken: 400,
	MissingTopic: 400, PayloadEmpty: 400, TopicDisallowed: 400,
	BadCertificate: 403, BadCertificateEnvironment: 403, ExpiredProviderToken: 403, Forbidden: 403, InvalidProviderToken: 403,
	MissingProviderToken: 403, UnrelatedKeyIDInToken: 403, BadEnvironmentKeyIDInToken: 403, BadEnvironmentKeyInToken: 403,
	BadPath: 404, MethodNotAllowed: 405, ExpiredToken: 410, Unregistered: 410, PayloadTooLarge: 413,
	TooManyProviderTokenUpdates: 429, TooManyRequests: 429,
	InternalServerError: 500, ServiceUnavailable: 503, Shutdown: 503,
}

// usualReason is what a fault with a status alone answers.
var usualReason = map[int]Reason{
	400: BadDeviceToken, 403: InvalidProviderToken, 404: BadPath, 405: MethodNotAllowed, 410: Unregistered, 413: PayloadTooLarge,
	429: TooManyRequests, 500: InternalServerError, 503: ServiceUnavailable,
}

// refusal is APNs' no.
type refusal struct {
	reason Reason
	at     time.Time     // for 410: when the token was found to be void
	wait   time.Duration // for TooManyRequests: until one may come again
}

func refuse(r Reason) *refusal { return &refusal{reason: r} }
