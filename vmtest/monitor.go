package vmtest

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// monitorLimit is the time that QEMU has for what it is asked, and a guest for stopping itself.
const monitorLimit = 30 * time.Second

// monitor is a conversation with QEMU about the machine, in its protocol QMP.
type monitor struct {
	conn  *net.UnixConn
	in    *json.Decoder
	ready bool
}

func newMonitor(conn *net.UnixConn) *monitor {
	return &monitor{conn: conn, in: json.NewDecoder(conn)}
}

// Close ends it. A nil monitor has no end.
func (m *monitor) Close() error {
	if m == nil {
		return nil
	}
	return m.conn.Close()
}

// reply is what QEMU says: the answer to a command, or an event, which has neither.
type reply struct {
	Return json.RawMessage
	Error  *struct{ Desc string }
}

// hear waits for the answer to a command.
func (m *monitor) hear() (r reply, err error) {
	m.conn.SetDeadline(time.Now().Add(monitorLimit))
	for err == nil && r.Return == nil && r.Error == nil {
		r = reply{}
		err = m.in.Decode(&r)
	}
	return r, err
}

// awaitStop asks again and again whether the guest has stopped itself: an event may have come before
// anybody listened.
func (m *monitor) awaitStop() error {
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		text, err := m.do("query-status", nil)
		if err != nil {
			return err
		}
		var is struct{ Status string }
		if err := json.Unmarshal(text, &is); err != nil {
			return err
		}
		switch {
		case is.Status == stopped:
			return nil
		case time.Since(start) > monitorLimit:
			return fmt.Errorf("it does not stop itself, after %v it is still %s", monitorLimit, is.Status)
		}
	}
}

// stopped is what QEMU calls a machine that pvpanic stopped.
const stopped = "guest-panicked"

// begin switches commands on, which QEMU wants to be asked for.
func (m *monitor) begin() error {
	if m.ready {
		return nil
	}
	m.ready = true
	_, err := m.do("qmp_capabilities", nil)
	return err
}

// do does a command; files go along with it.
func (m *monitor) do(command string, arguments any, files ...*os.File) (json.RawMessage, error) {
	if err := m.begin(); err != nil {
		return nil, err
	}
	text, err := json.Marshal(map[string]any{"execute": command, "arguments": arguments})
	if err != nil {
		return nil, err
	}
	if arguments == nil {
		text = fmt.Appendf(nil, "{%q: %q}", "execute", command)
	}
	if err := m.send(text, files); err != nil {
		return nil, fmt.Errorf("ask QEMU for %s: %w", text, err)
	}
	r, err := m.hear()
	if err == nil && r.Error != nil {
		err = fmt.Errorf("%s", r.Error.Desc)
	}
	if err != nil {
		return nil, fmt.Errorf("QEMU to %s: %w", text, err)
	}
	return r.Return, nil
}

func (m *monitor) send(text []byte, files []*os.File) error {
	m.conn.SetDeadline(time.Now().Add(monitorLimit))
	var fds []int
	for _, f := range files {
		fds = append(fds, int(f.Fd()))
	}
	_, _, err := m.conn.WriteMsgUnix(text, unix.UnixRights(fds...), nil)
	return err
}

// migrate has the state of the machine, without its RAM, written to a file, or read: command is
// migrate or migrate-incoming. The file is where it is at its beginning.
func (m *monitor) migrate(command string, state *os.File) error {
	own, err := os.OpenFile(fmt.Sprintf("/proc/self/fd/%d", state.Fd()), os.O_RDWR, 0) // a position of its own
	if err != nil {
		return err
	}
	defer own.Close()
	for _, step := range []struct {
		command   string
		arguments any
		files     []*os.File
	}{
		{"migrate-set-capabilities", map[string]any{"capabilities": []any{map[string]any{"capability": "x-ignore-shared", "state": true}}}, nil},
		{"getfd", map[string]any{"fdname": "state"}, []*os.File{own}},
		{command, map[string]any{"uri": "fd:state"}, nil},
	} {
		if _, err := m.do(step.command, step.arguments, step.files...); err != nil {
			return err
		}
	}
	return m.awaitMigrated()
}

// awaitMigrated asks again and again: the guest stands still meanwhile.
func (m *monitor) awaitMigrated() error {
	for start := time.Now(); ; time.Sleep(time.Millisecond) {
		text, err := m.do("query-migrate", nil)
		if err != nil {
			return err
		}
		var is struct {
			Status string
			Reason string `json:"error-desc"`
		}
		if err := json.Unmarshal(text, &is); err != nil {
			return err
		}
		switch {
		case is.Status == "completed":
			return nil
		case is.Status == "failed" || time.Since(start) > monitorLimit:
			return fmt.Errorf("the state of the machine was not moved: %s %s", is.Status, is.Reason)
		}
	}
}
