package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync/atomic"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// seek sets what a client needs to seek its link: the further options, numbers and tokens of open.
func (t *testee) seek(c *command, options *protocol.Options) {
	var drawn, asked atomic.Int64
	options.Random = func() float64 {
		if n := int(drawn.Add(1)); n <= len(c.Random) {
			return c.Random[n-1]
		}
		return 0.5
	}
	if c.Tokens != nil {
		options.TokenSource = func(_ context.Context, request protocol.TokenRequest) (string, error) {
			t.event("asked", object{"on": c.As, "reason": request.Reason})
			return given(c.Tokens[min(int(asked.Add(1)), len(c.Tokens))-1])
		}
	}
	for name, value := range c.Options {
		further(options, name, value)
	}
}

// given is what the token source gives, or fails with.
func given(token json.RawMessage) (string, error) {
	var text string
	if json.Unmarshal(token, &text) == nil {
		return text, nil
	}
	var how struct{ Fail string }
	must(json.Unmarshal(token, &how))
	switch how.Fail {
	case "authentication":
		return "", protocol.ErrAuthentication
	case "value":
		return "a token\nwith a break", nil // Go's type forbids what is no string
	}
	return "", errors.New("no token today")
}

// further sets an option under its name in spec/options.yaml.
func further(options *protocol.Options, name string, value any) {
	times := map[string]*time.Duration{
		"backoffBase": &options.BackoffBase, "backoffMax": &options.BackoffMax, "stableAfter": &options.StableAfter,
		"resumeTimeout": &options.ResumeTimeout, "pingInterval": &options.PingInterval, "pongTimeout": &options.PongTimeout, "handlerTimeout": &options.HandlerTimeout,
	}
	counts := map[string]**int{
		"maxReconnectAttempts": &options.MaxReconnectAttempts, "queueLimit": &options.QueueLimit,
	}
	switch {
	case name == "autoReconnect":
		options.AutoReconnect = new(value.(bool))
	case name == "resendAfterOtp":
		options.ResendAfterOTP = new(value.(bool))
	case name == "retryInitialConnect":
		options.RetryInitialConnect = value.(bool)
	case name == "queuePolicy":
		options.QueuePolicy = protocol.QueuePolicy(value.(string))
	case name == "turnPolicy":
		options.TurnPolicy = protocol.TurnPolicy(value.(string))
	case counts[name] != nil:
		*counts[name] = new(int(value.(float64)))
	case times[name] != nil:
		// Go's zero value is the default: 0 as such is Off.
		if *times[name] = time.Duration(value.(float64) * float64(time.Millisecond)); value.(float64) == 0 {
			*times[name] = protocol.Off
		}
	default:
		refuse("bad-request", name+" is no option")
	}
}
