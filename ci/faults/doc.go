// Package faults holds mimic itself to what it must do when something around it breaks: its tests
// run the command and break things, and docs/faults.md is made of their table.
package faults
