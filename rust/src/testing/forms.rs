//! The two kinds of interactions: what may be asked, and what counts as an answer.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) const IDENTITY_INTAKE: &str = "identity_intake";
pub(super) const CHOICES: &str = "choices";

/// The spec of an interaction, checked.
#[derive(Debug, Clone)]
pub(super) struct Form {
    pub(super) kind: &'static str,
    /// The capability word of clients that can show it.
    pub(super) word: &'static str,
    pub(super) spec: Value,
    asked: Asked,
}

#[derive(Debug, Clone)]
enum Asked {
    Fields(Vec<Field>),
    Questions(Vec<Question>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Fields {
    fields: Vec<Field>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Field {
    key: String,
    required: bool,
    #[serde(rename = "label")]
    _label: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Questions {
    questions: Vec<Question>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Question {
    #[serde(rename = "question")]
    _question: String,
    header: String,
    options: Vec<Choice>,
    #[serde(default)]
    multi_select: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    label: String,
    #[serde(rename = "description")]
    _description: Option<String>,
}

type Faults = Vec<Value>;

fn fault(field: &str, message: &str) -> Value {
    json!({"field": field, "message": message})
}

impl Form {
    /// Checks the spec of a kind against `spec/interactions/`.
    pub(super) fn new(kind: &str, spec: Value) -> Result<Self, String> {
        let unlike = |error: serde_json::Error| format!("the spec is not of its kind: {error}");
        let (kind, word, asked) = match kind {
            IDENTITY_INTAKE => {
                let Fields { fields } = Fields::deserialize(&spec).map_err(unlike)?;
                check_fields(&fields)?;
                (IDENTITY_INTAKE, "identity_form", Asked::Fields(fields))
            }
            CHOICES => {
                let Questions { questions } = Questions::deserialize(&spec).map_err(unlike)?;
                check_questions(&questions)?;
                (CHOICES, "choice_chips", Asked::Questions(questions))
            }
            _ => return Err(format!("there is no interaction of kind {kind:?}")),
        };
        Ok(Self {
            kind,
            word,
            spec,
            asked,
        })
    }

    /// The person's answer, normalised, or what is wrong with it.
    pub(super) fn values(&self, given: &Map<String, Value>) -> Result<Value, Faults> {
        match &self.asked {
            Asked::Fields(fields) => identity(fields, given),
            Asked::Questions(questions) => chosen(questions, given),
        }
    }
}

fn check_fields(fields: &[Field]) -> Result<(), String> {
    if fields.is_empty() {
        return Err("/fields must hold at least one field".to_owned());
    }
    for (place, field) in fields.iter().enumerate() {
        if !["name", "email", "phone"].contains(&field.key.as_str()) {
            return Err(format!("/fields/{place}/key must be name, email or phone"));
        }
    }
    Ok(())
}

fn check_questions(questions: &[Question]) -> Result<(), String> {
    if !(1..=4).contains(&questions.len()) {
        return Err("/questions must hold one to four questions".to_owned());
    }
    for (place, question) in questions.iter().enumerate() {
        let same = |it: &&Question| it.header == question.header;
        if question.header.chars().count() > 12 {
            return Err(format!(
                "/questions/{place}/header must have at most 12 characters"
            ));
        }
        if questions.iter().filter(same).count() > 1 {
            return Err("/questions must have different headers".to_owned());
        }
        if !(2..=4).contains(&question.options.len()) {
            return Err(format!(
                "/questions/{place}/options must hold two to four options"
            ));
        }
        let labels = question.options.iter().map(|it| &it.label);
        if labels.collect::<std::collections::HashSet<_>>().len() < question.options.len() {
            return Err(format!(
                "/questions/{place}/options must have different labels"
            ));
        }
    }
    Ok(())
}

fn identity(fields: &[Field], given: &Map<String, Value>) -> Result<Value, Faults> {
    let (mut clean, mut faults) = (Map::new(), Faults::new());
    for key in ["name", "email", "phone"] {
        let value = given.get(key).unwrap_or(&Value::Null);
        let text = value.as_str().map(str::trim);
        if value.is_null() || text == Some("") {
            if fields.iter().any(|it| it.key == key && it.required) {
                faults.push(fault(key, "is required"));
            }
            continue;
        }
        match text.ok_or("must be text").and_then(|it| normal(key, it)) {
            Ok(normal) => {
                clean.insert(key.to_owned(), normal.into());
            }
            Err(wrong) => faults.push(fault(key, wrong)),
        }
    }
    match faults.is_empty() {
        true => Ok(Value::Object(clean)),
        false => Err(faults),
    }
}

fn normal(key: &str, text: &str) -> Result<String, &'static str> {
    match key {
        "email" => {
            let (local, domain) = text
                .split_once('@')
                .ok_or("must be a valid email address")?;
            let parts = domain.split('.').collect::<Vec<_>>();
            let sound = !local.is_empty()
                && parts.len() > 1
                && parts.iter().all(|it| !it.is_empty())
                && !domain.contains('@')
                && !text.contains(char::is_whitespace);
            match sound {
                true => Ok(format!("{local}@{}", domain.to_lowercase())),
                false => Err("must be a valid email address"),
            }
        }
        "phone" => {
            let number: String = text
                .chars()
                .filter(|it| !it.is_whitespace() && !"-.()".contains(*it))
                .collect();
            let digits = number.strip_prefix('+').unwrap_or(&number);
            let all = digits.bytes().all(|it| it.is_ascii_digit());
            let foreign = number.len() > digits.len();
            match (all, foreign, digits.len()) {
                (true, true, 8..=15) if !digits.starts_with('0') => Ok(number),
                (true, false, 10) => Ok(format!("+1{digits}")),
                (true, false, 11) if digits.starts_with('1') => Ok(format!("+{digits}")),
                _ => Err("must be a valid phone number"),
            }
        }
        _ => Ok(text.to_owned()),
    }
}

/// Checks that every question is answered from what it offers.
fn chosen(questions: &[Question], given: &Map<String, Value>) -> Result<Value, Faults> {
    let Some(list) = given.get("answers").and_then(Value::as_array) else {
        return Err(vec![fault("answers", "must be a list")]);
    };
    let mut answers: HashMap<&str, &Value> = HashMap::new();
    let (mut clean, mut faults) = (Vec::new(), Faults::new());
    for answer in list {
        let header = answer["header"].as_str().unwrap_or_default().trim();
        if !questions.iter().any(|it| it.header == header) {
            faults.push(fault("answers", "answers a question that was not asked"));
        } else if answers.insert(header, answer).is_some() {
            faults.push(fault("answers", "answers a question twice"));
        }
    }
    for question in questions {
        match question.taken(answers.get(question.header.as_str()).copied()) {
            Ok(taken) => clean.push(taken),
            Err(wrong) => faults.push(fault(&question.header, wrong)),
        }
    }
    match faults.is_empty() {
        true => Ok(json!({"answers": clean})),
        false => Err(faults),
    }
}

impl Question {
    /// What was chosen, or what the person has to mend.
    fn taken(&self, given: Option<&Value>) -> Result<Value, &'static str> {
        let given = given.ok_or("needs an answer")?;
        let none = Vec::new();
        let list = match &given["options"] {
            Value::Null => &none,
            Value::Array(list) => list,
            _ => return Err("must name options by their labels"),
        };
        let mut labels = Vec::new();
        for one in list {
            let label = one.as_str().ok_or("must name options by their labels")?;
            if !labels.contains(&label.trim()) {
                labels.push(label.trim());
            }
        }
        let other = match &given["other"] {
            Value::Null => "",
            Value::String(text) => text.trim(),
            _ => return Err("must be text"),
        };
        let offered = |label: &&str| self.options.iter().any(|it| it.label == *label);
        if !labels.iter().all(offered) {
            return Err("names an option that was not offered");
        }
        let count = labels.len() + usize::from(!other.is_empty());
        let mut taken = json!({"header": self.header});
        if !labels.is_empty() {
            taken["options"] = labels.into();
        }
        if !other.is_empty() {
            taken["other"] = other.into();
        }
        match count {
            0 => Err("needs an answer"),
            2.. if !self.multi_select => Err("takes exactly one answer"),
            _ => Ok(taken),
        }
    }
}
