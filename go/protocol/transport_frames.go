package protocol

import (
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"sync"
)

const (
	readAhead    = 64 << 10 // bytes that one read of the socket may bring
	largestHead  = 14       // of a frame
	mostControl  = 125      // bytes in a control frame
	opText       = 1
	opLastOfData = 2
	opClose      = 8
	opPong       = 10
)

// errTooLarge is a message over the limit.
var errTooLarge = errors.New("a message over the limit")

// violation is a frame that no lawful peer sends (REQ-WIRE-15).
type violation string

func (v violation) Error() string { return "protocol violation: " + string(v) }

// frames is the byte stream below the library. It reads ahead, knows where a batch of frames ends,
// holds the peer to RFC 6455 before the library sees a frame, and hands up one frame at a time, so
// that a plain one may be taken out here without the library. One goroutine reads.
type frames struct {
	socket io.ReadWriteCloser
	limit  int64
	// drained is called before the socket is asked for more: all that was read has been handled.
	drained func()

	room       []byte
	from, to   int
	left       int64 // bytes of the frame of the moment that were not handed up
	message    int64 // bytes of the payload of the message of the moment
	fragmented bool  // more of the message follows
	broken     error

	out    sync.Mutex // guards the rest
	parted bool       // our close frame is out: nothing follows
}

func newFrames(socket io.ReadWriteCloser, limit int64) *frames {
	return &frames{socket: socket, limit: limit, drained: func() {}, room: make([]byte, readAhead)}
}

// plain returns the payload of the next frame when it is a whole text message and lies here already.
// It is good until the next call of any method.
func (f *frames) plain() ([]byte, bool) {
	if !fast.cut || f.left > 0 || f.fragmented || f.to-f.from < 2 || f.room[f.from] != 0x80|opText {
		return nil, false
	}
	head, size := headOf(f.room[f.from:f.to])
	if head == 0 || size < 0 || size > f.limit || size > int64(f.to-f.from-head) || f.room[f.from+1]&0x80 != 0 {
		return nil, false
	}
	start := f.from + head
	f.from = start + int(size)
	return f.room[start:f.from], true
}

// headOf returns the lengths of the frame's head and payload; 0 while the head is not whole.
func headOf(text []byte) (head int, size int64) {
	if len(text) < 2 {
		return 0, 0
	}
	head, size = 2, int64(text[1]&0x7f)
	switch size {
	case 126:
		if head = 4; len(text) >= head {
			size = int64(binary.BigEndian.Uint16(text[2:]))
		}
	case 127:
		if head = 10; len(text) >= head {
			size = int64(binary.BigEndian.Uint64(text[2:]))
		}
	}
	if len(text) < head {
		return 0, 0
	}
	return head, size
}

// Read hands up bytes of one frame at most.
func (f *frames) Read(p []byte) (int, error) {
	if f.broken != nil {
		return 0, f.broken
	}
	if f.left == 0 {
		if err := f.begin(); err != nil {
			f.broken = err
			return 0, err
		}
	}
	if f.from == f.to {
		if err := f.fill(1); err != nil {
			return 0, err
		}
	}
	n := copy(p, f.room[f.from:f.from+int(min(f.left, int64(f.to-f.from)))])
	f.from += n
	f.left -= int64(n)
	return n, nil
}

// fill reads until that many bytes lie here.
func (f *frames) fill(want int) error {
	if f.from == f.to {
		f.from, f.to = 0, 0
	}
	if len(f.room)-f.from < want {
		f.to = copy(f.room, f.room[f.from:f.to])
		f.from = 0
	}
	for f.to-f.from < want {
		f.drained()
		n, err := f.socket.Read(f.room[f.to:])
		f.to += n
		if err != nil && f.to-f.from < want {
			return err
		}
	}
	return nil
}

// begin looks at the head of the next frame.
func (f *frames) begin() error {
	if err := f.fill(2); err != nil {
		return err
	}
	head, size := headOf(f.room[f.from:f.to])
	for want := 4; head == 0; want = 10 {
		if err := f.fill(want); err != nil {
			return err
		}
		head, size = headOf(f.room[f.from:f.to])
	}
	first, masked := f.room[f.from], f.room[f.from+1]&0x80 != 0
	final, op := first&0x80 != 0, first&0x0f
	switch {
	case first&0x70 != 0:
		return violation("a reserved bit")
	case masked:
		return violation("a masked frame")
	case op > opLastOfData && op < opClose || op > opPong:
		return violation("an unknown opcode")
	case size < 0:
		return violation("a length without end")
	case op >= opClose && (!final || size > mostControl):
		return violation("a control frame in pieces or over 125 bytes")
	case op == opClose:
		if err := f.checkClose(head, int(size)); err != nil {
			return err
		}
	case op < opClose:
		if (op == 0) != f.fragmented {
			return violation("a message inside another, or the rest of none")
		}
		if op != 0 {
			f.message = 0
		}
		if f.message += size; f.message > f.limit {
			return errTooLarge
		}
		f.fragmented = !final
	}
	f.left = int64(head) + size
	return nil
}

// checkClose looks at the payload of a close frame.
func (f *frames) checkClose(head, size int) error {
	if size == 0 {
		return nil
	}
	if err := f.fill(head + size); err != nil {
		return err
	}
	if size == 1 {
		return violation("a close frame with one byte")
	}
	code := binary.BigEndian.Uint16(f.room[f.from+head:])
	if code < 1000 || code >= 1004 && code <= 1006 || code >= 1015 && code < 3000 || code > 4999 {
		return violation("a close code that is never sent")
	}
	return nil
}

// Write writes frames of the library; after our close frame it swallows them.
func (f *frames) Write(p []byte) (int, error) {
	f.out.Lock()
	defer f.out.Unlock()
	if f.parted {
		return len(p), nil
	}
	return f.socket.Write(p)
}

// part writes a close frame, the last frame of this side. The library's own way would bind the wait
// for the answer to a limit of its own.
func (f *frames) part(code int) {
	f.out.Lock()
	defer f.out.Unlock()
	if f.parted {
		return
	}
	f.parted = true
	frame := []byte{0x80 | opClose, 0x80 | 2, 0, 0, 0, 0, byte(code >> 8), byte(code)}
	_, _ = rand.Read(frame[2:6])
	frame[6] ^= frame[2]
	frame[7] ^= frame[3]
	_, _ = f.socket.Write(frame)
}

// Close closes the socket.
func (f *frames) Close() error { return f.socket.Close() }
