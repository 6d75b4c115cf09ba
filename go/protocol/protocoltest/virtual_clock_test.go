package protocoltest_test

import (
	"slices"
	"testing"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol/protocoltest"
)

func TestREQ_TIME_01_TimersFireInTheOrderOfTheirTimes(t *testing.T) {
	clock := protocoltest.NewVirtualClock()
	begin := clock.Now()
	var fired []string
	note := func(name string) func() {
		return func() { fired = append(fired, name+" "+clock.Now().Sub(begin).String()) }
	}
	clock.AfterFunc(3*time.Second, note("c"))
	clock.AfterFunc(time.Second, func() {
		note("a")()
		clock.AfterFunc(time.Second, note("b"))
	})
	clock.AfterFunc(3*time.Second, note("d"))
	stopped := clock.AfterFunc(2*time.Second, note("never"))
	clock.AfterFunc(time.Hour, note("later"))
	if !stopped.Stop() || stopped.Stop() {
		t.Error("Stop reports what it did")
	}
	clock.Advance(3 * time.Second)
	if !slices.Equal(fired, []string{"a 1s", "b 2s", "c 3s", "d 3s"}) {
		t.Error(fired)
	}
	if clock.Armed() != 1 || clock.Now().Sub(begin) != 3*time.Second {
		t.Error(clock.Armed(), clock.Now())
	}
}
