package ops

// The text of each operation comes from its row of the table.

// String is the line of text.
func (o Map) String() string { return text(o) }

// String is the line of text.
func (o Outer) String() string { return text(o) }

// String is the line of text.
func (o Update) String() string { return text(o) }

// String is the line of text.
func (o Lookup) String() string { return text(o) }

// String is the line of text.
func (o Delete) String() string { return text(o) }

// String is the line of text.
func (o Take) String() string { return text(o) }

// String is the line of text.
func (o Next) String() string { return text(o) }

// String is the line of text.
func (o LookupBatch) String() string { return text(o) }

// String is the line of text.
func (o TakeBatch) String() string { return text(o) }

// String is the line of text.
func (o UpdateBatch) String() string { return text(o) }

// String is the line of text.
func (o DeleteBatch) String() string { return text(o) }

// String is the line of text.
func (o Dump) String() string { return text(o) }

// String is the line of text.
func (o Freeze) String() string { return text(o) }

// String is the line of text.
func (o File) String() string { return text(o) }

// String is the line of text.
func (o Info) String() string { return text(o) }

// String is the line of text.
func (o Close) String() string { return text(o) }

// String is the line of text.
func (o Reopen) String() string { return text(o) }

// String is the line of text.
func (o Pin) String() string { return text(o) }

// String is the line of text.
func (o Get) String() string { return text(o) }

// String is the line of text.
func (o Unpin) String() string { return text(o) }

// String is the line of text.
func (o Cat) String() string { return text(o) }

// String is the line of text.
func (o FD) String() string { return text(o) }

// String is the line of text.
func (o BTF) String() string { return text(o) }

// String is the line of text.
func (o Alive) String() string { return text(o) }

// String is the line of text.
func (o Gone) String() string { return text(o) }

// String is the line of text.
func (o Prog) String() string { return text(o) }

// String is the line of text.
func (o Run) String() string { return text(o) }

// String is the line of text.
func (o Load) String() string { return text(o) }

// String is the line of text.
func (o Repeat) String() string { return text(o) }

// String is the line of text.
func (o End) String() string { return text(o) }

// String is the line of text.
func (o Sys) String() string { return text(o) }

// String is the line of text.
func (o Live) String() string { return text(o) }

// String is the line of text.
func (o Renew) String() string { return text(o) }

// String is the line of text.
func (o Still) String() string { return text(o) }

// String is the line of text.
func (o Attach) String() string { return text(o) }

// String is the line of text.
func (o Bind) String() string { return text(o) }

// String is the line of text.
func (o Iter) String() string { return text(o) }

// String is the line of text.
func (o Process) String() string { return text(o) }

// String is the line of text.
func (o Kill) String() string { return text(o) }

// String is the line of text.
func (o Thread) String() string { return text(o) }

// String is the line of text.
func (o Join) String() string { return text(o) }

// String is the line of text.
func (o Caps) String() string { return text(o) }
