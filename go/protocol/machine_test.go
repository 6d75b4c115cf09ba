package protocol

import "testing"

func TestREQ_CONN_02_TheTablesHoldWhatTheirWordsSay(t *testing.T) {
	for name, m := range machines {
		if m.initial == "" || len(m.rows) == 0 {
			t.Error(name)
		}
		if next, effects := m.step(m.initial, "no such event", nil); next != m.initial || effects != nil {
			t.Error(name, next, effects)
		}
	}
	for _, row := range answers {
		for _, verb := range row.verbs {
			if _, ok := questionOfVerb[verb]; !ok && verb != verbCancel {
				t.Errorf("the verb %q has no question", verb)
			}
		}
	}
}

// Every guard of the tables is one that the turn or the call decides.
func TestREQ_TURN_07_EveryGuardIsKnown(t *testing.T) {
	known := map[string]bool{
		"status_202": true, "status_error": true, "attempts_left": true, "tool_result": true, "verb_outstanding": true,
		"no_pending": true, "mismatch": true, "expired": true, "verb_error": true, "terminal_error": true, "unwritten": true,
	}
	for name, m := range machines {
		for _, rows := range m.rows {
			for _, row := range rows {
				for _, guard := range row.guards {
					if !known[guard] {
						t.Errorf("%s: guard %q", name, guard)
					}
				}
			}
		}
	}
}
