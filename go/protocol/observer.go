package protocol

import (
	"context"
	"log/slog"
)

const warningsRemembered = 1024

// frameTap shows frames to the log and to the listeners. Guarded by the client's mutex, but for wanted.
type frameTap struct {
	options   Options
	listeners *listeners
	warned    map[string]struct{}
}

func newFrameTap(options Options, listeners *listeners) *frameTap {
	return &frameTap{options, listeners, map[string]struct{}{}}
}

// wanted says whether anybody wants to see frames.
func (p *frameTap) wanted() bool {
	return p.listeners.tapped() || p.options.Logger.Enabled(context.Background(), slog.LevelDebug)
}

// show tells of one frame; a text of nil stands for one that is no text.
func (p *frameTap) show(d Direction, word, requestID string, text []byte, size int) {
	if log := p.options.Logger; log.Enabled(context.Background(), slog.LevelDebug) {
		log.Debug("frame", "direction", d, "type", word, "requestId", requestID, "bytes", size)
		if p.options.LogPayloads {
			secrets := eventSecrets
			if d == DirectionOut {
				secrets = actionSecrets
			}
			log.Debug("payload", "direction", d, "text", string(withoutSecrets(secrets, word, text)))
		}
	}
	if p.listeners.tapped() {
		at := p.options.Clock.Now()
		tell(p.listeners, &p.listeners.frame, FrameInfo{d, word, requestID, size, at, text})
	}
}

// warnOnce logs a warning for the first of its key. A peer that invents keys cannot grow the set
// without end.
func (p *frameTap) warnOnce(key, message string) {
	if _, known := p.warned[key]; known || len(p.warned) >= warningsRemembered {
		return
	}
	p.warned[key] = struct{}{}
	p.options.Logger.Warn(message, "type", key)
}

// Observer is what an application may watch of a client, for spans, counters and logs. Every function
// may be nil. They are called like listeners: in order, one call at a time, on a goroutine of the client;
// one that panics is logged once and disturbs nothing. No text of a message, no code and no token is ever
// given to one.
type Observer struct {
	// Attempt hears that an attempt to open a link to a host ended; err is nil when it is open.
	Attempt func(host string, err error)
	// Call hears that a call has its answer, or why it failed.
	Call func(action, requestID string, err error)
	// TurnStarted hears that a message was queued and its turn began.
	TurnStarted func(requestID, sessionID string)
	// FirstToken hears of the first piece of a turn's text.
	FirstToken func(requestID string)
	// Question hears that a turn asks a human.
	Question func(requestID string, kind QuestionKind)
	// TurnSettled hears that a turn has its outcome; err is that of a failed turn, whose outcome is empty.
	TurnSettled func(requestID string, outcome Outcome, err error)
}

// watch tells an observer.
type watch struct {
	Observer
	listeners *listeners
}

func newWatch(observer Observer, l *listeners) *watch {
	listen(l, &l.watched, func(hook func()) { hook() })
	return &watch{observer, l}
}

func (w *watch) attempt(host string, err error) {
	if hook := w.Attempt; hook != nil {
		tell(w.listeners, &w.listeners.watched, func() { hook(host, err) })
	}
}

func (w *watch) call(action, requestID string, err error) {
	if hook := w.Call; hook != nil {
		tell(w.listeners, &w.listeners.watched, func() { hook(action, requestID, err) })
	}
}

func (w *watch) turnStarted(requestID, sessionID string) {
	if hook := w.TurnStarted; hook != nil {
		tell(w.listeners, &w.listeners.watched, func() { hook(requestID, sessionID) })
	}
}

func (w *watch) firstToken(requestID string) {
	if hook := w.FirstToken; hook != nil {
		tell(w.listeners, &w.listeners.watched, func() { hook(requestID) })
	}
}

func (w *watch) question(requestID string, kind QuestionKind) {
	if hook := w.Question; hook != nil {
		tell(w.listeners, &w.listeners.watched, func() { hook(requestID, kind) })
	}
}

func (w *watch) turnSettled(requestID string, outcome Outcome, err error) {
	if hook := w.TurnSettled; hook != nil {
		tell(w.listeners, &w.listeners.watched, func() { hook(requestID, outcome, err) })
	}
}
