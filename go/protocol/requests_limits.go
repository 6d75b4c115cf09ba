package protocol

import "time"

// armed arms a limit as [due] does; a limit of 0 is off.
func armed(r *router, limit time.Duration, f func()) (stop func()) {
	if limit == 0 {
		return func() {}
	}
	return due(r.options.Clock, r.mu, limit, f)
}
