package protocol

import (
	"encoding/json"
	"errors"
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
	Outcome  string
	WireType string
	Problem  *struct{ Kind, Pointer string }
	Encoded  json.RawMessage
	Flat     json.RawMessage
}

type vectorFile struct {
	Role, Type, Action, Event string
	Vectors                   []vector
}

// replay runs check for every vector of a folder and fails when there is none.
func replay(t *testing.T, folder string, check func(*testing.T, *vectorFile, *vector)) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "spec", "vectors", folder))
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
		if len(file.Vectors) == 0 {
			t.Fatalf("%s holds no vector", name)
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
	results := map[string]func(Event) (any, error){
		"create_conversation_session": func(e Event) (any, error) {
			return resultOf[CreateConversationSessionResult](e, callCreateConversationSession)
		},
		"get_session": func(e Event) (any, error) { return resultOf[GetSessionResult](e, callGetSession) },
		"get_conversation_messages": func(e Event) (any, error) {
			return resultOf[MessagePage](e, callGetConversationMessages)
		},
		"list_conversations":  func(e Event) (any, error) { return resultOf[ConversationPage](e, callListConversations) },
		"rename_conversation": func(e Event) (any, error) { return resultOf[RenameConversationResult](e, callRenameConversation) },
	}
	replay(t, "results/*.json", func(t *testing.T, file *vectorFile, v *vector) {
		event, err := DecodeEvent([]byte(v.Text))
		var result any
		if err == nil {
			result, err = results[file.Action](event)
		}
		if v.Outcome == "broken" {
			checkProblem(t, v, err)
			return
		}
		if err != nil {
			t.Error(err)
			return
		}
		encoded, err := json.Marshal(result)
		if err != nil {
			t.Error(err)
		}
		sameJSON(t, "encoded", encoded, v.Encoded)
	})
}

func TestREQ_WIRE_02_TypeVectors(t *testing.T) {
	types := map[string]func() any{
		"Checkpoint": func() any { return new(Checkpoint) }, "ChoicesPayload": func() any { return new(ChoicesPayload) },
		"ChoicesSpec": func() any { return new(ChoicesSpec) }, "ChoicesValues": func() any { return new(ChoicesValues) },
		"Citation": func() any { return new(Citation) }, "ConversationRecord": func() any { return new(ConversationRecord) },
		"IdentityIntakePayload": func() any { return new(IdentityIntakePayload) },
		"IdentityIntakeSpec":    func() any { return new(IdentityIntakeSpec) },
		"IdentityIntakeValues":  func() any { return new(IdentityIntakeValues) },
		"Message":               func() any { return new(Message) }, "Participant": func() any { return new(Participant) },
		"SendMessageResult": func() any { return new(SendMessageResult) }, "Session": func() any { return new(Session) },
		"ToolCall": func() any { return new(ToolCall) }, "ToolResult": func() any { return new(ToolResult) },
	}
	replay(t, "types/*.json", func(t *testing.T, file *vectorFile, v *vector) {
		fresh, ok := types[file.Type]
		if !ok {
			t.Errorf("the type %s is not replayed", file.Type)
			return
		}
		value := fresh()
		err := json.Unmarshal([]byte(v.Text), value)
		if v.Outcome == "broken" || v.Outcome == "malformed" {
			checkProblem(t, v, err)
			return
		}
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
	})
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
