// Package ops is mimic's language: operations, sequences and traces as plain
// values, each with one text form.
//
// A sequence is a list of operations on named maps and programs:
//
//	i0 = map(hash, key=4, value=8, max=2)
//	o0 = outer(array, max=4, template=i0)
//	o0.update(1, i0)
//	o0.lookup(1)
//	end()
//
// Parsing and printing are exact inverses. Every operation is total: on a name
// that was never defined, or whose descriptor is closed, the kernel is handed a
// descriptor that is not open and answers for itself. So any subset of a
// sequence is a sequence again. A name is defined at most once.
//
// Package ops is pure: it imports no system call and decides nothing.
package ops
