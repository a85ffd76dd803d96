package push

import (
	"fmt"
	"strings"
	"time"
)

// Explanation is why a device gets what it gets, or nothing.
type Explanation struct {
	Now           time.Time
	Device        Device
	Credential    CredentialStanding
	SessionSince  time.Time    // when its open session was opened; zero: none is open here
	WakesLastHour int          // wakes made of its provider
	Wakes         []WakeResult // what became of those, oldest first, as far as what is open tells
	Budget        *BudgetWait  // what keeps its next wake back; nil: no budget does
	Open          int          // open deliveries in all
	Waits         []Wait       // the oldest of them, by what they wait for
}

// CredentialState says whether the app can send through the device's provider.
type CredentialState string

// The states of an app's credential, as far as a device is concerned.
const (
	CredentialOK      CredentialState = "ok"
	CredentialMissing CredentialState = "missing" // none is stored, or with ReasonTopic none that is for the device's bundle id
	CredentialRefused CredentialState = "refused" // the provider refused it; it is tried again at Until
	CredentialHeld    CredentialState = "held"    // the provider's quota is used up until Until, or the server is stopping
)

// CredentialStates lists where an app's credential can stand for a device.
func CredentialStates() []CredentialState {
	return []CredentialState{CredentialOK, CredentialMissing, CredentialRefused, CredentialHeld}
}

// CredentialStanding is where an app's credential stands for one device.
type CredentialStanding struct {
	State  CredentialState
	Reason Reason
	Until  time.Time // zero where nothing is held back
}

// WakeResult is what became of one wake.
type WakeResult struct {
	WakeID   ID
	At       time.Time // of the last thing known of it
	Provider Provider
	Status   int     // HTTP, of the provider's answer; 0: none came yet, or see Error
	Reason   string  // as the provider spells it
	Error    Failure // how it failed to get an answer
	Received bool    // a receipt came for what it was for
}

// Taken reports whether the provider took the wake.
func (w WakeResult) Taken() bool { return w.Status >= 200 && w.Status < 300 }

// Wait is how many open deliveries are in the same state for the same reason.
type Wait struct {
	State    State
	Reason   Reason
	Count    int
	OldestAt time.Time // when the oldest of their pushes was accepted
}

// waitTexts says what open deliveries wait for, after their number.
var waitTexts = map[Reason]string{
	ReasonNoStrategy:    "under a resource without a strategy for its platform",
	ReasonNoToken:       "for a provider token",
	ReasonNoCredentials: "for the app's credential",
	ReasonBudget:        "for the budget",
	ReasonRetry:         "for a wake that is tried again",
	ReasonQuota:         "for the provider's quota",
	ReasonCredentials:   "for a credential that the provider takes",
	ReasonTopic:         "because the app's APNs credential is not for its bundle id",
	ReasonRefused:       "because the provider never takes their wake",
	ReasonAckTimeout:    "after a session that did not acknowledge them",
	ReasonSessionLost:   "after a session that went away",
	ReasonNoResult:      "after a handler that did not return",
	ReasonWake:          "for the wake that is on its way",
}

// Text returns the explanation in a few sentences: first what keeps the device from getting anything, then what waits, and when
// the device was last seen.
func (x Explanation) Text() string {
	if !x.Device.Registered() {
		return fmt.Sprintf("Unregistered since %s: nothing is sent to it until it registers again. Its row stays for 30 days.", stamp(x.Device.UpdatedAt))
	}
	said := x.causes()
	if len(said) == 0 {
		said = append(said, "Nothing keeps it from being woken.")
	}
	return strings.Join(append(said, x.open(), x.seen()), " ")
}

// causes returns what keeps the device from getting anything by wake, the first cause first.
func (x Explanation) causes() (said []string) {
	add := func(format string, args ...any) { said = append(said, fmt.Sprintf(format, args...)) }
	d := x.Device
	provider := providerNames[d.Platform.Provider()]
	if !x.SessionSince.IsZero() {
		add("Its app has a session open since %s, and gets pushes over that.", stamp(x.SessionSince))
	}
	switch {
	case d.Token == TokenDead:
		add("%s No wake leaves until the app registers a token.", deadToken(d.TokenLoss))
	case d.Token == TokenMissing && d.TokenLoss.Reason == ReasonTokenMoved:
		add("It has no provider token since %s, when the token turned up on another device: no wake leaves until the app registers a token.", stamp(d.TokenLoss.At))
	case d.Token == TokenMissing:
		add("It has given no provider token: no wake can leave, and its app gets pushes only while it is open.")
	case x.Credential.State == CredentialMissing && x.Credential.Reason == ReasonTopic:
		add("The app's credential for %s is not for its bundle id, %s: no wake can leave.", provider, d.BundleID)
	case x.Credential.State == CredentialMissing:
		add("The app has no credential for %s: no wake can leave.", provider)
	case x.Credential.State == CredentialRefused:
		add("%s refuses the app's credential; the next try is at %s.", provider, stamp(x.Credential.Until))
	case x.Credential.State == CredentialHeld:
		add("The app's sends through %s are held back until %s (%s).", provider, stamp(x.Credential.Until), x.Credential.Reason)
	case d.Wake.State == WakeRetry || d.Wake.State == WakeSuspect:
		add("%s", x.failedWake(d.Wake))
	case x.Budget != nil:
		add("Its budget is used up: %s.", *x.Budget)
	}
	if x.SessionSince.IsZero() && d.Token == TokenOK {
		if n := x.unheard(); n > 0 {
			add("%s took %s in the last hour, and no receipt has come: %s", provider, Counted(n, "wake"), unheardWhy[d.Platform])
		} else if since := x.sentLongAgo(); !since.IsZero() {
			add("%s took the wake for a push of %s, and no receipt has come: %s", provider, stamp(since), unheardWhy[d.Platform])
		}
	}
	return said
}

// failedWake says how the last try of a wake failed, and when the next one is.
func (x Explanation) failedWake(w Wake) string {
	how := fmt.Sprintf("The last try to wake it through %s failed", providerNames[w.Provider])
	for _, r := range x.Wakes {
		switch {
		case r.WakeID != w.ID || r.Taken():
		case r.Error != FailureNone:
			how = fmt.Sprintf("The last try to wake it had no answer from %s (%s) at %s", providerNames[w.Provider], r.Error, stamp(r.At))
		case r.Status != 0:
			how = fmt.Sprintf("%s answered %s to the last try to wake it at %s", providerNames[w.Provider], answerWords(r.Status, r.Reason), stamp(r.At))
		}
	}
	if !w.DueAt.After(x.Now) {
		return how + "; it is due again now."
	}
	if w.State == WakeSuspect {
		return how + "; whether that is the token's fault or the credential's is decided at " + stamp(w.DueAt) + "."
	}
	return how + "; the next try is at " + stamp(w.DueAt) + "."
}

// answerWords joins a provider's status and reason; the reason may be empty.
func answerWords(status int, reason string) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", status, reason))
}

// sentLongAgo returns when the oldest push was accepted whose wake was taken too long ago to be in Wakes; the zero time if
// there is none.
func (x Explanation) sentLongAgo() (since time.Time) {
	for _, w := range x.Waits {
		if w.State == Sent && w.OldestAt.Before(x.Now.Add(-time.Hour)) {
			since = w.OldestAt
		}
	}
	return since
}

// unheardWhy says what may keep an app from running although its provider took the wake.
var unheardWhy = map[Platform]string{
	IOS:     "the phone may be off or without a network, the app force-quit by its user, or iOS holds background pushes back.",
	Android: "the phone may be off, without a network or in Doze, or the app force-stopped.",
}

var providerNames = map[Provider]string{APNs: "APNs", FCM: "FCM"}

// unheard returns how many wakes the provider took without a receipt since.
func (x Explanation) unheard() (n int) {
	for _, w := range x.Wakes {
		if w.Taken() && !w.Received {
			n++
		}
	}
	return n
}

func deadToken(l TokenLoss) string {
	if l.At.IsZero() {
		return "Its provider token is dead."
	}
	answer := string(l.Reason)
	if l.Status != 0 {
		answer = answerWords(l.Status, string(l.Reason))
	}
	what := "a wake"
	if l.PushID != "" {
		what = "the wake for push " + string(l.PushID)
	}
	return fmt.Sprintf("Its provider token is dead since %s, when %s answered %s to %s.", stamp(l.At), providerNames[l.Provider], answer, what)
}

// open says what is open, and what it waits for.
func (x Explanation) open() string {
	if x.Open == 0 {
		return "Nothing waits for it."
	}
	var kinds []string
	oldest := time.Time{}
	for _, w := range x.Waits {
		if oldest.IsZero() || w.OldestAt.Before(oldest) {
			oldest = w.OldestAt
		}
		switch text := waitTexts[w.Reason]; {
		case w.State == Sent:
			kinds = append(kinds, fmt.Sprintf("%d sent, without a receipt yet", w.Count))
		case w.State == Received:
			kinds = append(kinds, fmt.Sprintf("%d received, the handler has not returned yet", w.Count))
		case text != "":
			kinds = append(kinds, fmt.Sprintf("%d %s", w.Count, text))
		default:
			kinds = append(kinds, fmt.Sprintf("%d (%s)", w.Count, w.Reason))
		}
	}
	verb := "are"
	if x.Open == 1 {
		verb = "is"
	}
	text := fmt.Sprintf("%s %s open", Counted(x.Open, "push"), verb)
	if len(kinds) > 0 {
		text += fmt.Sprintf(", the oldest since %s: %s", stamp(oldest), strings.Join(kinds, "; "))
	}
	return text + "."
}

// seen says when the device last called.
func (x Explanation) seen() string {
	if len(x.Device.CredentialHash) == 0 {
		return "It was imported, and has never called itself."
	}
	return "Last seen about " + stamp(x.Device.HeardAt) + "."
}

// Counted formats a number of things for people: 1 push, 2 pushes.
func Counted(n int, word string) string {
	switch {
	case n == 1:
		return "1 " + word
	case strings.HasSuffix(word, "h"):
		return fmt.Sprintf("%d %ses", n, word)
	}
	return fmt.Sprintf("%d %ss", n, word)
}

// stamp formats a time for people.
func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
