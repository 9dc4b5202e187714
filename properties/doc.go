// Package properties says what the kernel promises about map-of-maps: the
// claims, the reference model that predicts every answer, the plans that ask,
// and the judge.
//
// Everything in it is pure: a plan is a function of a seed and a kernel's
// features, a verdict a function of a trace. Nothing here opens a descriptor.
//
// The model is the intended behaviour, written once. What differs between
// kernels is a row of the table of behaviours. Each prediction names the rules
// behind it, each rule the claims that it speaks for; so an answer that nothing
// allows breaks those claims and no others.
package properties
