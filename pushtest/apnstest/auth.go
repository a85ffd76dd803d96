package apnstest

import (
	"crypto/sha256"
	"slices"
	"strings"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

// signature is a provider token that one of our keys has signed.
type signature struct {
	key      *Key
	sum      [32]byte // of the token as it came: what tells one token from another
	issuedAt time.Time
}

// access knows who may send what: the signing keys, the authority of client certificates, and the topics. It never changes.
type access struct {
	*simulator.Kit
	environment Environment
	keys        []Key
	topics      []string // that the teams may send to; none: any
	connections *connections
}

// authenticate finds out who asks: by the connection's certificate or, without one, by the request's provider token.
func (x *access) authenticate(a *attempt) *refusal {
	if a.connState.cert != nil {
		if no := x.checkCertificate(a.connState.cert); no != nil {
			return no
		}
	} else {
		sign, no := x.checkProviderToken(a)
		if no != nil {
			return no
		}
		if no := x.bind(a.connState, sign); no != nil {
			return no
		}
		if no := x.checkRefresh(a.connState, sign); no != nil {
			return no
		}
		a.sign = sign
	}
	x.connections.raiseStreams(a.Conn, a.connState, false)
	return nil
}

var ruleTokenMissing = Rule{
	Name:    "provider_token",
	Text:    `Without a client certificate, "authorization: bearer <token>" is needed; else 403 MissingProviderToken. With one it is ignored.`,
	Source:  `Apple, "Handling notification responses from APNs"; "Sending notification requests to APNs"`,
	Certain: simkit.Documented,
}

var ruleTokenScheme = Rule{
	Name:    "provider_token.scheme",
	Text:    `How bearer may be spelled: "lower" case only (else 403 MissingProviderToken), or "any".`,
	Source:  "Apple's pages and all clients write it in lower case; pushy's mock server takes nothing else",
	Certain: simkit.Uncertain,
	Switch:  "provider_token.scheme",
	Default: "lower",
	Words:   []string{"lower", "any"},
	Varies:  []string{"lower", "any"},
}

// bearer returns the token of the authorization header.
func (x *access) bearer(a *attempt) (string, bool) {
	scheme, token, ok := strings.Cut(a.Get("authorization"), " ")
	if !ok || !strings.EqualFold(scheme, "bearer") || token == "" {
		return "", false
	}
	return token, scheme == "bearer" || x.Switches.String("provider_token.scheme") == "any"
}

var ruleTokenValid = Rule{
	Name:    "provider_token.valid",
	Text:    "A provider token is a JWT with alg ES256, the kid of a known key, iss its team, iat in seconds, and a raw signature of 64 bytes; anything else is 403 InvalidProviderToken.",
	Source:  `Apple, "Establishing a token-based connection to APNs"; RFC 7518, section 3.4`,
	Certain: simkit.Documented,
}

var ruleTokenAge = Rule{
	Name:    "provider_token.age",
	Text:    "A token issued longer ago than this, by real time, is 403 ExpiredProviderToken.",
	Source:  `Apple, "Establishing a token-based connection to APNs"`,
	Certain: simkit.Documented,
	Switch:  "provider_token.age",
	Default: "1h",
}

var ruleTokenFuture = Rule{
	Name:    "provider_token.future",
	Text:    "What a token gets that is issued further in the future than its age may be.",
	Source:  `Apple, "Establishing a token-based connection to APNs": iat "no more than one hour from the current time", without a reason`,
	Certain: simkit.Uncertain,
	Switch:  "provider_token.future",
	Default: string(InvalidProviderToken),
	Words:   []string{string(InvalidProviderToken), string(ExpiredProviderToken)},
	Varies:  []string{string(InvalidProviderToken), string(ExpiredProviderToken)},
}

var ruleKeyEnvironment = Rule{
	Name:    "key.environment",
	Text:    "A key that is restricted to the other environment is 403. Apple's page spells the reason BadEnvironmentKeyIdInToken, and its servers were seen to spell it BadEnvironmentKeyInToken.",
	Source:  `Apple, "Handling notification responses from APNs"; kylebrowning/APNSwift pull request 229`,
	Certain: simkit.Uncertain,
	Switch:  "key.environment.reason",
	Default: string(BadEnvironmentKeyIDInToken),
	Words:   []string{string(BadEnvironmentKeyIDInToken), string(BadEnvironmentKeyInToken)},
	Varies:  []string{string(BadEnvironmentKeyIDInToken), string(BadEnvironmentKeyInToken)},
}

// checkProviderToken judges the request's token, apart from the connection it comes on.
func (x *access) checkProviderToken(a *attempt) (*signature, *refusal) {
	token, ok := x.bearer(a)
	if !ok {
		return nil, refuse(MissingProviderToken)
	}
	sign := x.verify(a.connState, token)
	if sign == nil {
		return nil, refuse(InvalidProviderToken)
	}
	key := sign.key
	most := x.Switches.Duration("provider_token.age")
	switch age := time.Since(sign.issuedAt); {
	case age > most:
		a.connState.forgetToken(sign.sum)
		return nil, refuse(ExpiredProviderToken)
	case age < -most:
		return nil, refuse(Reason(x.Switches.String("provider_token.future")))
	case key.Environment != "" && key.Environment != x.environment:
		return nil, refuse(Reason(x.Switches.String("key.environment.reason")))
	}
	return sign, nil
}

// verify finds out who has signed a token; nil for one that is not good. A sender shows the same token thousands of times,
// and checking its signature costs more than all else that a request does, so a connection remembers the latest good ones.
func (x *access) verify(state *connState, token string) *signature {
	sum := sha256.Sum256([]byte(token))
	state.mu.Lock()
	i := slices.IndexFunc(state.signed, func(sg *signature) bool { return sg.sum == sum })
	if i >= 0 {
		defer state.mu.Unlock()
		return state.signed[i]
	}
	state.mu.Unlock()
	c, err := parseJWT(token)
	key := x.key(c.kid)
	if err != nil || c.alg != "ES256" || key == nil || !c.verify(&key.private.PublicKey) || c.iss != key.Team {
		return nil
	}
	sign := &signature{key: key, sum: sum, issuedAt: c.issuedAt}
	state.mu.Lock()
	defer state.mu.Unlock()
	if state.signed = append(state.signed, sign); len(state.signed) > maxSigned {
		state.signed = state.signed[1:]
	}
	return sign
}

// maxSigned is how many good tokens a connection remembers; a sender uses one at a time, two while it changes.
const maxSigned = 4

func (x *access) key(id string) *Key {
	for i := range x.keys {
		if x.keys[i].ID == id {
			return &x.keys[i]
		}
	}
	return nil
}

var ruleOneTeam = Rule{
	Name:    "connection.team",
	Text:    "The first request with a good provider token binds its connection to that team; what another team's token gets.",
	Source:  `Apple, "Establishing a token-based connection to APNs", names no reason; pushy's mock server: InvalidProviderToken`,
	Certain: simkit.Uncertain,
	Switch:  "connection.team",
	Default: string(InvalidProviderToken),
	Words:   []string{string(InvalidProviderToken), string(Forbidden)},
	Varies:  []string{string(InvalidProviderToken), string(Forbidden)},
}

var ruleOneKey = Rule{
	Name:    "connection.key",
	Text:    `It binds it to that key as well: another key of the team is 403 UnrelatedKeyIdInToken ("refuse"), but for one that is related to it; or only if one of the two is for certain topics alone ("scope"); or taken ("accept"). What the key may send to is settled at the start, so a new bundle id never meets an old connection.`,
	Source:  `Apple, "Handling notification responses from APNs": unrelated to the first push's key; "Establishing a token-based connection to APNs" forbids a change between a team's key and a topic's, and says nothing of two of a team's`,
	Certain: simkit.Uncertain,
	Switch:  "connection.key",
	Default: "refuse",
	Words:   []string{"refuse", "scope", "accept"},
	Varies:  []string{"refuse", "scope"},
}

var ruleKeyLimits = Rule{
	Name:    "key.limits",
	Text:    "How many keys a developer account may have (two of a team, 200 for topics, with 400 topics each, in an environment) is the account's affair: the simulator takes any number. A key that is revoked is a fault with InvalidProviderToken.",
	Source:  `Apple, "Establishing a token-based connection to APNs"`,
	Certain: simkit.Documented,
}

// bind holds a connection to the team and key of its first good token.
func (x *access) bind(state *connState, sign *signature) *refusal {
	state.mu.Lock()
	defer state.mu.Unlock()
	switch first, now := state.boundTo, sign.key; {
	case first == nil:
		state.boundTo = now
	case first.Team != now.Team:
		return refuse(Reason(x.Switches.String("connection.team")))
	case first.ID != now.ID && first.Related != now.ID && now.Related != first.ID && x.forbidsChange(first, now):
		return refuse(UnrelatedKeyIDInToken)
	}
	return nil
}

// forbidsChange reports whether a connection that is bound to one key of a team may not go on with another.
func (x *access) forbidsChange(first, now *Key) bool {
	switch x.Switches.String("connection.key") {
	case "accept":
		return false
	case "scope":
		return len(first.Topics) > 0 || len(now.Topics) > 0
	}
	return true
}

var ruleRefresh = Rule{
	Name:    "provider_token.refresh",
	Text:    "A connection may bring this many new tokens of a key within 20 minutes of simulated time; one more is 429 TooManyProviderTokenUpdates. The former token stays good; one that has expired, or that a fault has called bad, does not count.",
	Source:  `Apple, "Establishing a token-based connection to APNs": no more than once every 20 minutes; how strictly is not documented`,
	Certain: simkit.Uncertain,
	Switch:  "provider_token.burst",
	Default: "1",
	Least:   1,
	Varies:  []string{"1", "2"},
}

const refreshWait = 20 * time.Minute

// tokenUse is a token that a connection has brought, and when it was new there.
type tokenUse struct {
	key *Key
	sum [32]byte
	at  time.Time
}

// maxTokenUses bounds how many are remembered: they are needed to know one that is still in use by requests under way.
const maxTokenUses = 64

// checkRefresh counts a connection's new tokens. Each key has a count of its own: the first token of a related key, where the
// connection may go on with one, refreshes nothing.
func (x *access) checkRefresh(state *connState, sign *signature) *refusal {
	now := x.Clock.Now()
	state.mu.Lock()
	defer state.mu.Unlock()
	recent := 0
	for _, u := range state.tokens {
		if u.sum == sign.sum {
			return nil
		}
		if u.key == sign.key && now.Sub(u.at) < refreshWait {
			recent++
		}
	}
	if recent >= max(1, x.Switches.Int("provider_token.burst")) {
		return refuse(TooManyProviderTokenUpdates)
	}
	state.tokens = append(state.tokens, tokenUse{sign.key, sign.sum, now})
	if len(state.tokens) > maxTokenUses {
		state.tokens = state.tokens[1:]
	}
	return nil
}

// forgetToken forgets a token that the connection has brought, so that it may bring a new one in its place at once.
func (state *connState) forgetToken(sum [32]byte) {
	state.mu.Lock()
	defer state.mu.Unlock()
	state.tokens = slices.DeleteFunc(state.tokens, func(u tokenUse) bool { return u.sum == sum })
}

// forgetTokens forgets all tokens that the connection has brought, so that it may bring a new one at once: it was told that its last
// one is bad.
func (state *connState) forgetTokens() {
	state.mu.Lock()
	defer state.mu.Unlock()
	state.tokens = nil
}
