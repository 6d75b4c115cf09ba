package protocoltest

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// Versions that a cassette's first line names.
const (
	cassetteVersion = 1
	specVersion     = "1.2"
)

// CassetteError says why a file is no cassette that can be played.
type CassetteError struct{ text string }

// Error names the file, and its line where one is at fault.
func (e *CassetteError) Error() string { return "protocoltest: " + e.text }

// line is one line of a cassette behind the first: a frame, or the end of a link.
type line struct {
	At    int64           `json:"at"`
	Link  int             `json:"link"`
	Way   string          `json:"way"`
	Frame json.RawMessage `json:"frame,omitempty"`
	Code  int             `json:"code,omitempty"`
}

// Recording is a client of a real server whose session is kept in a file.
type Recording struct {
	// Client is the client; its frames are recorded from its first link on.
	Client *protocol.Client

	path  string
	begun time.Time
	mu    sync.Mutex
	link  int
	lines []line
}

// Record returns a client of a real server that writes every frame of both ways to path. What the schema calls
// secret is "***" in the file; tokens and headers are in no frame. The file is written by [Recording.Close],
// whole or not at all.
func Record(url, path string, options protocol.Options) (*Recording, error) {
	options.URL = url
	client, err := protocol.New(options)
	if err != nil {
		return nil, err
	}
	r := &Recording{Client: client, path: path, begun: time.Now()}
	client.OnState(r.moved)
	client.OnFrame(r.saw)
	return r, nil
}

func (r *Recording) moved(change protocol.StateChange) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case change.Current == protocol.ConnectionStateOpen:
		r.link++
	case change.Previous == protocol.ConnectionStateOpen && change.Reason != "close":
		code := cmp.Or(change.CloseCode, 1006)
		r.lines = append(r.lines, line{At: r.at(time.Now()), Link: r.link, Way: "end", Code: code})
	}
}

func (r *Recording) at(now time.Time) int64 { return now.Sub(r.begun).Milliseconds() }

func (r *Recording) saw(frame protocol.FrameInfo) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, way := []byte(frame.Text()), "in"
	if frame.Direction == protocol.DirectionOut {
		way, text = "out", withoutSecrets(text)
	}
	if !json.Valid(text) { // a frame that is none cannot be told in this file
		return
	}
	r.lines = append(r.lines, line{At: r.at(time.Now()), Link: max(r.link, 1), Way: way, Frame: text})
}

// withoutSecrets strikes out what the schema marks x-secret: codes and signatures.
func withoutSecrets(text []byte) []byte {
	var frame map[string]any
	if json.Unmarshal(text, &frame) != nil {
		return text
	}
	context, _ := frame["authContext"].(map[string]any)
	switch {
	case frame["action"] == "verify_otp" && frame["code"] != nil:
		frame["code"] = "***"
	case context["signature"] != nil:
		context["signature"] = "***"
	default:
		return text
	}
	return encoded(frame)
}

// Close closes the client and writes the file.
func (r *Recording) Close() error {
	_ = r.Client.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	var text bytes.Buffer
	fmt.Fprintf(&text, "{\"cassette\": %d, \"spec\": %q}\n", cassetteVersion, specVersion)
	for _, one := range r.lines {
		text.Write(append(encoded(one), '\n'))
	}
	beside, err := os.CreateTemp(filepath.Dir(r.path), ".cassette-*")
	if err != nil {
		return fmt.Errorf("protocoltest: the cassette cannot be written: %w", err)
	}
	_, err = beside.Write(text.Bytes())
	if closed := beside.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(beside.Name(), r.path)
	}
	if err != nil {
		_ = os.Remove(beside.Name())
		return fmt.Errorf("protocoltest: the cassette cannot be written: %w", err)
	}
	return nil
}

// tape is a cassette that is played.
type tape struct {
	before []line            // that came before the first action
	groups map[string][]take // what followed the nth action of a type
	ids    map[string]string // recorded ids of the client, and those in their place
}

// take is an action of the recording and what followed it.
type take struct {
	id    string
	lines []line
}

// ReplayOf returns a server that plays a cassette: the nth action of a type is answered by the frames that
// followed the nth of that type in the recording. An action that the cassette does not hold is answered with
// VALIDATION_ERROR and listed in [Server.Unmatched]. A file that is no cassette is a [*CassetteError].
func ReplayOf(path string, options ...Options) (*Server, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, &CassetteError{fmt.Sprintf("%s cannot be read", filepath.Base(path))}
	}
	played, err := readTape(filepath.Base(path), string(text))
	if err != nil {
		return nil, err
	}
	s := New(options...)
	s.cassette = played
	return s, nil
}

func readTape(name, text string) (*tape, error) {
	rows := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	wrong := func(n int) error {
		return &CassetteError{fmt.Sprintf("%s: line %d is no frame of a cassette", name, n)}
	}
	if strings.TrimSpace(text) == "" {
		return nil, &CassetteError{name + " is empty"}
	}
	var first struct{ Cassette *int }
	if json.Unmarshal([]byte(rows[0]), &first) != nil || first.Cassette == nil {
		return nil, wrong(1)
	}
	if *first.Cassette != cassetteVersion {
		return nil, &CassetteError{fmt.Sprintf(
			"%s is of cassette version %d; this kit reads %d", name, *first.Cassette, cassetteVersion)}
	}
	t := &tape{groups: map[string][]take{}, ids: map[string]string{}}
	into := &t.before
	for i, row := range rows[1:] {
		var one line
		var frame struct{ Action, RequestID string }
		switch {
		case json.Unmarshal([]byte(row), &one) != nil:
			return nil, wrong(i + 2)
		case one.Way == "end" && one.Code != 0:
		case one.Way != "in" && one.Way != "out", json.Unmarshal(one.Frame, &frame) != nil, one.Way == "out" && frame.Action == "":
			return nil, wrong(i + 2)
		}
		if one.Way != "out" {
			*into = append(*into, one)
			continue
		}
		takes := append(t.groups[frame.Action], take{id: frame.RequestID})
		t.groups[frame.Action] = takes
		into = &takes[len(takes)-1].lines
	}
	return t, nil
}

// greet sends what came before the first action, on the first link.
func (t *tape) greet(s *Server, to *link) {
	t.play(s, to, t.before)
	t.before = nil
}

func (t *tape) answer(s *Server, from *link, frame map[string]any) error {
	word, _ := frame["action"].(string)
	takes := t.groups[word]
	if len(takes) == 0 {
		s.state.unmatched = append(s.state.unmatched, word)
		return invalid("the cassette holds no further action of this type")
	}
	t.groups[word] = takes[1:]
	if id, ok := frame["requestId"].(string); ok && takes[0].id != "" {
		t.ids[takes[0].id] = id
	}
	t.play(s, from, takes[0].lines)
	return nil
}

func (t *tape) play(s *Server, to *link, lines []line) {
	for _, one := range lines {
		if one.Way == "end" {
			s.part(to, one.Code)
			continue
		}
		text := string(one.Frame)
		for recorded, now := range t.ids {
			text = strings.ReplaceAll(text, string(encoded(recorded)), string(encoded(now)))
		}
		to.send([]byte(text))
	}
}
