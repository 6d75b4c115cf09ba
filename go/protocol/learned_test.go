package protocol

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// streamingFrames returns frames of every event that streams, as the vectors and a server have them.
func streamingFrames(t testing.TB) []string {
	t.Helper()
	var found []string
	for _, word := range slices.Sorted(maps.Keys(turnRoles)) {
		if turnRoles[word] != "streams" {
			continue
		}
		text, err := os.ReadFile(filepath.Join("..", "..", "spec", "vectors", "events", word+".json"))
		if err != nil {
			t.Fatal(err)
		}
		var file vectorFile
		if err := json.Unmarshal(text, &file); err != nil {
			t.Fatal(err)
		}
		for _, v := range file.Vectors {
			found = append(found, v.Text)
		}
		found = append(found, fmt.Sprintf(
			`{"type":%q,"requestId":"r","token":"a","data":{"requestId":"r","token":"a"},"timestamp":1}`, word,
		))
	}
	return found
}

// sameEvent fails when a learned event is not the one of a full decode.
func sameEvent(t testing.TB, learned, full Event) {
	t.Helper()
	if reflect.TypeOf(learned) != reflect.TypeOf(full) {
		t.Fatalf("got %T; want %T", learned, full)
	}
	bare := func(e Event) Event {
		again := e.(learnable).again()
		*again.origin() = received{}
		return again
	}
	if !reflect.DeepEqual(bare(learned), bare(full)) {
		t.Fatalf("got %+v; want %+v", bare(learned), bare(full))
	}
	if string(learned.RawJSON()) != string(full.RawJSON()) {
		t.Fatalf("raw: got %s; want %s", learned.RawJSON(), full.RawJSON())
	}
	if learned.correlation() != full.correlation() || learned.bytes() != full.bytes() {
		t.Fatal(learned.correlation(), full.correlation(), learned.bytes(), full.bytes())
	}
	a, errA := EncodeEvent(learned)
	b, errB := EncodeEvent(full)
	if string(a) != string(b) || errA != nil || errB != nil {
		t.Fatalf("encoded: got %s; want %s", a, b)
	}
}

// learnThenRead learns from one frame and reads another; what it reads must be what a full decode
// gives. It reports whether the second frame matched.
func learnThenRead(t testing.TB, first, second string) bool {
	t.Helper()
	var l learner
	if !utf8.ValidString(first) {
		return false // the connection refuses it before
	}
	f, ok := readFrame([]byte(first))
	if !ok {
		return false
	}
	event, err := f.event()
	if err != nil {
		return false
	}
	l.learn(f, event)
	got := l.read([]byte(second))
	if got == nil {
		return false
	}
	if !utf8.ValidString(second) {
		t.Fatalf("%q matched, which is no UTF-8", second)
	}
	full, err := DecodeEvent([]byte(second))
	if err != nil {
		t.Fatalf("%q matched %q: %v", second, first, err)
	}
	sameEvent(t, got, full)
	return true
}

func TestREQ_WIRE_02_ALearnedFrameIsTheEventOfAFullDecode(t *testing.T) {
	frames := streamingFrames(t)
	matched := map[string]bool{}
	for i, first := range frames {
		for _, second := range append(frames[i:min(i+20, len(frames)):min(i+20, len(frames))], frames[len(frames)-1]) {
			if learnThenRead(t, first, second) {
				event, _ := DecodeEvent([]byte(second))
				matched[event.EventType()] = true
			}
		}
	}
	for _, word := range []string{TypeStreamToken, TypeStreamPreamble, TypeStreamReasoning} {
		if !matched[word] {
			t.Errorf("no frame of type %s is learned", word)
		}
	}
}

func TestREQ_RESUME_06_NumbersAreReadOnTheFastWay(t *testing.T) {
	frame := `{"type":"stream_token","requestId":"r","token":"a","data":{"requestId":"r","token":"a"},"timestamp":1,"seq":%s}`
	for seq, fits := range map[string]bool{"8": true, "9007199254740991": true, "-1": true, "8.0": false, "null": false, `"8"`: false} {
		if learnThenRead(t, fmt.Sprintf(frame, "7"), fmt.Sprintf(frame, seq)) != fits {
			t.Errorf("%s: read by comparing: %t", seq, !fits)
		}
	}
	pong, err := DecodeEvent([]byte(`{"type":"pong","requestId":"r","seq":3.0}`))
	if err != nil || sequenceOf(pong) != 3 {
		t.Error("an event that has no fact for it takes no number:", err)
	}
	r := newResuming(&Options{})
	for n := range int64(4) {
		if seq := n + 1; !r.follows(&StreamToken{Seq: &seq}) || r.last != seq {
			t.Errorf("%d does not follow", seq)
		}
	}
	for _, seq := range []*int64{nil, new(int64(4)), new(int64(6)), new(int64(0))} {
		if r.follows(&StreamToken{Seq: seq}) || r.last != 4 {
			t.Errorf("%v follows 4", seq)
		}
	}
	r.goal = 5
	if r.follows(&StreamToken{Seq: new(int64(5))}) {
		t.Error("a turn has caught up beside the tables")
	}
}

// Places at which a learned frame and the next one may differ, and what may stand there.
var (
	oddTexts = []string{
		`0`, `false`, `null`, ``, ` `, `\n`, `\"`, `\\`, `\\\"`, `a\u0041`, `\u00e9`, `é`, `\ud83d\ude00`, `😀`, `\ud83d`, `\ude00`,
		`\ud83d\ud83d`, `\u`, `\q`, "\x01", "\xff", "\xed\xa0\x80", `\\ud83d`, `\ufffd`, "\u2028", strings.Repeat("x", 300), `","x":"`,
	}
	oddNumbers = []string{
		`0`, `-0`, `-1`, `1`, `01`, `1.0`, `1e3`, `1.5`, `999999999999999999`, `9223372036854775807`, `9223372036854775808`,
		`null`, `"1"`, `true`, `- 1`, ``, `1 `, ` 1`,
	}
)

// mutate changes a frame in one of the ways in which peers and accidents do.
func mutate(r *rand.Rand, text string) string {
	pick := func(from []string) string { return from[r.IntN(len(from))] }
	replace := func(old, new string) string {
		at := strings.Count(text, old)
		if at == 0 || r.IntN(2) == 0 {
			return strings.ReplaceAll(text, old, new)
		}
		return strings.Replace(text, old, new, 1+r.IntN(at))
	}
	i := r.IntN(len(text) + 1)
	switch r.IntN(8) {
	case 0:
		return replace(`"token":"a"`, `"token":"`+pick(oddTexts)+`"`)
	case 1:
		return replace(`"requestId":"r"`, `"requestId":"`+pick(oddTexts)+`"`)
	case 2:
		return replace(`"timestamp":1`, `"timestamp":`+pick(oddNumbers))
	case 3:
		return text[:i] + pick([]string{" ", "\t", "{", "}", `"`, ",", `"x":1,`, `\`, "0", "\x00"}) + text[i:]
	case 4:
		return text[:i]
	case 5:
		return text + pick([]string{" ", "{}", "x", ","})
	case 6:
		return replace(`"token"`, pick([]string{`"t\u006fken"`, `"Token"`, `"requestId"`, `"data"`, `"type"`}))
	}
	return text
}

func TestREQ_WIRE_02_NoMutationOfALearnedFrameReadsDifferently(t *testing.T) {
	frames := streamingFrames(t)
	r := rand.New(rand.NewPCG(7, 7))
	matched := 0
	for range 40_000 {
		first := frames[r.IntN(len(frames))]
		for range r.IntN(2) {
			first = mutate(r, first)
		}
		second := first
		for range 1 + r.IntN(2) {
			second = mutate(r, second)
		}
		if learnThenRead(t, first, second) {
			matched++
		}
	}
	if matched < 2_000 {
		t.Errorf("only %d mutations matched: nothing was proven", matched)
	}
}

func FuzzLearnedAgainstFullDecode(f *testing.F) {
	frames := streamingFrames(f)
	for i := range frames {
		f.Add(frames[i], frames[(i+1)%len(frames)])
		f.Add(frames[i], frames[i])
	}
	f.Fuzz(func(t *testing.T, first, second string) {
		learnThenRead(t, first, second)
		learnThenRead(t, first, first)
	})
}

func TestREQ_WIRE_02_ATypeWhoseFramesNeverMatchIsLearnedMoreAndMoreRarely(t *testing.T) {
	var l learner
	learned := 0
	for n := range 1000 {
		text := fmt.Sprintf(`{"type":"stream_token","requestId":"r","n%d":0,"data":{"requestId":"r","token":"a"}}`, n)
		if l.read([]byte(text)) != nil {
			t.Fatal(text)
		}
		f, _ := readFrame([]byte(text))
		event, err := f.event()
		if err != nil {
			t.Fatal(err)
		}
		var before *learnedFrame
		if len(l.types) > 0 {
			before = l.types[0].frame
		}
		if l.learn(f, event); l.types[0].frame != before {
			learned++
		}
	}
	if learned > 12 {
		t.Errorf("%d of 1000 frames were learned for nothing", learned)
	}
}
