//! A conversation with several models at once: each answers the same turns, and remembers its own answers.

use crate::job::{Context, Message, ModelRef};
use crate::ui::state::jobs::Jobs;

/// What the visitor said, and what each model answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Turn {
    said: String,
    /// Empty for the last turn: its answers are still coming.
    answers: Vec<(ModelRef, String)>,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Talk {
    pub system: String,
    turns: Vec<Turn>,
}

impl Talk {
    pub fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }

    /// A new turn; the answers to the last one are final now.
    pub fn say(&mut self, said: String, jobs: &Jobs) {
        if let Some(last) = self.turns.last_mut() {
            let answers = jobs.completions.iter().filter(|(_, completion)| completion.problem.is_none());
            last.answers = answers.map(|(_, c)| (c.model.clone(), c.text.trim().to_string())).collect();
        }
        self.turns.push(Turn { said, answers: Vec::new() });
    }

    /// What `model` is to answer. A turn that it did not answer, because it came later, is left out.
    pub fn context(&self, model: &ModelRef) -> Context {
        let mut messages = Vec::new();
        if !self.system.trim().is_empty() {
            messages.push(Message::new("system", self.system.trim()));
        }
        messages.extend(self.past(model).into_iter().map(|(role, text)| Message::new(role, text)));
        Context::Chat(messages)
    }

    /// What stands before the answer under way, role and text.
    pub fn past(&self, model: &ModelRef) -> Vec<(&'static str, String)> {
        let Some((last, before)) = self.turns.split_last() else { return Vec::new() };
        let mut past = Vec::new();
        for turn in before {
            if let Some((_, answer)) = turn.answers.iter().find(|(answering, _)| answering == model) {
                past.push(("user", turn.said.clone()));
                past.push(("assistant", answer.clone()));
            }
        }
        past.push(("user", last.said.clone()));
        past
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::job::JobId;
    use crate::ui::state::jobs::Completion;

    fn jobs(answers: &[(&str, &str)]) -> Jobs {
        let completion = |(model, text): &(&str, &str)| Completion::done(ModelRef::Base(model.to_string()), text);
        let mut jobs = Jobs::default();
        jobs.completions.extend((0..).map(JobId).zip(answers.iter().map(completion)));
        jobs
    }

    #[test]
    fn each_model_remembers_its_own_answers() {
        let mut talk = Talk { system: " Be brief. ".into(), ..Talk::default() };
        talk.say("One?".into(), &jobs(&[]));
        talk.say("Two?".into(), &jobs(&[("a", " first "), ("b", "other")]));
        let context = |model: &str| talk.context(&ModelRef::Base(model.into()));
        let said = |turns: &[(&str, &str)]| Context::Chat(turns.iter().map(|(r, t)| Message::new(r, *t)).collect());
        let before = [("system", "Be brief."), ("user", "One?")];
        assert_eq!(context("a"), said(&[before[0], before[1], ("assistant", "first"), ("user", "Two?")]));
        assert_eq!(context("b"), said(&[before[0], before[1], ("assistant", "other"), ("user", "Two?")]));
        assert_eq!(context("came later"), said(&[before[0], ("user", "Two?")]));
    }
}
