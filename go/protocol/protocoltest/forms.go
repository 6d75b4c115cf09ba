package protocoltest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/SmooAI/smooth-operator/go/protocol"
)

// Kinds of interactions.
const (
	identityIntake = "identity_intake"
	choices        = "choices"
)

// formWords are the capability words of clients that can show a kind.
var formWords = map[string]string{identityIntake: wordForm, choices: wordChoices}

// form is the spec of an interaction, checked.
type form struct {
	text      json.RawMessage
	fields    []field
	questions []asked
}

type field struct {
	Key      string `json:"key"`
	Required *bool  `json:"required"`
	Label    string `json:"label,omitempty"`
}

type asked struct {
	Question    *string  `json:"question"`
	Header      *string  `json:"header"`
	Options     []option `json:"options"`
	MultiSelect bool     `json:"multiSelect,omitempty"`
}

type option struct {
	Label       string `json:"label"`
	Description string `json:"description,omitempty"`
}

func (q *asked) labels() []string {
	labels := make([]string, len(q.Options))
	for i, o := range q.Options {
		labels[i] = o.Label
	}
	return labels
}

// formSpec checks the spec of a kind against spec/interactions.
func formSpec(kind string, text []byte) (form, error) {
	checked := form{text: text}
	var err error
	switch kind {
	case identityIntake:
		var spec struct {
			Fields []field `json:"fields"`
		}
		if err = strict(text, &spec); err == nil {
			checked.fields, err = spec.Fields, checkFields(spec.Fields)
		}
	case choices:
		var spec struct {
			Questions []asked `json:"questions"`
		}
		if err = strict(text, &spec); err == nil {
			checked.questions, err = spec.Questions, checkQuestions(spec.Questions)
		}
	default:
		err = fmt.Errorf("there is no interaction of kind %q", kind)
	}
	return checked, err
}

func strict(text []byte, into any) error {
	decoder := json.NewDecoder(strings.NewReader(string(text)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("the spec is not of its kind: %w", err)
	}
	return nil
}

func checkFields(fields []field) error {
	if len(fields) == 0 {
		return fmt.Errorf("/fields must hold at least one field")
	}
	for i, f := range fields {
		if !slices.Contains([]string{"name", "email", "phone"}, f.Key) {
			return fmt.Errorf("/fields/%d/key must be name, email or phone", i)
		}
		if f.Required == nil {
			return fmt.Errorf("/fields/%d/required is missing", i)
		}
	}
	return nil
}

func checkQuestions(questions []asked) error {
	if n := len(questions); n < 1 || n > 4 {
		return fmt.Errorf("/questions must hold one to four questions")
	}
	var headers []string
	for i, q := range questions {
		switch {
		case q.Question == nil:
			return fmt.Errorf("/questions/%d/question is missing", i)
		case q.Header == nil:
			return fmt.Errorf("/questions/%d/header is missing", i)
		case len([]rune(*q.Header)) > 12:
			return fmt.Errorf("/questions/%d/header must have at most 12 characters", i)
		case slices.Contains(headers, *q.Header):
			return fmt.Errorf("/questions must have different headers")
		case len(q.Options) < 2 || len(q.Options) > 4:
			return fmt.Errorf("/questions/%d/options must hold two to four options", i)
		}
		headers = append(headers, *q.Header)
		labels := q.labels()
		slices.Sort(labels)
		if len(slices.Compact(labels)) != len(q.Options) {
			return fmt.Errorf("/questions/%d/options must have different labels", i)
		}
	}
	return nil
}

// values returns the person's answer, normalised, or what is wrong with it.
func (f *form) values(given map[string]any) (map[string]any, []protocol.FieldError) {
	if f.questions != nil {
		return f.chosen(given)
	}
	clean := map[string]any{}
	var faults []protocol.FieldError
	for _, key := range []string{"name", "email", "phone"} {
		text, isText := given[key].(string)
		text = strings.TrimSpace(text)
		switch {
		case given[key] == nil || isText && text == "":
			if slices.ContainsFunc(f.fields, func(one field) bool { return one.Key == key && *one.Required }) {
				faults = append(faults, fault(key, "is required"))
			}
			continue
		case !isText:
			faults = append(faults, fault(key, "must be text"))
			continue
		}
		normal, wrong := normalised(key, text)
		if wrong != "" {
			faults = append(faults, fault(key, wrong))
			continue
		}
		clean[key] = normal
	}
	return clean, faults
}

func fault(field, message string) protocol.FieldError {
	return protocol.FieldError{Field: field, Message: message}
}

var (
	address     = regexp.MustCompile(`^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$`)
	punctuation = regexp.MustCompile(`[\s\-.()]`)
	foreign     = regexp.MustCompile(`^\+[1-9][0-9]{7,14}$`)
	domestic    = regexp.MustCompile(`^1?[0-9]{10}$`)
)

func normalised(key, text string) (normal, wrong string) {
	switch key {
	case "email":
		if !address.MatchString(text) {
			return "", "must be a valid email address"
		}
		local, domain, _ := strings.Cut(text, "@")
		return local + "@" + strings.ToLower(domain), ""
	case "phone":
		number := punctuation.ReplaceAllString(text, "")
		switch {
		case foreign.MatchString(number):
			return number, ""
		case domestic.MatchString(number):
			return "+1" + number[len(number)-10:], ""
		}
		return "", "must be a valid phone number"
	}
	return text, ""
}

// chosen checks that every question is answered from what it offers.
func (f *form) chosen(given map[string]any) (map[string]any, []protocol.FieldError) {
	list, ok := given["answers"].([]any)
	if !ok {
		return nil, []protocol.FieldError{fault("answers", "must be a list")}
	}
	answers := map[string]map[string]any{}
	var faults []protocol.FieldError
	for _, one := range list {
		answer, _ := one.(map[string]any)
		header, _ := answer["header"].(string)
		header = strings.TrimSpace(header)
		known := slices.ContainsFunc(f.questions, func(q asked) bool { return *q.Header == header })
		switch {
		case !known:
			faults = append(faults, fault("answers", "answers a question that was not asked"))
		case answers[header] != nil:
			faults = append(faults, fault("answers", "answers a question twice"))
		default:
			answers[header] = answer
		}
	}
	var clean []any
	for i := range f.questions {
		q := &f.questions[i]
		taken, wrong := q.answer(answers[*q.Header])
		if wrong != "" {
			faults = append(faults, fault(*q.Header, wrong))
			continue
		}
		clean = append(clean, taken)
	}
	return map[string]any{"answers": clean}, faults
}

// answer returns what was chosen, or what the person has to mend.
func (q *asked) answer(given map[string]any) (taken map[string]any, wrong string) {
	if given == nil {
		return nil, "needs an answer"
	}
	list, ok := given["options"].([]any)
	if given["options"] != nil && !ok {
		return nil, "must name options by their labels"
	}
	var chosen []string
	for _, one := range list {
		label, ok := one.(string)
		if !ok {
			return nil, "must name options by their labels"
		}
		if label = strings.TrimSpace(label); !slices.Contains(chosen, label) {
			chosen = append(chosen, label)
		}
	}
	other, ok := given["other"].(string)
	if given["other"] != nil && !ok {
		return nil, "must be text"
	}
	other = strings.TrimSpace(other)
	labels := q.labels()
	if slices.ContainsFunc(chosen, func(label string) bool { return !slices.Contains(labels, label) }) {
		return nil, "names an option that was not offered"
	}
	taken = map[string]any{"header": *q.Header}
	count := len(chosen)
	if count > 0 {
		taken["options"] = chosen
	}
	if other != "" {
		taken["other"] = other
		count++
	}
	switch {
	case count == 0:
		return nil, "needs an answer"
	case count > 1 && !q.MultiSelect:
		return nil, "takes exactly one answer"
	}
	return taken, ""
}
