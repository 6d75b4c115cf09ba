package main

import (
	"os"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// meter takes time, CPU and memory of this process over one span.
type meter struct {
	began  time.Time
	cpu    float64
	rss    int64
	waited time.Duration // no part of the span's seconds
	once   sync.Once
	first  float64
}

func begin() *meter {
	return &meter{rss: status("VmRSS:"), cpu: cpuSeconds(), began: time.Now()}
}

// token takes note of the first token.
func (m *meter) token() {
	m.once.Do(func() {
		if t0, err := strconv.ParseInt(os.Getenv("BENCH_T0"), 10, 64); err == nil {
			m.first = float64(time.Now().UnixNano()-t0) / 1e6
		}
	})
}

func (m *meter) end(events, chars int) outcome {
	return outcome{
		Events: events, Chars: chars, Seconds: (time.Since(m.began) - m.waited).Seconds(),
		CPUSeconds: cpuSeconds() - m.cpu, RSSBefore: m.rss, PeakRSS: status("VmHWM:"), StartupMS: m.first,
	}
}

func cpuSeconds() float64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// status returns a line of the process's status in bytes, 0 where there is none.
func status(name string) int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == name {
			kib, _ := strconv.ParseInt(fields[1], 10, 64)
			return kib * 1024
		}
	}
	return 0
}
