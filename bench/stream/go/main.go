// The streaming bench in Go: one turn read raw, by a bare loop, or through the client.
//
// It prints one line of JSON; see bench/stream/run.py. Exit status 1: an event was lost.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"
)

// job is what the command line asks for.
type job struct {
	mode, url, reader, socket string
	events, turns, clients    int
	late                      time.Duration
	ping                      bool
}

// outcome is the line that is printed. Members that do not apply are left out.
type outcome struct {
	Events       int      `json:"events"`
	Chars        int      `json:"chars"`
	Seconds      float64  `json:"seconds"`
	CPUSeconds   float64  `json:"cpu_seconds"`
	RSSBefore    int64    `json:"rss_before_bytes"`
	PeakRSS      int64    `json:"peak_rss_bytes"`
	DrainSeconds *float64 `json:"drain_seconds,omitempty"`
	PingMS       *float64 `json:"ping_ms,omitempty"`
	StartupMS    float64  `json:"startup_ms"`
	Copies       int      `json:"copies"`
}

func main() {
	var j job
	flag.StringVar(&j.mode, "mode", "client", "raw, bare or client")
	flag.StringVar(&j.url, "url", "", "of the blast server")
	flag.IntVar(&j.events, "events", 1, "tokens of one turn")
	flag.StringVar(&j.reader, "reader", "now", "now, late or never")
	lateMS := flag.Int("late-ms", 8000, "how late the reader comes")
	flag.IntVar(&j.turns, "turns", 1, "turns at once on one client")
	flag.IntVar(&j.clients, "clients", 1, "clients with one turn each")
	flag.BoolVar(&j.ping, "ping", false, "one ping in the midst of the stream")
	flag.StringVar(&j.socket, "socket", "default", "default is all there is")
	flag.Parse()
	j.late = time.Duration(*lateMS) * time.Millisecond
	if j.socket != "default" {
		os.Exit(3) // the platform has no such socket
	}
	plays := map[string]func(context.Context, job) (outcome, error){"raw": raw, "bare": bare, "client": client}
	play, ok := plays[j.mode]
	if !ok {
		fail(fmt.Errorf("no such mode: %q", j.mode))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	result, err := play(ctx, j)
	if err != nil {
		fail(err)
	}
	result.Copies = j.turns * j.clients
	if want := j.events * result.Copies; result.Events != want {
		fail(fmt.Errorf("%d of %d events came", result.Events, want))
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		fail(err)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "stream:", err)
	os.Exit(1)
}
