package protocol

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

type machineFile struct {
	Machine, Initial string
	States           []string
	Quiet, Untouched map[string][]string
	Vectors          []struct {
		State, Event, To string
		Facts            map[string]any
		Effects          []string
	}
}

// REQ-TURN-27: the machines as printed step as the tables say, for every row, every guard both
// ways, and every event that no row takes.
func TestREQ_TURN_27_MachinesStepAsTheVectorsSay(t *testing.T) {
	replayMachine(t, frameSteps)
	replayMachine(t, connectionSteps)
	replayMachine(t, callSteps)
	replayMachine(t, sequenceSteps)
	replayMachine(t, turnSteps)
	for _, m := range stepQuestions {
		replayMachine(t, m)
	}
	files, _ := filepath.Glob(filepath.Join(vectors, "machines", "*.json"))
	if len(files) != 5+len(stepQuestions) {
		t.Fatalf("%d files of machines", len(files))
	}
}

func replayMachine[D any](t *testing.T, m *stepMachine[D]) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(vectors, "machines", m.name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	var file machineFile
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	if m.initial != file.Initial || !slices.Equal(m.states, file.States) {
		t.Errorf("%s: begins at %s with %v", m.name, m.initial, m.states)
	}
	for _, v := range file.Vectors {
		to, effects := m.step(v.State, v.Event, stepFactsOf(t, v.Facts))
		if said := effectTexts(effects); to != v.To || !slices.Equal(said, v.Effects) {
			t.Errorf("%s: %s, %s, %v: %s %v; want %s %v", m.name, v.State, v.Event, v.Facts, to, said, v.To, v.Effects)
		}
	}
	for state, events := range file.Untouched {
		for _, event := range events {
			if to, effects := m.step(state, event, &stepFacts{}); to != state || effects != nil {
				t.Errorf("%s: %s, %s leads to %s", m.name, state, event, to)
			}
		}
	}
	for state, events := range m.quiet {
		for event := range events {
			if !slices.Contains(file.Quiet[state], event) {
				t.Errorf("%s: %s, %s is not quiet", m.name, state, event)
			}
		}
	}
}

func effectTexts[D any](effects []stepEffect[D]) []string {
	said := make([]string, 0, len(effects))
	for _, effect := range effects {
		said = append(said, effect.text)
	}
	return said
}

// stepFactsOf reads the facts of a vector; the wire knows no type of its own for them.
func stepFactsOf(t *testing.T, raw map[string]any) *stepFacts {
	t.Helper()
	var f stepFacts
	texts := map[string]*stepFact[string]{
		"code": &f.code, "code_terminal": &f.codeTerminal, "verb": &f.verb, "turn": &f.turn, "retry": &f.retry,
		"seq": &f.seq, "resume_state": &f.resumeState,
	}
	flags := map[string]*stepFact[bool]{
		"said_terminal": &f.saidTerminal, "tool_result": &f.toolResult, "may_have_left": &f.mayHaveLeft,
		"auto_reconnect": &f.autoReconnect, "retry_initial": &f.retryInitial, "token_renewable": &f.tokenRenewable,
		"sought": &f.sought, "repeatable": &f.repeatable, "resumable": &f.resumable, "unseen": &f.unseen,
		"cancelling": &f.cancelling, "error_retryable": &f.errorRetryable, "named": &f.named, "asked_before": &f.askedBefore,
	}
	numbers := map[string]*stepFact[int64]{"status": &f.status, "attempts_remaining": &f.attemptsRemaining}
	for name, value := range raw {
		switch value := value.(type) {
		case string:
			*texts[name] = stepKnown(value)
		case bool:
			*flags[name] = stepKnown(value)
		case float64:
			*numbers[name] = stepKnown(int64(value))
		case []any:
			for _, kind := range value {
				f.expired = append(f.expired, kind.(string))
			}
		default:
			t.Fatalf("the fact %s", name)
		}
	}
	return &f
}

// REQ-ERR-07: a bracketed part is there only with its value.
func TestREQ_ERR_07_TextsLeaveOutWhatIsNotKnown(t *testing.T) {
	said := errorText("ConnectFailed", map[string]string{"host": "h:1", "reason": "refused"})
	if !strings.HasPrefix(said, "Could not connect to h:1: refused.") {
		t.Error(said)
	}
	said = errorText("ConnectFailed", map[string]string{"host": "h:1", "status": "403"})
	if !strings.HasPrefix(said, "Could not connect to h:1 (HTTP 403).") {
		t.Error(said)
	}
}

// REQ-CONN-23: what a code means is the first row that fits.
func TestREQ_CONN_23_CodesAreFoundByTheirFirstRow(t *testing.T) {
	for code, name := range map[int]string{1000: "normal", 4408: "no_pong", 4455: "refused", 3000: "other"} {
		if row := closeCodeOf(code); row == nil || row.name != name {
			t.Errorf("%d: %+v", code, row)
		}
	}
	if closeCodeOf(999) != nil || httpStatusOf(302).retry != "no" || httpStatusOf(503).retry != "yes" {
		t.Error("the tables of codes")
	}
}
