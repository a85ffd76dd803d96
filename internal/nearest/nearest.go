// Package nearest finds the words that a misspelt one may mean.
package nearest

import "strings"

// Of returns the word that is nearest to a misspelt one in spelling, the first of several; "" if none is near.
func Of(misspelt string, words []string) string {
	if all := All(misspelt, words); len(all) > 0 {
		return all[0]
	}
	return ""
}

// All returns the words that are nearest to a misspelt one, all at the same distance, in the order of words. Capitals are no
// slip. A word is near with at most a slip in three letters and one more, and never with more than three: beyond that it is
// another word.
func All(misspelt string, words []string) []string {
	var near []string
	least := min(len(misspelt)/3+1, 3)
	for _, w := range words {
		d := distance(strings.ToLower(misspelt), strings.ToLower(w))
		if d < least {
			near, least = nil, d
		}
		if d == least {
			near = append(near, w)
		}
	}
	return near
}

// distance counts the letters to add, drop, change or swap with their neighbour to make b of a (optimal string alignment).
func distance(a, b string) int {
	before, last := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row := make([]int, len(b)+1)
		row[0] = i
		for j := 1; j <= len(b); j++ {
			change := 1
			if a[i-1] == b[j-1] {
				change = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+change)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last = last, row
	}
	return last[len(b)]
}
