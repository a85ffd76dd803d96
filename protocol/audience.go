package protocol

import "github.com/hushpush/hush/push"

// Audience says who is to get a push. Exactly one kind is set.
type Audience struct {
	Users   []string `json:"users,omitempty"`
	Devices []string `json:"devices,omitempty"`
	Tags    *TagRule `json:"tags,omitempty"`
	All     bool     `json:"all,omitempty"`
}

// TagRule chooses users by their tags. Every part given must hold; a rule with no part is refused.
type TagRule struct {
	Any  []string `json:"any,omitempty"`
	All  []string `json:"all,omitempty"`
	None []string `json:"none,omitempty"`
}

// Parse returns the audience as push has it. It shares the lists, and checks nothing.
func (a Audience) Parse() push.Audience {
	out := push.Audience{Users: a.Users, Devices: a.Devices, All: a.All}
	if a.Tags != nil {
		rule := push.TagRule(*a.Tags)
		out.Tags = &rule
	}
	return out
}
