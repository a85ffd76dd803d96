package fcmtest

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
	"github.com/hushpush/hush/pushtest/internal/simulator"
)

var ruleProject = Rule{
	Name:    "project",
	Text:    `The path names the project by id or number. Another one gets 404 NOT_FOUND or 403 PERMISSION_DENIED, without an FcmError: that is no dead token.`,
	Source:  "firebase-admin for node maps both; sources differ",
	Certain: simkit.Uncertain,
	Switch:  "project.unknown",
	Default: "404",
	Words:   []string{"404", "403"},
	Varies:  []string{"404", "403"},
}

var rulePermission = Rule{
	Name:    "project.permission",
	Text:    `Whether the service account may send (cloudmessaging.messages.create): "granted"; "denied", or the API "disabled" in the project: 403 PERMISSION_DENIED without an FcmError, which is no dead token.`,
	Source:  "firebase-admin for node maps it; the body from memory",
	Certain: simkit.Uncertain,
	Switch:  "project.permission",
	Default: "granted",
	Words:   []string{"granted", "denied", "disabled"},
	Fixed:   "it is a state of the project, not an open question",
}

var ruleValidateOnly = Rule{
	Name:    "validate_only",
	Text:    "With validate_only all is checked, the token too, and nothing is delivered; the name ends in fake_message_id.",
	Source:  "FCM discovery document v1; bloomberg/pushiko",
	Certain: simkit.Observed,
}

var ruleAccepted = Rule{
	Name:    "accepted",
	Text:    `An accepted message is answered with 200 {"name": "projects/{project}/messages/{id}"}: taken, not delivered.`,
	Source:  "FCM discovery document v1; firebase.google.com/docs/cloud-messaging/customize-messages/setting-message-lifespan",
	Certain: simkit.Documented,
}

var ruleOverwritten = Rule{
	Name:    "data.collapse_key",
	Text:    "A key collapse_key in data is allowed, and overwritten by the message's own collapse key.",
	Source:  "firebase.google.com/docs/cloud-messaging/error-codes",
	Certain: simkit.Documented,
}

// sends is the send endpoint.
type sends struct {
	*simulator.Kit
	project *project
	access  *accessTokens
	quota   *quota
	spool   *spool
	count   atomic.Uint64 // of message ids
}

// answer checks a send request in the stated order and, if nothing refuses, takes the message.
func (s *sends) answer(c *call) answer {
	if no := s.access.check(c.Request); no != nil {
		return no.answer()
	}
	if no := s.checkProject(c.project); no != nil {
		return no.answer()
	}
	if no := s.quota.check(); no != nil {
		return no.answer()
	}
	if c.badBody != nil {
		return c.badBody.answer()
	}
	r := newRequest(c.tree)
	if no := s.checkFields(r); no != nil {
		return no.answer()
	}
	if r.token == "" {
		return s.accepted(c, r, simkit.Discarded, DroppedNobody)
	}
	return s.receive(c, r)
}

func (s *sends) checkProject(project string) *refusal {
	known := s.project.is(project)
	switch {
	case known && s.Switches.String("project.permission") == "granted":
		return nil
	case known && s.Switches.String("project.permission") == "disabled":
		return &refusal{status: http.StatusForbidden, info: "SERVICE_DISABLED", message: "Firebase Cloud Messaging API has not been used in project " +
			s.project.number + " before or it is disabled."}
	case known, s.Switches.String("project.unknown") == "403":
		return &refusal{status: http.StatusForbidden, message: "Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/" +
			clip(project) + "' (or it may not exist)."}
	}
	return &refusal{status: http.StatusNotFound, message: codeMessage[Unregistered]}
}

// receive gives a message to the spool, faults included, and answers.
func (s *sends) receive(c *call, r *request) answer {
	p := s.spool
	p.Lock()
	now := s.Clock.Now()
	d := p.Devices[r.token]
	no := p.checkToken(d, r, now)
	var push *APNsPush
	id := s.messageID()
	if no == nil && d.Platform == IOS {
		push = s.apnsPush(r, d, id)
		no = s.checkIOS(r, push, d)
	}
	if no != nil || r.validateOnly {
		p.Unlock()
		if no != nil {
			return no.answer()
		}
		return s.accepted(c, r, simkit.Discarded, "validateOnly")
	}
	no, notTill := p.checkDeviceRate(d, now)
	if no != nil {
		p.Unlock()
		return no.answer()
	}
	m := s.newPending(c, r, id, now)
	m.notTill = notTill
	if push != nil {
		m.toIOS(push, now)
	}
	if push == nil && m.CollapseKey == "" && s.Switches.String("collapse.default") == "package" {
		m.CollapseKey = d.Package
	}
	if d.lowered && push == nil {
		m.Priority = Normal
	}
	outcome, why := simkit.Lost, ""
	switch c.fault.Do {
	case simkit.Lose:
	case simkit.Throttle:
		m.notTill = now.Add(s.Switches.Duration("collapse.refill"))
		outcome, why = p.accept(d, m, now)
	case simkit.Twice:
		m.twice = true
		fallthrough
	default:
		outcome, why = p.accept(d, m, now)
	}
	s.Ledger.Outcome(c.id, outcome, why) // while the lock is held: what becomes of it next comes after
	p.Unlock()
	p.Drain(d)
	return s.named(r, m.ID, outcome)
}

// accepted records the outcome of a message that no device is asked about.
func (s *sends) accepted(c *call, r *request, outcome simkit.Outcome, why string) answer {
	s.Ledger.Outcome(c.id, outcome, why)
	return s.named(r, s.messageID(), outcome)
}

func (s *sends) named(r *request, id string, outcome simkit.Outcome) answer {
	if r.validateOnly {
		id = "fake_message_id"
	}
	body := googleJSON(map[string]string{"name": "projects/" + s.project.id + "/messages/" + id})
	return answer{status: http.StatusOK, header: jsonHeader(), body: body, outcome: outcome}
}

// messageID returns an id that is unique in a simulator, in the form that FCM's ids have; clients must not read it.
func (s *sends) messageID() string {
	n := s.count.Add(1)
	return fmt.Sprintf("0:%d%%%08x%08x", s.Clock.Now().UnixMicro(), n, uint32(s.Random.Uint64()))
}

func (s *sends) newPending(c *call, r *request, id string, now time.Time) *pending {
	m := &pending{expires: now.Add(r.ttl()), Message: Message{
		ID: id, RequestID: c.id, From: s.project.number, Data: make(map[string]string, len(r.data)),
		CollapseKey: r.collapseKey, Priority: r.priority, SentPriority: r.priority, TTL: r.ttl(), SentAt: now,
		Notification: r.notification != nil, DirectBootOK: r.directBootOK,
	}}
	for _, member := range r.data {
		m.Data[member.Name] = member.Value.Text
	}
	if _, has := m.Data["collapse_key"]; has {
		m.Data["collapse_key"] = r.collapseKey
	}
	return m
}

// toIOS makes a message to APNs of one to FCM: nothing of android counts.
func (m *pending) toIOS(push *APNsPush, now time.Time) {
	m.APNs = push
	m.CollapseKey, m.DirectBootOK = "", false
	m.Priority = Normal
	if push.Headers["apns-priority"] == "10" {
		m.Priority = High
	}
	m.SentPriority = m.Priority
	m.TTL = push.ttl()
	m.expires = now.Add(m.TTL)
}
