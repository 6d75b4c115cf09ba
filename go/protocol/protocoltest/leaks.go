package protocoltest

import (
	"bytes"
	"context"
	"fmt"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"
)

// leakLabel marks the goroutines that a test begins: a label is inherited.
const leakLabel = "protocoltest"

// leakPatience is for goroutines that have been told to end.
const leakPatience = 5 * time.Second

var watched struct {
	mu    sync.Mutex
	tests map[testing.TB]struct{}
	count int
}

// watchLeaks fails the test at its end when a goroutine that it began runs code of this module by then. The
// first server of a test does it: its cleanup runs last.
func watchLeaks(t testing.TB) {
	t.Helper()
	watched.mu.Lock()
	defer watched.mu.Unlock()
	if _, again := watched.tests[t]; again {
		return
	}
	if watched.tests == nil {
		watched.tests = map[testing.TB]struct{}{}
	}
	watched.tests[t] = struct{}{}
	watched.count++
	mark := fmt.Sprintf("%d", watched.count)
	pprof.SetGoroutineLabels(pprof.WithLabels(t.Context(), pprof.Labels(leakLabel, mark)))
	t.Cleanup(func() {
		pprof.SetGoroutineLabels(context.Background())
		watched.mu.Lock()
		delete(watched.tests, t)
		watched.mu.Unlock()
		end := time.Now().Add(leakPatience)
		leak := leaked(mark)
		for pause := time.Millisecond; leak != "" && time.Now().Before(end); pause *= 2 {
			time.Sleep(min(pause, 100*time.Millisecond))
			leak = leaked(mark)
		}
		if leak != "" {
			t.Errorf("protocoltest: a goroutine of the test still runs:\n%s", leak)
		}
	})
}

// leaked returns a goroutine that bears the mark and runs code of the module, empty without one.
func leaked(mark string) string {
	var profile bytes.Buffer
	if err := pprof.Lookup("goroutine").WriteTo(&profile, 1); err != nil {
		return ""
	}
	for record := range strings.SplitSeq(profile.String(), "\n\n") {
		if strings.Contains(record, fmt.Sprintf("%q:%q", leakLabel, mark)) &&
			strings.Contains(record, "smooth-operator/go/protocol") {
			return record
		}
	}
	return ""
}
