package repro

import (
	"fmt"
	"regexp"
	"strings"

	"mimic/ops"
)

// refused is what the C file says of a program that the kernel does not take. The reason is a text of
// the verifier's, and which errno goes with it is no promise.
const refused = "refused"

// canonical is an answer as the C file writes it.
func canonical(op ops.Op, got ops.Result) (string, error) {
	switch o := op.(type) {
	case ops.Prog:
		if got.Errno != 0 {
			return refused, nil
		}
	case ops.Info:
		if got.Errno == 0 && strings.Contains(got.Got, " key=") {
			return describe(o, got.Got)
		}
	}
	if name := got.Errno.String(); !named[name] {
		return strings.Replace(got.String(), name, fmt.Sprintf("E%d", got.Errno), 1), nil
	}
	return got.String(), nil
}

// named are the errnos that the C file has names for; of others it says the number.
var named = func() map[string]bool {
	names := map[string]bool{"ok": true}
	for _, m := range regexp.MustCompile(`return "(E[A-Z0-9]+)"`).FindAllStringSubmatch(helpersFile, -1) {
		names[m[1]] = true
	}
	return names
}()

// describe turns the words of Info's answer into the numbers that the C file prints.
func describe(o ops.Info, text string) (string, error) {
	var t ops.MapType
	var flags ops.CreateFlags
	word, rest, _ := strings.Cut(text, " ")
	if err := t.UnmarshalText([]byte(word)); err != nil {
		return "", cannot(o, "%v", err)
	}
	fields := map[string]string{}
	for field := range strings.FieldsSeq(rest) {
		name, value, _ := strings.Cut(field, "=")
		fields[name] = value
	}
	if err := flags.UnmarshalText([]byte(fields["flags"])); err != nil {
		return "", cannot(o, "%v", err)
	}
	btf := fields["btf"]
	if btf == "unknown" {
		btf = "another"
	} else if btf != "" {
		btf = "its"
	}
	hex := "0"
	if flags != 0 {
		hex = fmt.Sprintf("%#x", uint32(flags))
	}
	return fmt.Sprintf("= type=%d key=%s value=%s max=%s flags=%s name=%s btf=%s",
		uint32(t), fields["key"], fields["value"], fields["max"], hex, fields["name"], btf), nil
}
