package progs

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"mimic/ops"
)

// What a run answers that has no answers of steps.
const (
	AnswerEnd      = "end"       // it got to its end, no step answered anything
	AnswerNotEnded = "not ended" // it did not run, or was stopped: by a tail call, for one
)

// Prepare makes a mailbox, MailboxSize bytes, ready for a run of the program:
// with a key for the outer map, one for the inner map, and the branches that it
// takes (bit n-1: that of step n). What the last run left is cleared.
func (p Program) Prepare(mailbox []byte, outer, inner uint64, branches uint64) {
	clear(mailbox[:ValueAt+min(p.Value, MaxValue)])
	copy(mailbox[OuterKeyAt:][:MaxKey], ops.Bytes(outer, p.OuterKey))
	copy(mailbox[InnerKeyAt:][:MaxKey], ops.Bytes(inner, p.Key))
	binary.NativeEndian.PutUint64(mailbox[BranchesAt:], branches)
	binary.NativeEndian.PutUint64(mailbox[ReadyAt:], 1)
	rooms := 0
	for _, s := range p.Body.Steps() {
		if hasRoom(s) && rooms < MaxRooms {
			clear(mailbox[roomAt(rooms):][:RoomSize])
			rooms++
		}
	}
}

// Finish makes a mailbox one with which a gated program does nothing.
func Finish(mailbox []byte) { clear(mailbox[ReadyAt:][:8]) }

// Answer is what a run answered that left the mailbox, MailboxSize bytes: the
// answers of the steps that ran, in order and separated by spaces. A read is an
// unsigned number; a call is a signed one, with what it wrote behind it if it
// was given memory to write to and succeeded (ops.Number). At the end is null@N
// if step N ended the program: a check, or a call for which there is no socket.
func (p Program) Answer(mailbox []byte) string {
	ended := unsigned(mailbox[EndAt:][:8])
	if ended == 0 {
		return AnswerNotEnded
	}
	var parts []string
	rooms := 0
	for i, s := range p.Body.Steps() {
		if uint64(i+1) == ended {
			parts = append(parts, fmt.Sprintf("null@%d", i+1))
			break
		}
		got := unsigned(mailbox[AnswersAt+8*i:][:8])
		parts = append(parts, answerOf(s, got)...)
		if hasRoom(s) && got == 0 {
			parts = append(parts, ops.Number(mailbox[roomAt(rooms):][:p.Value]))
		}
		if hasRoom(s) {
			rooms++
		}
	}
	return cmp.Or(strings.Join(parts, " "), AnswerEnd)
}

// answers are the steps that answer a signed number, amounts those that answer an unsigned one.
var (
	answers = []ops.StepWord{ops.StepCall, ops.StepTimer, ops.StepStop}
	amounts = []ops.StepWord{ops.StepRead, ops.StepLend, ops.StepSum}
)

// Answers says whether a step answers a number, and whether that has a sign.
func Answers(s ops.BodyStep) (number, signed bool) {
	signed = slices.Contains(answers, s.Word)
	return signed || slices.Contains(amounts, s.Word), signed
}

func answerOf(s ops.BodyStep, got uint64) []string {
	number, sign := Answers(s)
	switch {
	case sign:
		return []string{strconv.FormatInt(signed(got), 10)}
	case number:
		return []string{strconv.FormatUint(got, 10)}
	}
	return nil
}

// signed is what a helper returned. Before 6.4 those of maps return an int, and
// where the verifier has them called without the helper the upper half is zero.
func signed(got uint64) int64 {
	if got>>32 == 0 {
		return int64(int32(got))
	}
	return int64(got)
}

// unsigned is a number of 1, 2, 4 or 8 bytes, in the byte order of the machine.
func unsigned(b []byte) uint64 {
	switch len(b) {
	case 8:
		return binary.NativeEndian.Uint64(b)
	case 4:
		return uint64(binary.NativeEndian.Uint32(b))
	case 2:
		return uint64(binary.NativeEndian.Uint16(b))
	}
	return uint64(b[0])
}
