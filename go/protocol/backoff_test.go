package protocol

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// waits returns the first waits of a backoff in milliseconds.
func waits(b *backoff, draw float64, count int) []int64 {
	var found []int64
	for range count {
		found = append(found, b.delay(draw, 0, nil).Milliseconds())
	}
	return found
}

func TestREQ_CONN_31_TheWaitsOfTheDefaults(t *testing.T) {
	for draw, want := range map[float64][]int64{
		0:     {0, 500, 500, 500, 500, 500, 500},
		0.5:   {250, 1000, 1500, 2500, 4500, 8500, 10_500},
		0.999: {499, 1499, 2498, 4496, 8492, 16_484, 20_000},
	} {
		b := newBackoff(defaultBackoffBase, defaultBackoffMax)
		if got := waits(&b, draw, len(want)); !slices.Equal(got, want) {
			t.Errorf("%v: %v; want %v", draw, got, want)
		}
	}
}

// The sentence, word by word, beside what the client does.
func TestREQ_CONN_31_TheFormula(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 20_000 {
		u, base, longest := random.Float64(), 1+random.IntN(100_000), 1+random.IntN(100_000)
		from, begun := random.IntN(4), random.IntN(50)
		b := newBackoff(time.Duration(base)*time.Millisecond, time.Duration(longest)*time.Millisecond)
		waits(&b, 0.5, begun)
		n := max(begun, from)
		want := math.Min(float64(longest), math.Floor(u*float64(base)))
		if n > 0 {
			doubled := math.Min(float64(longest), float64(base)*math.Pow(2, float64(min(n, 31))))
			want = math.Min(float64(longest), float64(base)+math.Floor(u*doubled))
		}
		if got := b.delay(u, from, nil); float64(got.Milliseconds()) != want || b.doublings != n+1 {
			t.Fatalf("u %v, base %d, max %d, from %d, %d waits: %v; want %v ms", u, base, longest, from, begun, got, want)
		}
	}
}

func TestREQ_CONN_33_WhatTheServerAsksForTakesThePlaceOfTheWait(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 4))
	for range 5_000 {
		u, asked := random.Float64(), random.Int64N(1_000_000_000)
		b := newBackoff(defaultBackoffBase, defaultBackoffMax)
		told := float64(min(asked, 120_000))
		hint := time.Duration(asked) * time.Millisecond
		want := told + math.Floor(u*math.Max(500, told/4))
		if got := b.delay(u, 2, &hint); float64(got.Milliseconds()) != want {
			t.Fatalf("u %v, %v asked for: %v; want %v ms", u, hint, got, want)
		}
		if got := b.delay(0.5, 0, nil); got != 2500*time.Millisecond {
			t.Fatal("it was not counted like any other wait:", got)
		}
	}
}

func TestREQ_CONN_32_TheCountBeginsAnew(t *testing.T) {
	b := newBackoff(defaultBackoffBase, defaultBackoffMax)
	waits(&b, 0.5, 5)
	b.attempts = 5
	b.reset()
	if got := waits(&b, 0.5, 2); b.attempts != 0 || !slices.Equal(got, []int64{250, 1000}) {
		t.Error(b.attempts, got)
	}
}

func TestREQ_CONN_36_WhatIsLeftOfALimit(t *testing.T) {
	b := backoff{attempts: 3}
	for limit, want := range map[int]int64{0: 0, 2: 0, 3: 0, 5: 2} {
		if got := b.remaining(&limit); got != want {
			t.Error(limit, got)
		}
	}
	if b.remaining(nil) != 9_007_199_254_740_991 {
		t.Error(b.remaining(nil))
	}
}
