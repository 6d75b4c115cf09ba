package protocol_test

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"sync"
)

// logged is everything that was logged, safe for concurrent use.
type logged struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func newLog() *logged { return &logged{} }

func (l *logged) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(b)
}

func (l *logged) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(l, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func (l *logged) standard() *log.Logger { return log.New(l, "", 0) }

func (l *logged) text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logged) count(what string) int { return strings.Count(l.text(), what) }
