package protocol

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

// script is a socket that reads what it was given and keeps what is written.
type script struct {
	io.Reader
	bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func (s *script) Close() error { return nil }

func framesOf(in io.Reader, limit int64) (*frames, *script) {
	s := &script{Reader: in}
	return newFrames(s, limit), s
}

func text(first byte, payload string) string {
	switch n := len(payload); {
	case n < 126:
		return string([]byte{first, byte(n)}) + payload
	case n < 1<<16:
		return string([]byte{first, 126, byte(n >> 8), byte(n)}) + payload
	default:
		return string([]byte{first, 127, 0, 0, 0, 0, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}) + payload
	}
}

func TestREQ_WIRE_15_WhatNoLawfulPeerSendsIsAViolation(t *testing.T) {
	for name, sent := range map[string]string{
		"a reserved bit":       text(0xC1, "x"),
		"masked":               "\x81\x81\x00\x00\x00\x00x",
		"an unknown opcode":    text(0x83, "x"),
		"a control in pieces":  text(0x09, "x"),
		"a long control":       text(0x89, strings.Repeat("x", 126)),
		"a rest of nothing":    text(0x80, "x"),
		"a message in another": text(0x01, "x") + text(0x81, "y"),
		"a close of one byte":  text(0x88, "x"),
		"close code 999":       text(0x88, "\x03\xe7"),
		"close code 1004":      text(0x88, "\x03\xec"),
		"close code 1005":      text(0x88, "\x03\xed"),
		"close code 1006":      text(0x88, "\x03\xee"),
		"close code 1015":      text(0x88, "\x03\xf7"),
		"close code 2999":      text(0x88, "\x0b\xb7"),
		"close code 5000":      text(0x88, "\x13\x88"),
		"an endless length":    "\x81\x7f\xff\xff\xff\xff\xff\xff\xff\xff",
	} {
		for _, in := range []io.Reader{strings.NewReader(sent), iotest.OneByteReader(strings.NewReader(sent))} {
			f, _ := framesOf(in, 1<<20)
			_, err := io.ReadAll(f)
			var broken violation
			if !errors.As(err, &broken) {
				t.Errorf("%s: got %v", name, err)
			}
			if end := endOf(err); end.word != "lost" || end.code != 1002 || !end.ours {
				t.Errorf("%s: told as %+v", name, end)
			}
		}
	}
}

func TestREQ_WIRE_15_WhatIsLawfulGoesUpUnchanged(t *testing.T) {
	sent := text(0x81, "a") + text(0x89, "ping") + text(0x01, "b") + text(0x8a, "") + text(0x80, strings.Repeat("c", 70_000)) +
		text(0x82, strings.Repeat("d", 300)) + text(0x88, "\x03\xe8bye")
	for _, in := range []io.Reader{strings.NewReader(sent), iotest.OneByteReader(strings.NewReader(sent)), iotest.HalfReader(strings.NewReader(sent))} {
		f, _ := framesOf(in, 1<<20)
		got, err := io.ReadAll(f)
		if err != nil || string(got) != sent {
			t.Errorf("%d of %d bytes, %v", len(got), len(sent), err)
		}
	}
}

func TestREQ_WIRE_11_AMessageOverTheLimitIsKnownByItsHeads(t *testing.T) {
	for name, sent := range map[string]string{
		"one frame": text(0x81, "12345")[:2],
		"pieces":    text(0x01, "12") + text(0x00, "34") + text(0x80, "5")[:2],
	} {
		f, _ := framesOf(strings.NewReader(sent), 4)
		if _, err := io.ReadAll(f); !errors.Is(err, errTooLarge) {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, _ := framesOf(strings.NewReader(text(0x01, "12")+text(0x80, "34")+text(0x81, "5678")), 4)
	if _, err := io.ReadAll(f); err != nil {
		t.Error(err)
	}
}

func TestREQ_CONN_16_APlainFrameIsCutOutOnlyWhenItIsWhole(t *testing.T) {
	if !fast.cut {
		t.Skip("frames are not cut")
	}
	f, _ := framesOf(strings.NewReader(text(0x81, "one")+text(0x81, "two")+text(0x01, "th")+text(0x80, "ree")+text(0x81, "four")), 64)
	if _, ok := f.plain(); ok {
		t.Error("nothing was read yet")
	}
	up := make([]byte, 64)
	read := func(want string) {
		t.Helper()
		n, err := f.Read(up)
		if string(up[:n]) != want || err != nil {
			t.Errorf("got %q, %v; want %q", up[:n], err, want)
		}
	}
	read(text(0x81, "one"))
	if got, ok := f.plain(); !ok || string(got) != "two" {
		t.Errorf("got %q", got)
	}
	if got, ok := f.plain(); ok {
		t.Errorf("a piece was cut out: %q", got)
	}
	read(text(0x01, "th"))
	if got, ok := f.plain(); ok {
		t.Errorf("a rest was cut out: %q", got)
	}
	read(text(0x80, "ree"))
	if got, ok := f.plain(); !ok || string(got) != "four" {
		t.Errorf("got %q", got)
	}
}

func TestREQ_CONN_05_AfterTheCloseFrameNothingIsWritten(t *testing.T) {
	f, s := framesOf(strings.NewReader(""), 4)
	_, _ = f.Write([]byte("before"))
	f.part(1000)
	f.part(1002)
	if n, err := f.Write([]byte("after")); n != 5 || err != nil {
		t.Error(n, err)
	}
	out := s.Bytes()[len("before"):]
	if len(out) != 8 || out[0] != 0x88 || out[1] != 0x82 || out[6]^out[2] != 0x03 || out[7]^out[3] != 0xe8 {
		t.Errorf("% x", out)
	}
}
