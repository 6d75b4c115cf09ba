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
