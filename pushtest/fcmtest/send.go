package fcmtest

import (
	"fmt"
	"net/http"
	"time"

	"github.com/hushpush/hush/pushtest/internal/simkit"
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

// send judges a send request in the stated order and, if nothing refuses, takes the message.
func (s *Server) send(c *call) answer {
	if no := s.checkAccess(c.Request); no != nil {
		return no.answer()
	}
	if no := s.checkProject(c.project); no != nil {
		return no.answer()
	}
	if no := s.checkProjectQuota(); no != nil {
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
	return s.take(c, r)
}

func (s *Server) checkProject(project string) *refusal {
	known := project == s.project || project == s.number
	switch {
	case known && s.set.String("project.permission") == "granted":
		return nil
	case known && s.set.String("project.permission") == "disabled":
		return &refusal{status: http.StatusForbidden, info: "SERVICE_DISABLED", message: "Firebase Cloud Messaging API has not been used in project " +
			s.number + " before or it is disabled."}
	case known, s.set.String("project.unknown") == "403":
		return &refusal{status: http.StatusForbidden, message: "Permission 'cloudmessaging.messages.create' denied on resource '//cloudresourcemanager.googleapis.com/projects/" +
			clip(project) + "' (or it may not exist)."}
	}
	return &refusal{status: http.StatusNotFound, message: codeMessage[Unregistered]}
}

// take gives a message to the post office, faults included, and answers.
func (s *Server) take(c *call, r *request) answer {
	p := s.post
	p.mu.Lock()
	now := s.clock.Now()
	d := p.devices[r.token]
	no := s.checkToken(d, r, now)
	var push *APNsPush
	id := s.messageID()
	if no == nil && d.Platform == IOS {
		push = s.apnsPush(r, d, id)
		no = s.checkIOS(r, push, d)
	}
	if no != nil || r.validateOnly {
		p.mu.Unlock()
		if no != nil {
			return no.answer()
		}
		return s.accepted(c, r, simkit.Discarded, "validateOnly")
	}
	no, notTill := s.checkDeviceRate(d, now)
	if no != nil {
		p.mu.Unlock()
		return no.answer()
	}
	m := s.newParcel(c, r, id, now)
	m.notTill = notTill
	if push != nil {
		m.toIOS(push, now)
	}
	if push == nil && m.CollapseKey == "" && s.set.String("collapse.default") == "package" {
		m.CollapseKey = d.Package
	}
	if d.lowered && push == nil {
		m.Priority = Normal
	}
	outcome, why := simkit.Lost, ""
	switch c.fault.Do {
	case simkit.Lose:
	case simkit.Throttle:
		m.notTill = now.Add(s.set.Duration("collapse.refill"))
		outcome, why = p.accept(d, m, now)
	case simkit.Twice:
		m.twice = true
		fallthrough
	default:
		outcome, why = p.accept(d, m, now)
	}
	s.ledger.Outcome(c.id, outcome, why) // while the lock is held: what becomes of it next comes after
	p.mu.Unlock()
	p.drain(d)
	return s.named(r, m.ID, outcome)
}

// accepted notes the outcome of a message that no device is asked about.
func (s *Server) accepted(c *call, r *request, outcome simkit.Outcome, why string) answer {
	s.ledger.Outcome(c.id, outcome, why)
	return s.named(r, s.messageID(), outcome)
}

func (s *Server) named(r *request, id string, outcome simkit.Outcome) answer {
	if r.validateOnly {
		id = "fake_message_id"
	}
	body := googleJSON(map[string]string{"name": "projects/" + s.project + "/messages/" + id})
	return answer{status: http.StatusOK, header: jsonHeader(), body: body, outcome: outcome}
}

// messageID is unique in a simulator, in the form that FCM's ids have; clients must not read it.
func (s *Server) messageID() string {
	n := s.sent.Add(1)
	return fmt.Sprintf("0:%d%%%08x%08x", s.clock.Now().UnixMicro(), n, uint32(s.post.rand.Uint64()))
}

func (s *Server) newParcel(c *call, r *request, id string, now time.Time) *parcel {
	m := &parcel{expires: now.Add(r.ttl()), Message: Message{
		ID: id, RequestID: c.id, From: s.number, Data: make(map[string]string, len(r.data)),
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
func (m *parcel) toIOS(push *APNsPush, now time.Time) {
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
