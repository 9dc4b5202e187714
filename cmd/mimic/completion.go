package main

import (
	"context"
	"flag"
	"fmt"
	"slices"
	"strings"

	"mimic/properties"
	"mimic/suite"
	"mimic/target"
)

// completeWord is the command that the scripts of shells call: the words of the line up to the cursor follow it,
// the last of them unfinished. It prints what that may become, a line each; nothing stands for files.
const completeWord = "__complete"

// scripts are what makes a shell ask mimic itself, so that there is nothing to forget when a flag is added.
var scripts = []struct{ shell, text string }{
	{"bash", `_mimic() {
	local IFS=$'\n'
	COMPREPLY=($(mimic ` + completeWord + ` "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _mimic mimic
`},
	{"zsh", `#compdef mimic
_mimic() {
	local -a found
	found=("${(@f)$(mimic ` + completeWord + ` "${(@)words[2,CURRENT]}" 2>/dev/null)}")
	if [[ -n "$found[1]" ]]; then compadd -a found; else _files; fi
}
if [ "$funcstack[1]" = _mimic ]; then _mimic; else compdef _mimic mimic; fi
`},
	{"fish", `function __mimic
	set -l words (commandline -opc) (commandline -ct)
	set -l found (mimic ` + completeWord + ` $words[2..] 2>/dev/null)
	if set -q found[1]; printf '%s\n' $found; else; __fish_complete_path (commandline -ct); end
end
complete -c mimic -f -a '(__mimic)'
`},
}

func shells() (names []string) {
	for _, s := range scripts {
		names = append(names, s.shell)
	}
	return names
}

func runCompletion(_ context.Context, c command, args []string) (int, error) {
	words, err := parse(c.flags(), args)
	if err != nil {
		return 0, err
	}
	shell, err := one("shell: "+strings.Join(shells(), ", "), words)
	if err != nil {
		return 0, err
	}
	for _, s := range scripts {
		if s.shell == shell {
			_, err := fmt.Fprint(stdout, s.text)
			return suite.ExitHeld, err
		}
	}
	return 0, usagef("%q is no shell that mimic knows: want %s", shell, strings.Join(shells(), ", "))
}

func printCandidates(words []string) int {
	for _, c := range candidates(words) {
		fmt.Fprintln(stdout, c)
	}
	return suite.ExitHeld
}

// candidates are what the last word may become.
func candidates(words []string) (found []string) {
	if len(words) == 0 {
		return nil
	}
	last := words[len(words)-1]
	c, named := commandNamed(words[0])
	if !named || len(words) == 1 {
		c = commands()[0]
	}
	switch value := c.flagBefore(words); {
	case value != "":
		found = valuesOf(value, &last)
	case strings.HasPrefix(last, "-"):
		c.flagSet().VisitAll(func(f *flag.Flag) { found = append(found, "-"+f.Name) })
	case len(words) == 1:
		for _, c := range commands() {
			found = append(found, c.name)
		}
	case len(words) == 2 && c.words != nil:
		found = c.words
	case c.name == "kernels" && words[1] == "fetch":
		found = kernelNames()
	}
	return starting(found, last, words[len(words)-1])
}

// starting are those words that begin as last does; what stands before the last comma of the whole word is kept.
func starting(all []string, last, whole string) (found []string) {
	for _, w := range all {
		if strings.HasPrefix(w, last) {
			found = append(found, strings.TrimSuffix(whole, last)+w)
		}
	}
	return found
}

// flagBefore is the name of the flag whose value the last word is, "" if it is none.
func (c command) flagBefore(words []string) string {
	if len(words) < 2 || !strings.HasPrefix(words[len(words)-2], "-") {
		return ""
	}
	name := strings.TrimLeft(words[len(words)-2], "-")
	f := c.flagSet().Lookup(name)
	if f == nil {
		return ""
	}
	if b, ok := f.Value.(interface{ IsBoolFlag() bool }); ok && b.IsBoolFlag() {
		return ""
	}
	return name
}

// valuesOf are the words that a flag takes; of a list, last becomes what stands behind its last comma.
func valuesOf(name string, last *string) []string {
	switch name {
	case "mode":
		return []string{string(target.Fast), string(target.Stock), string(target.Det)}
	case "missing":
		return []string{"fail", "skip"}
	case "vm", "elsewhere", "good", "bad", "claims":
		*last = (*last)[strings.LastIndexByte(*last, ',')+1:]
	}
	switch name {
	case "vm":
		return append([]string{"all", "arches", "host"}, kernelNames()...)
	case "elsewhere":
		return append([]string{"all", "none"}, kernelNames()...)
	case "good", "bad":
		return kernelNames()
	case "claims":
		return claimNames()
	}
	return nil
}

// kernelNames are the rows of kernels.txt, and what else the cache has.
func kernelNames() (names []string) {
	rows, _ := suite.Matrix() // what cannot be read completes nothing
	for _, row := range rows {
		names = append(names, row.Name())
	}
	for _, k := range suite.Kept() {
		names = append(names, k.Kernel.Version)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func claimNames() (names []string) {
	for _, c := range properties.Claims {
		names = append(names, c.ID)
	}
	return names
}
