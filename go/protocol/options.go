package protocol

import (
	"context"
	"crypto/x509"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"net/http"
	"time"
)

// Off turns a limit off. For CloseTimeout and CancelTimeout it means: do not wait.
const Off time.Duration = math.MaxInt64

// TokenIn says where the token travels.
type TokenIn string

// Where a token can travel.
const (
	// TokenInQuery appends the token to the URL's query as the pair token=….
	TokenInQuery TokenIn = "query"
	// TokenInHeader sends the header Authorization: Bearer ….
	TokenInHeader TokenIn = "header"
)

// TokenReason says why a token is asked for.
type TokenReason string

// Why a token is asked for.
const (
	// TokenReasonConnect: for the first attempt of Connect.
	TokenReasonConnect TokenReason = "connect"
	// TokenReasonReconnect: for a later attempt.
	TokenReasonReconnect TokenReason = "reconnect"
	// TokenReasonRejected: the server refused the token before (REQ-CONN-34).
	TokenReasonRejected TokenReason = "rejected"
)

// TokenRequest is what [Options.TokenSource] is asked with.
type TokenRequest struct {
	// Reason is why a token is asked for.
	Reason TokenReason
}

// QueuePolicy says what an action does while a lost link is sought.
type QueuePolicy string

// What an action can do while a lost link is sought.
const (
	// QueuePolicyWait lets it wait for the next link, inside its own limits.
	QueuePolicyWait QueuePolicy = "wait"
	// QueuePolicyFailFast fails it with [ErrNotConnected].
	QueuePolicyFailFast QueuePolicy = "fail_fast"
)

// TurnPolicy says what a message does while another turn of its session runs.
type TurnPolicy string

// What a message can do while another turn of its session runs.
const (
	// TurnPolicyParallel sends it all the same.
	TurnPolicyParallel TurnPolicy = "parallel"
	// TurnPolicyQueue lets it wait for the outcome of those before it (REQ-TURN-31).
	TurnPolicyQueue TurnPolicy = "queue"
)

// Options configure a [Client]. Only URL is required; the zero value of every other field works.
type Options struct {
	// URL of the server, ws:// or wss://. Its query is kept, its fragment dropped (REQ-CONN-10); what
	// is not ASCII in path and query travels percent-encoded. A space, a control character, a
	// backslash, a user name and a host name that is not ASCII are refused (REQ-CONN-19).
	URL string

	// Token authenticates the client. Zero value means none.
	Token string
	// TokenSource is asked for the token before every attempt, inside ConnectTimeout; its failure
	// fails the attempt (REQ-CONN-11). One that matches [ErrAuthentication] or gives a token that cannot
	// travel is final: no further attempt follows (REQ-CONN-30). Zero value means Token.
	TokenSource func(ctx context.Context, request TokenRequest) (string, error)
	// TokenIn says where the token travels. Zero value means TokenInQuery.
	TokenIn TokenIn
	// Header holds further headers of the handshake. Those that belong to the handshake itself or to
	// the hop, such as Host, Connection and Sec-WebSocket-…, are refused (REQ-CONN-20).
	Header http.Header
	// Origin is the Origin header of the handshake. Zero value means none.
	Origin string
	// CACertPEM holds certificates in PEM form that are trusted for wss:// beside the platform's
	// roots (REQ-CONN-13).
	CACertPEM []byte

	// Supports lists further capability words for every session (REQ-CALL-07).
	Supports []string
	// Lazy makes the first action connect instead of failing it (REQ-CONN-09).
	Lazy bool

	// ConnectTimeout bounds one attempt, TokenSource and handshake included (REQ-CONN-04). Zero
	// value means 10s; Off turns it off.
	ConnectTimeout time.Duration
	// CloseTimeout bounds Close as a whole: the peer's close frame, the socket, and listeners that do
	// not return (REQ-CONN-27). Zero value means 5s; Off means not to wait.
	CloseTimeout time.Duration
	// RequestTimeout bounds the answer to a call or verb (REQ-CALL-02). Zero value means 30s; Off
	// turns it off.
	RequestTimeout time.Duration
	// TurnIdleTimeout is the silence that ends a turn; it stands still while a human is asked
	// (REQ-TURN-11). Zero value means 120s; Off turns it off.
	TurnIdleTimeout time.Duration
	// TurnTimeout bounds a turn as a whole (REQ-TURN-12). Zero value means off.
	TurnTimeout time.Duration
	// QuestionTimeout bounds how long a question stays open (REQ-TURN-13). Zero value means 330s;
	// Off turns it off.
	QuestionTimeout time.Duration
	// CancelTimeout is how long a cancelled turn waits for its end (REQ-STOP-02). Zero value means
	// 5s; Off means not to wait.
	CancelTimeout time.Duration
	// ResumeTimeout is how long a turn may wait, without a new event, to be taken up again after a loss
	// (REQ-RESUME-09); also how long Recover asks for a turn (REQ-RESUME-12). Zero value means 60s; Off turns
	// it off.
	ResumeTimeout time.Duration
	// HandlerTimeout bounds a call of a handler; one that is over it fails closed (REQ-ASK-07). Zero value
	// means off.
	HandlerTimeout time.Duration

	// AutoReconnect says whether a new link is sought when one is lost (REQ-CONN-30); then turns outlive
	// their link where the server lists replay (REQ-RESUME-01). Nil means true.
	AutoReconnect *bool
	// RetryInitialConnect seeks a link again when the first attempt of Connect fails, which waits for the
	// link or for the end of the attempts (REQ-CONN-04).
	RetryInitialConnect bool
	// MaxReconnectAttempts is after how many failed attempts in a row the link is given up with
	// [ErrReconnectExhausted] (REQ-CONN-36). Nil means never; 0 turns AutoReconnect and
	// RetryInitialConnect off.
	MaxReconnectAttempts *int
	// BackoffBase is the unit of the waits between attempts, at least a millisecond (REQ-CONN-31). Zero
	// value means 500ms.
	BackoffBase time.Duration
	// BackoffMax is the longest wait before an attempt, at least a millisecond; the server may ask for a
	// longer one (REQ-CONN-31, REQ-CONN-33). Zero value means 20s.
	BackoffMax time.Duration
	// StableAfter is how long a link is open before attempts are counted anew (REQ-CONN-32). Zero value
	// means 10s; Off means at once.
	StableAfter time.Duration
	// PingInterval is the silence of the link after which the client asks whether it lives (REQ-CONN-38).
	// Zero value means 25s; Off turns it off.
	PingInterval time.Duration
	// PongTimeout is how long the client then waits for anything to come before it closes the link with
	// 4408 (REQ-CONN-38). Zero value means 10s; Off turns it off.
	PongTimeout time.Duration
	// QueueLimit is how many actions may wait for a link; another one fails with [ErrQueueFull]
	// (REQ-CONN-40). Nil means 64; 0 lets none wait.
	QueueLimit *int
	// QueuePolicy says what an action does while a lost link is sought (REQ-CONN-40). Zero value means
	// QueuePolicyWait.
	QueuePolicy QueuePolicy
	// TurnPolicy says what a message does while another turn of its session runs (REQ-TURN-31). Zero value
	// means TurnPolicyParallel.
	TurnPolicy TurnPolicy

	// Handlers answer the questions of turns in place of verbs (REQ-ASK-01). Zero value means none.
	Handlers Handlers
	// ResendAfterOTP says whether a message is sent again, once, after the code that a handler gave was right,
	// when its turn ended meanwhile (REQ-ASK-11). Nil means true.
	ResendAfterOTP *bool

	// MaxMessageBytes is the largest message that is taken from the server (REQ-WIRE-11). Zero value
	// means 16 MiB.
	MaxMessageBytes int64

	// Opener opens the sockets: a proxy, another WebSocket library, a server without a network. Zero
	// value means the client's own WebSocket; CACertPEM is for that one alone.
	Opener Opener

	// Observer watches what the client does. Zero value watches nothing.
	Observer Observer

	// Logger gets what the client has to say. Zero value means silence (REQ-LOG-01).
	Logger *slog.Logger
	// LogPayloads logs the text of frames at debug level.
	LogPayloads bool

	// Clock is the source of time (REQ-TIME-01). Zero value means the machine's clock.
	Clock Clock
	// IDGenerator returns fresh requestIds (REQ-CALL-01). It must be safe for concurrent use and must
	// not use the client. Zero value means random ones.
	IDGenerator func() string
	// Random gives numbers of [0, 1), evenly spread: for requestIds and for the waits between attempts. It
	// must be safe for concurrent use and must not use the client. Zero value means crypto/rand.
	Random func() float64

	host string // and port, for texts
}

// String names the server without what may be secret.
func (o Options) String() string { return "protocol.Options(" + safeURL(o.URL) + ")" }

// GoString is String: the %#v form must not show a token either (REQ-LOG-01).
func (o Options) GoString() string { return o.String() }

// LogValue is String, for log/slog.
func (o Options) LogValue() slog.Value { return slog.StringValue(o.String()) }

// resolve checks the options and fills in the defaults; limits that are off become 0. Its errors
// match [ErrInvalidArgument] (REQ-CONN-01).
func (o Options) resolve() (Options, error) {
	if err := checkURL(o.URL); err != nil {
		return o, err
	}
	if o.TokenIn == "" {
		o.TokenIn = defaultTokenIn
	}
	if o.TokenIn != TokenInQuery && o.TokenIn != TokenInHeader {
		return o, invalidArgument("Options.TokenIn must be TokenInQuery or TokenInHeader")
	}
	if o.MaxMessageBytes < 0 {
		return o, invalidArgument("Options.MaxMessageBytes must be at least 1")
	}
	if o.MaxMessageBytes == 0 {
		o.MaxMessageBytes = defaultMaxMessageBytes
	}
	if len(o.CACertPEM) > 0 && !x509.NewCertPool().AppendCertsFromPEM(o.CACertPEM) {
		return o, invalidArgument("Options.CACertPEM holds no certificate")
	}
	if err := o.checkHeaders(); err != nil {
		return o, err
	}
	if err := o.resolveLimits(); err != nil {
		return o, err
	}
	if err := o.resolveSeeking(); err != nil {
		return o, err
	}
	if err := o.Handlers.check(); err != nil {
		return o, err
	}
	o.Handlers.Interaction = maps.Clone(o.Handlers.Interaction)
	o.ResendAfterOTP = orPreset(o.ResendAfterOTP, defaultResendAfterOTP)
	o.host, o.Header = hostOf(o.URL), o.Header.Clone()
	o.Supports = append([]string(nil), o.Supports...)
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.Clock == nil {
		o.Clock = systemClock{}
	}
	if o.IDGenerator == nil {
		o.IDGenerator = requestIDs(o.Random)
	}
	if o.Random == nil {
		o.Random = random
	}
	return o, nil
}

func (o *Options) resolveLimits() error {
	for _, limit := range []struct {
		name   string
		value  *time.Duration
		preset time.Duration
	}{
		{"ConnectTimeout", &o.ConnectTimeout, defaultConnectTimeout},
		{"CloseTimeout", &o.CloseTimeout, defaultCloseTimeout},
		{"RequestTimeout", &o.RequestTimeout, defaultRequestTimeout},
		{"TurnIdleTimeout", &o.TurnIdleTimeout, defaultTurnIdleTimeout},
		{"TurnTimeout", &o.TurnTimeout, defaultTurnTimeout},
		{"QuestionTimeout", &o.QuestionTimeout, defaultQuestionTimeout},
		{"CancelTimeout", &o.CancelTimeout, defaultCancelTimeout},
		{"ResumeTimeout", &o.ResumeTimeout, defaultResumeTimeout},
		{"HandlerTimeout", &o.HandlerTimeout, defaultHandlerTimeout},
		{"StableAfter", &o.StableAfter, defaultStableAfter},
		{"PingInterval", &o.PingInterval, defaultPingInterval},
		{"PongTimeout", &o.PongTimeout, defaultPongTimeout},
	} {
		switch {
		case *limit.value < 0:
			return invalidArgument(fmt.Sprintf("Options.%s must not be negative", limit.name))
		case *limit.value == 0:
			*limit.value = limit.preset
		case *limit.value == Off:
			*limit.value = 0
		}
	}
	return nil
}

// resolveSeeking checks and fills in what the seeking of a link and the queue need.
func (o *Options) resolveSeeking() error {
	for _, wait := range []struct {
		name   string
		value  *time.Duration
		preset time.Duration
	}{
		{"BackoffBase", &o.BackoffBase, defaultBackoffBase},
		{"BackoffMax", &o.BackoffMax, defaultBackoffMax},
	} {
		if *wait.value == 0 {
			*wait.value = wait.preset
		}
		if *wait.value < time.Millisecond || *wait.value == Off {
			return invalidArgument(fmt.Sprintf("Options.%s must be at least a millisecond, and cannot be off", wait.name))
		}
	}
	for name, count := range map[string]*int{
		"MaxReconnectAttempts": o.MaxReconnectAttempts, "QueueLimit": o.QueueLimit,
	} {
		if count != nil && *count < 0 {
			return invalidArgument(fmt.Sprintf("Options.%s must not be negative", name))
		}
	}
	o.AutoReconnect = orPreset(o.AutoReconnect, defaultAutoReconnect)
	o.QueueLimit = orPreset(o.QueueLimit, defaultQueueLimit)
	if o.MaxReconnectAttempts != nil {
		o.MaxReconnectAttempts = new(*o.MaxReconnectAttempts)
	}
	if o.QueuePolicy == "" {
		o.QueuePolicy = defaultQueuePolicy
	}
	if o.QueuePolicy != QueuePolicyWait && o.QueuePolicy != QueuePolicyFailFast {
		return invalidArgument("Options.QueuePolicy must be QueuePolicyWait or QueuePolicyFailFast")
	}
	if o.TurnPolicy == "" {
		o.TurnPolicy = defaultTurnPolicy
	}
	if o.TurnPolicy != TurnPolicyParallel && o.TurnPolicy != TurnPolicyQueue {
		return invalidArgument("Options.TurnPolicy must be TurnPolicyParallel or TurnPolicyQueue")
	}
	return nil
}

// seeks says whether a lost link is sought again (REQ-CONN-30). The options are resolved.
func (o *Options) seeks() bool {
	return *o.AutoReconnect && (o.MaxReconnectAttempts == nil || *o.MaxReconnectAttempts > 0)
}

// orPreset returns a value of the client's own.
func orPreset[T any](given *T, preset T) *T {
	if given != nil {
		preset = *given
	}
	return &preset
}
