package push

// Audience says who is to get a push. Exactly one kind is set.
type Audience struct {
	Users   []string
	Devices []string
	Tags    *TagRule
	All     bool
}

// Deferred reports whether the devices are looked up only when the push's time has come, as for tags and for all.
func (a Audience) Deferred() bool { return a.Tags != nil || a.All }

// TagRule chooses users by their tags. Every part given must hold; a rule with no part is refused.
type TagRule struct {
	Any  []string
	All  []string
	None []string
}

// Matches reports whether the rule chooses a user with these tags.
func (r TagRule) Matches(tags []string) bool {
	has := make(map[string]bool, len(tags))
	for _, t := range tags {
		has[t] = true
	}
	for _, t := range r.All {
		if !has[t] {
			return false
		}
	}
	for _, t := range r.None {
		if has[t] {
			return false
		}
	}
	if len(r.Any) == 0 {
		return true
	}
	for _, t := range r.Any {
		if has[t] {
			return true
		}
	}
	return false
}
