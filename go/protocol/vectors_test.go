package protocol

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// vector is one line of a file of spec/vectors; its README says what the members mean.
type vector struct {
	ID       string
	Text     string
	Strict   bool
	Outcome  string
	WireType string
	Problem  *struct{ Kind, Pointer string }
	Encoded  json.RawMessage
	Flat     json.RawMessage
}

type vectorFile struct {
	Role, Message, Type, Action string
	Vectors                     []vector
}

var vectors = filepath.Join("..", "..", "spec", "vectors")

// replay runs check for every vector of a folder and fails when there is none, or when a line of a
// file is lost on the way.
func replay(t *testing.T, folder string, check func(*testing.T, *vectorFile, *vector)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(vectors, folder))
	if err != nil || len(files) == 0 {
		t.Fatalf("no vectors in %s: %v", folder, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if lines := strings.Count(string(text), "\n{\"id\":"); lines == 0 || lines != len(file.Vectors) {
			t.Fatalf("%s: %d vectors in %d lines", name, len(file.Vectors), lines)
		}
		for i := range file.Vectors {
			check(t, &file, &file.Vectors[i])
			if t.Failed() {
				t.Fatalf("%s, vector %s: %s", name, file.Vectors[i].ID, file.Vectors[i].Text)
			}
		}
	}
}

func sameJSON(t *testing.T, what string, got, want []byte) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal(got, &a); err != nil {
		t.Errorf("%s is no JSON: %v: %s", what, err, got)
		return
	}
	if err := json.Unmarshal(want, &b); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(a, b) {
		t.Errorf("%s\n got %s\nwant %s", what, got, want)
	}
}

func checkEvent(t *testing.T, _ *vectorFile, v *vector) {
	event, err := DecodeEvent([]byte(v.Text))
	switch v.Outcome {
	case "malformed":
		if !errors.Is(err, ErrMalformedFrame) {
			t.Errorf("got %v, %v; want a malformed frame", event, err)
		}
	case "unknown":
		found, ok := event.(*UnknownEvent)
		if !ok || found.WireType != v.WireType || string(found.RawJSON()) != v.Text || found.Problem != nil {
			t.Errorf("got %#v, %v", event, err)
		}
	case "broken":
		checkProblem(t, v, err)
	case "good":
		if err != nil {
			t.Error(err)
			return
		}
		checkGood(t, v, event)
	default:
		t.Errorf("outcome %q", v.Outcome)
	}
}

func checkProblem(t *testing.T, v *vector, err error) {
	t.Helper()
	var broken *DecodeError
	if !errors.As(err, &broken) {
		t.Errorf("got %v; want a broken body", err)
		return
	}
	if string(broken.Kind) != v.Problem.Kind || broken.Pointer != v.Problem.Pointer {
		t.Errorf("got %s at %q; want %s at %q", broken.Kind, broken.Pointer, v.Problem.Kind, v.Problem.Pointer)
	}
}

func checkGood(t *testing.T, v *vector, event Event) {
	if string(event.RawJSON()) != v.Text {
		t.Errorf("raw: got %s", event.RawJSON())
	}
	want := []byte(v.Text)
	if v.Encoded != nil {
		want = v.Encoded
	}
	encoded, err := EncodeEvent(event)
	if err != nil {
		t.Error(err)
	}
	sameJSON(t, "encoded", encoded, want)
	if v.Flat != nil {
		flat, err := json.Marshal(Facts(event))
		if err != nil {
			t.Error(err)
		}
		sameJSON(t, "flat", flat, v.Flat)
	}
	// What is written from the members alone says the same.
	rebuilt := reflect.New(reflect.TypeOf(event).Elem())
	rebuilt.Elem().Set(reflect.ValueOf(event).Elem())
	fresh := rebuilt.Interface().(wireEvent)
	*fresh.origin() = received{}
	again, err := DecodeEvent(encodeEvent(fresh))
	if err != nil {
		t.Errorf("built new: %v: %s", err, encodeEvent(fresh))
		return
	}
	first, _ := json.Marshal(Facts(event))
	second, _ := json.Marshal(Facts(again))
	sameJSON(t, "facts of the event built new", second, first)
}

func TestREQ_WIRE_06_EventVectors(t *testing.T) { replay(t, "events/*.json", checkEvent) }

func TestREQ_WIRE_04_FrameVectors(t *testing.T) { replay(t, "frames.json", checkEvent) }

func TestREQ_WIRE_05_ResultVectors(t *testing.T) {
	replay(t, "results/*.json", func(t *testing.T, file *vectorFile, v *vector) {
		event, err := DecodeEvent([]byte(v.Text))
		var result any
		if err == nil {
			result, err = vectorResults[file.Action](event)
		}
		checkValue(t, v, result, err)
	})
}

func TestREQ_WIRE_02_TypeVectors(t *testing.T) {
	replay(t, "types/*.json", func(t *testing.T, file *vectorFile, v *vector) {
		value := vectorTypes[file.Type]()
		checkValue(t, v, value, json.Unmarshal([]byte(v.Text), value))
	})
}

func checkValue(t *testing.T, v *vector, value any, err error) {
	t.Helper()
	switch v.Outcome {
	case "broken":
		checkProblem(t, v, err)
	case "good":
		encoded, marshalErr := json.Marshal(value)
		if err != nil || marshalErr != nil {
			t.Error(err, marshalErr)
			return
		}
		want := []byte(v.Text)
		if v.Encoded != nil {
			want = v.Encoded
		}
		sameJSON(t, "encoded", encoded, want)
	default:
		t.Errorf("outcome %q", v.Outcome)
	}
}

// What the schema accepts of an action is written the same; of all else only what is known is
// written, and that is a fixed point.
func TestREQ_CALL_05_ActionVectors(t *testing.T) {
	replay(t, "actions/*.json", func(t *testing.T, file *vectorFile, v *vector) {
		action := vectorActions[file.Message]()
		if err := json.Unmarshal(respelled(t, v.Text), action); err != nil {
			if v.Strict {
				t.Error(err)
			}
			return
		}
		written, err := EncodeAction(action)
		if err != nil {
			t.Error(err)
			return
		}
		if v.Strict {
			sameJSON(t, "written", written, sayable(t, v.Text, written))
			return
		}
		again := vectorActions[file.Message]()
		if err := json.Unmarshal(written, again); err != nil {
			t.Errorf("%v: %s", err, written)
			return
		}
		rewritten, err := EncodeAction(again)
		if err != nil || string(rewritten) != string(written) {
			t.Errorf("%v: %s, then %s", err, written, rewritten)
		}
	})
}

// sayable returns a text without the empty strings that were not written: of a member that may be
// left out, an empty string is an absent one in Go.
func sayable(t *testing.T, text string, written []byte) []byte {
	t.Helper()
	var want, got any
	if err := errors.Join(json.Unmarshal([]byte(text), &want), json.Unmarshal(written, &got)); err != nil {
		t.Fatal(err)
	}
	leaveOut(want, got)
	said, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	return said
}

func leaveOut(want, got any) {
	switch want := want.(type) {
	case map[string]any:
		written, _ := got.(map[string]any)
		for name, value := range want {
			if _, there := written[name]; value == "" && !there {
				delete(want, name)
				continue
			}
			leaveOut(value, written[name])
		}
	case []any:
		if written, _ := got.([]any); len(written) == len(want) {
			for i := range want {
				leaveOut(want[i], written[i])
			}
		}
	}
}

// Actions that many events answer, or one of several, are no calls: they do not compile as such.
func TestREQ_CALL_03_OnlyAnActionWithOneAnswerIsACall(t *testing.T) {
	for name, fresh := range vectorActions {
		_, callable := fresh().(interface{ answeredBy() string })
		if _, answered := vectorResults[name]; callable != answered {
			t.Errorf("%s: callable %v, with a result %v", name, callable, answered)
		}
	}
	for _, action := range []Action{SendMessage{}, ConfirmToolAction{}, VerifyOTP{}, SubmitInteraction{}, Cancel{}} {
		if _, callable := action.(interface{ answeredBy() string }); callable {
			t.Errorf("%s is a call", action.ActionName())
		}
	}
}

// respelled returns a text with its numbers spelled as Go does: 2e1 as 20, 2.0 as 2.
func respelled(t *testing.T, text string) []byte {
	t.Helper()
	var tree any
	if err := json.Unmarshal([]byte(text), &tree); err != nil {
		return []byte(text)
	}
	spelled, err := json.Marshal(tree)
	if err != nil {
		t.Fatal(err)
	}
	return spelled
}

// Every file of vectors is one that a test of this file replays.
func TestREQ_WIRE_06_NoVectorIsLeftOut(t *testing.T) {
	found := 0
	err := filepath.WalkDir(vectors, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(name) != ".json" {
			return err
		}
		found++
		for _, folder := range []string{"events", "results", "types", "actions", "machines"} {
			if filepath.Dir(name) == filepath.Join(vectors, folder) {
				return nil
			}
		}
		if name != filepath.Join(vectors, "frames.json") {
			t.Errorf("nothing replays %s", name)
		}
		return nil
	})
	if err != nil || found == 0 {
		t.Error(found, err)
	}
}

func FuzzREQ_WIRE_09_DecodeNeverCrashes(f *testing.F) {
	for _, text := range []string{
		`{"type":"stream_token","data":{"requestId":"r","token":"t"}}`,
		`{"type":"error","data":{"error":{"code":"X","message":"m"},"error":null}}`,
		`{"type":"pong","data":{"timestamp":1.0e3},"x":"\ud800"}`,
		strings.Repeat("[", 20_000), `{"type":"` + strings.Repeat("x", 100),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		event, err := DecodeEvent(text)
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("took what is no JSON: %q", text)
		}
		encoded, err := EncodeEvent(event)
		if err != nil || !json.Valid(encoded) {
			t.Fatalf("%v: %s", err, encoded)
		}
		if _, unknown := event.(*UnknownEvent); unknown {
			return
		}
		again, err := DecodeEvent(encoded)
		if err != nil {
			t.Fatalf("%v: %s", err, encoded)
		}
		if a, b := factsOf(event.(wireEvent)), factsOf(again.(wireEvent)); !equalFacts(a, b) {
			t.Fatalf("facts changed: %s\n%s", a, b)
		}
	})
}
