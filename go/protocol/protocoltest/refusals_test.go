package protocoltest_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

func TestAStepThatContradictsTheProtocolIsRefusedWhereItIsWritten(t *testing.T) {
	srv := protocoltest.NewServer(t)
	played := protocoltest.NewServer(t)
	if err := played.Script([]byte(`{"model": []}`)); err != nil {
		t.Fatal(err)
	}
	ended := protocoltest.NewReply().Finish()
	failed := protocoltest.NewReply().Error("AGENT_ERROR", "no")
	reply := protocoltest.NewReply()
	for says, write := range map[string]func(){
		"a reply has ended with finish(): no step can follow": func() { ended.Tokens("x") },
		"a reply has ended with error(): no step can follow":  func() { failed.Finish() },
		`"NOPE" is no error code of the protocol`:             func() { reply.Error("NOPE", "") },
		"OTP_SEND_FAILED never ends a turn":                   func() { reply.Error("OTP_SEND_FAILED", "") },
		"otp() needs at least 1 attempt, got -1":              func() { reply.OTP(protocoltest.OTPOptions{Attempts: -1}) },
		`otp() knows no channel "pigeon"`:                     func() { reply.OTP(protocoltest.OTPOptions{Channel: "pigeon"}) },
		"delay() cannot be negative":                          func() { reply.Delay(-time.Second) },
		"close code 1015":                                     func() { reply.Cut(1015) },
		"close code 42":                                       func() { srv.Disconnect(42) },
		"refused with the status 200":                         func() { srv.Refuse(200, 1, nil) },
		`there is no interaction of kind "dance"`:             func() { reply.Interaction("dance", nil) },
		"/fields must hold at least one field":                func() { reply.Interaction("identity_intake", map[string]any{}) },
		"/fields/0/key must be": func() {
			reply.Interaction("identity_intake", map[string]any{"fields": []any{map[string]any{"key": "age", "required": true}}})
		},
		"/questions must hold one to four": func() { reply.Interaction("choices", map[string]any{}) },
		"is not of its kind":               func() { reply.Interaction("choices", map[string]any{"colour": 1}) },
		"takes one matcher":                func() { srv.OnMessage("a", "b") },
		"not a int":                        func() { srv.OnMessage(1) },
		"has no replies":                   func() { played.OnMessage() },
		"its own rejection": func() {
			reply.Confirm("x", protocoltest.ConfirmOptions{Rejected: reply})
		},
	} {
		if got := refusal(write); !strings.Contains(got, says) {
			t.Errorf("got %q; want %q", got, says)
		}
	}
	srv.OnMessage()
	for document, says := range map[string]string{
		`{"model": []}`: "has replies", `{}`: "/model is missing", `{`: "no script file", `{"model":[],"x":1}`: "no script file",
		`{"model":[{}]}`: "/model/0", `{"model":[{"text":"a","error":"b"}]}`: "/model/0",
		`{"model":[{"delayMs":-1}]}`: "/model/0/delayMs", `{"model":[],"otp":{"code":"1","attempts":0}}`: "/otp/attempts",
		`{"model":[],"tools":[{"name":"x","auth":"king"}]}`: "/tools/0/auth", `{"model":[],"otp":{"code":""}}`: "/otp/code",
	} {
		var wrong *protocoltest.ScriptError
		if err := srv.Script([]byte(document)); !errors.As(err, &wrong) || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %v", document, err)
		}
	}
}

// refusal is what a step says that panics.
func refusal(write func()) (text string) {
	defer func() {
		if wrong, ok := recover().(*protocoltest.ScriptError); ok {
			text = wrong.Error()
		}
	}()
	write()
	return ""
}

func TestAFileThatIsNoCassetteIsRefusedInOneSentence(t *testing.T) {
	for text, says := range map[string]string{
		"":                                   "talk.cassette is empty",
		"{\"cassette\": 2, \"spec\": \"9\"}": "talk.cassette is of cassette version 2; this kit reads 1",
		"hello":                              "talk.cassette: line 1 is no frame of a cassette",
		"{\"cassette\": 1}\n{\"way\":\"in\",\"frame\":{}}\n{}":           "talk.cassette: line 3 is no frame of a cassette",
		"{\"cassette\": 1}\n{\"way\":\"out\",\"frame\":{\"x\":\"y\"}}\n": "talk.cassette: line 2 is no frame of a cassette",
	} {
		path := filepath.Join(t.TempDir(), "talk.cassette")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		var wrong *protocoltest.CassetteError
		if _, err := protocoltest.ReplayOf(path); !errors.As(err, &wrong) || !strings.HasSuffix(err.Error(), says) {
			t.Errorf("%q: %v", text, err)
		}
	}
	var wrong *protocoltest.CassetteError
	if _, err := protocoltest.ReplayOf("nowhere.cassette"); !errors.As(err, &wrong) {
		t.Error(err)
	}
}
