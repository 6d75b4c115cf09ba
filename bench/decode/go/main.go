// Command decode times the decoding of one frame in Go against map[string]any, in alternating rounds.
package main

import (
	"encoding/json"
	"fmt"
	"log"
	"os"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

const rounds, count = 25, 5000

func main() {
	text, err := os.ReadFile(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	var frames map[string]string
	if err := json.Unmarshal(text, &frames); err != nil {
		log.Fatal(err)
	}
	for name, frame := range frames {
		var plain, decode []float64
		for range rounds {
			plain = append(plain, nanoseconds(frame, parse))
			decode = append(decode, nanoseconds(frame, read))
		}
		line, _ := json.Marshal(map[string]any{"frame": name, "plain": plain, "decode": decode})
		fmt.Println(string(line))
	}
}

func nanoseconds(frame string, run func([]byte) error) float64 {
	text := []byte(frame)
	start := time.Now()
	for range count {
		if err := run(text); err != nil {
			log.Fatal(err)
		}
	}
	return float64(time.Since(start).Nanoseconds()) / count
}

func parse(text []byte) error {
	var value map[string]any
	return json.Unmarshal(text, &value)
}

func read(text []byte) error {
	_, err := protocol.DecodeEvent(text)
	return err
}
