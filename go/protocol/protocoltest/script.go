package protocoltest

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// script is what a file of `smooth-operator-server --script` says; its entries are consumed in order over all
// turns.
type script struct {
	Model        []entry       `json:"model"`
	Tools        []scriptTool  `json:"tools"`
	ConfirmTools []string      `json:"confirmTools"`
	Knowledge    []scriptText  `json:"knowledge"`
	OTP          *scriptSecret `json:"otp"`
	next         int
}

type entry struct {
	Text      *string      `json:"text"`
	ToolCall  *scriptCall  `json:"toolCall"`
	Reasoning *string      `json:"reasoning"`
	Preamble  *string      `json:"preamble"`
	Error     *string      `json:"error"`
	DelayMs   *int         `json:"delayMs"`
	Usage     *scriptUsage `json:"usage"`
}

type scriptCall struct {
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

type scriptUsage struct {
	PromptTokens     *int64   `json:"promptTokens"`
	CompletionTokens *int64   `json:"completionTokens"`
	CostUsd          *float64 `json:"costUsd"`
}

type scriptTool struct {
	Name        string          `json:"name"`
	Description string          `json:"description"`
	Parameters  json.RawMessage `json:"parameters"`
	Result      json.RawMessage `json:"result"`
	Confirm     bool            `json:"confirm"`
	Auth        string          `json:"auth"`
}

type scriptText struct {
	Source  string `json:"source"`
	Content string `json:"content"`
}

type scriptSecret struct {
	Code      string `json:"code"`
	Attempts  *int   `json:"attempts"`
	Channel   string `json:"channel"`
	SendFails bool   `json:"sendFails"`
}

// Script sets the server up from a file of `smooth-operator-server --script`, in the place of replies. What is no
// such file, and a server that has replies, is refused with a [*ScriptError].
func (s *Server) Script(document []byte) error {
	read := &script{}
	decoder := json.NewDecoder(strings.NewReader(string(document)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(read); err != nil {
		return &ScriptError{"the script is no script file: " + strings.TrimPrefix(err.Error(), "json: ")}
	}
	if _, err := decoder.Token(); err != io.EOF {
		return &ScriptError{"the script is no script file: something follows its end"}
	}
	if err := read.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.replies) > 0 || s.cassette != nil {
		return &ScriptError{"a server that has replies or plays a cassette takes no script"}
	}
	s.script = read
	return nil
}

func (s *script) check() error {
	wrong := func(format string, facts ...any) error {
		return &ScriptError{"the script: " + fmt.Sprintf(format, facts...)}
	}
	if s.Model == nil {
		return wrong("/model is missing")
	}
	for i, e := range s.Model {
		steps := 0
		for _, there := range []bool{
			e.Text != nil, e.ToolCall != nil, e.Reasoning != nil, e.Preamble != nil, e.Error != nil,
		} {
			if there {
				steps++
			}
		}
		switch {
		case steps > 1 || steps == 0 && e.DelayMs == nil:
			return wrong("/model/%d must be one step", i)
		case e.DelayMs != nil && *e.DelayMs < 0:
			return wrong("/model/%d/delayMs cannot be negative", i)
		case e.ToolCall != nil && e.ToolCall.Name == "":
			return wrong("/model/%d/toolCall/name is missing", i)
		}
	}
	for i, tool := range s.Tools {
		switch {
		case tool.Name == "":
			return wrong("/tools/%d/name is missing", i)
		case tool.Auth != "" && tool.Auth != "end_user" && tool.Auth != "admin":
			return wrong("/tools/%d/auth must be end_user or admin", i)
		}
	}
	switch otp := s.OTP; {
	case otp == nil:
	case otp.Code == "":
		return wrong("/otp/code is missing")
	case otp.Attempts != nil && *otp.Attempts < 1:
		return wrong("/otp/attempts must be at least 1")
	case otp.Channel != "" && !protocol.OTPChannel(otp.Channel).Known():
		return wrong("/otp/channel must be email or sms")
	}
	return nil
}

// play is the step that reads the next entry.
func (s *script) play(t *turn) {
	if s.next == len(s.Model) {
		t.fail("AGENT_ERROR", "the script has no model entry left")
		return
	}
	e := s.Model[s.next]
	s.next++
	t.spend(e.spent())
	var steps []step
	if e.DelayMs != nil {
		steps = append(steps, do(func(t *turn) { t.delay(time.Duration(*e.DelayMs) * time.Millisecond) }))
	}
	r := NewReply()
	switch {
	case e.Text != nil:
		r.Tokens(words(*e.Text)...)
		r.add(do(func(t *turn) { t.finish(FinishOptions{Text: e.Text, Usage: t.usage, Citations: t.found}) }))
	case e.Error != nil:
		r.Error("AGENT_ERROR", *e.Error)
	case e.ToolCall != nil:
		r.add(do(func(t *turn) { s.call(t, e.ToolCall) }), do(s.play))
	case e.Reasoning != nil:
		r.Reasoning(words(*e.Reasoning)...).add(do(s.play))
	case e.Preamble != nil:
		for _, word := range words(*e.Preamble) {
			r.Preamble(word)
		}
		r.add(do(s.play))
	default:
		r.add(do(s.play))
	}
	t.steps = slices.Concat(steps, r.steps, t.steps)
}

// words are the words of a text, each with the blank behind it.
func words(text string) []string {
	if text == "" {
		return nil
	}
	return strings.SplitAfter(text, " ")
}

// spent is what an entry costs.
func (e *entry) spent() *protocol.Usage {
	if e.Usage == nil && e.Text == nil && e.ToolCall == nil {
		return nil
	}
	spent := scriptUsage{}
	if e.Usage != nil {
		spent = *e.Usage
	}
	if spent.PromptTokens == nil {
		spent.PromptTokens = new(int64(10))
	}
	if spent.CompletionTokens == nil {
		spent.CompletionTokens = new(int64(5))
	}
	return &protocol.Usage{
		PromptTokens: spent.PromptTokens, CompletionTokens: spent.CompletionTokens, CostUsd: spent.CostUsd,
	}
}

func (t *turn) spend(more *protocol.Usage) {
	switch {
	case more == nil:
	case t.usage == nil:
		t.usage = more
	default:
		*t.usage.PromptTokens += *more.PromptTokens
		*t.usage.CompletionTokens += *more.CompletionTokens
		if more.CostUsd != nil {
			cost := *more.CostUsd
			if t.usage.CostUsd != nil {
				cost += *t.usage.CostUsd
			}
			t.usage.CostUsd = &cost
		}
	}
}

// call runs a tool: what has to be asked first, then its two chunks (REQ-SRV-04).
func (s *script) call(t *turn, call *scriptCall) {
	arguments := call.Arguments
	if arguments == nil {
		arguments = json.RawMessage("{}")
	}
	done := func(result json.RawMessage, failed bool) {
		if result == nil {
			result = json.RawMessage("null")
		}
		t.chunk(call.Name, encoded(map[string]any{"toolCall": map[string]any{"name": call.Name, "arguments": arguments}}))
		t.chunk(call.Name, encoded(map[string]any{
			"toolResult": map[string]any{"name": call.Name, "isError": failed, "result": result},
		}))
	}
	denied := json.RawMessage(`"denied"`)
	at := slices.IndexFunc(s.Tools, func(tool scriptTool) bool { return tool.Name == call.Name })
	if at < 0 {
		s.builtIn(t, call.Name, arguments, done)
		return
	}
	tool := s.Tools[at]
	gated := slices.ContainsFunc(s.ConfirmTools, func(part string) bool { return strings.Contains(tool.Name, part) })
	answered := func(allowed bool) {
		if !allowed {
			done(denied, true)
			return
		}
		done(tool.Result, false)
	}
	switch {
	case tool.Auth == "admin":
		answered(false)
	case tool.Auth == "end_user" && !t.session.verified:
		s.code(t, tool.Name, answered)
	case tool.Confirm || gated:
		description := tool.Description
		if description == "" {
			description = "Run " + tool.Name
		}
		t.confirm(tool.Name, description, answered)
	default:
		answered(true)
	}
}

// code asks for the code of the script; a session that gave it needs no other.
func (s *script) code(t *turn, tool string, answered func(bool)) {
	if s.OTP == nil {
		answered(false)
		return
	}
	o := OTPOptions{Code: s.OTP.Code, Channel: protocol.OTPChannel(s.OTP.Channel), ToolID: tool}.filled()
	if s.OTP.Attempts != nil {
		o.Attempts = *s.OTP.Attempts
	}
	if email := t.session.email; email != "" && o.Channel == protocol.OTPChannelEmail {
		local, domain, _ := strings.Cut(email, "@")
		o.Masked = string([]rune(local + " ")[:1]) + "***@" + domain
	}
	o.fails = s.OTP.SendFails
	t.otp(o, func(verified bool) {
		t.session.verified = verified
		answered(verified)
	})
}

// builtIn runs the tools that every script has.
func (s *script) builtIn(t *turn, name string, arguments json.RawMessage, done func(json.RawMessage, bool)) {
	kind, form := map[string]string{"request_identity_intake": identityIntake, "request_choices": choices}[name]
	switch {
	case name == "knowledge_search":
		var asked struct{ Query string }
		_ = json.Unmarshal(arguments, &asked) // an odd query finds nothing
		done(s.search(t, asked.Query), false)
	case form && !t.session.knows(formWords[kind]):
		done(json.RawMessage(`"The client shows no forms: ask in words."`), false)
	case form:
		spec, err := formSpec(kind, longhand(kind, arguments))
		if err != nil {
			done(encoded(err.Error()), true)
			return
		}
		var said struct{ Reason string }
		_ = json.Unmarshal(arguments, &said) // it was read already
		t.interaction(kind, spec, said.Reason, func(values any) {
			if values == nil {
				values = map[string]any{"status": "no_response"}
			}
			done(encoded(values), false)
		})
	default:
		done(encoded("there is no tool of this name"), true)
	}
}

// longhand is the spec that arguments stand for: a bare word is a field that must be given, or an option.
func longhand(kind string, arguments json.RawMessage) json.RawMessage {
	var given map[string]any
	_ = json.Unmarshal(arguments, &given) // arguments that are no object make a spec that is refused
	if kind == identityIntake {
		fields, _ := given["fields"].([]any)
		for i, one := range fields {
			if key, bare := one.(string); bare {
				fields[i] = map[string]any{"key": key, "required": true}
			}
		}
		return encoded(map[string]any{"fields": fields})
	}
	questions, _ := given["questions"].([]any)
	for _, one := range questions {
		question, _ := one.(map[string]any)
		options, _ := question["options"].([]any)
		for i, option := range options {
			if label, bare := option.(string); bare {
				options[i] = map[string]any{"label": label}
			}
		}
	}
	return encoded(map[string]any{"questions": questions})
}

// search finds the documents that have a longer word of the query, and cites them.
func (s *script) search(t *turn, query string) json.RawMessage {
	found := []string{}
	for _, document := range s.Knowledge {
		text := strings.ToLower(document.Content)
		if slices.ContainsFunc(strings.Fields(strings.ToLower(query)), func(word string) bool {
			return len(word) > 3 && strings.Contains(text, word)
		}) {
			found = append(found, document.Content)
			t.found = append(t.found, protocol.Citation{
				ID: document.Source, Title: document.Source, Snippet: document.Content, Score: 1,
			})
		}
	}
	return encoded(found)
}
