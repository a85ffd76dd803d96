// Command notes is the example app, as a phone runs it, and its backend; see package notes, and its README for how to run it.
package main

import "github.com/hushpush/hush/examples/notes"

func main() { notes.Main() }
