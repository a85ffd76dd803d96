// Command notes is the example app as a phone runs it; see package notes.
package main

import "github.com/hushpush/hush/examples/notes"

func main() { notes.Main() }
