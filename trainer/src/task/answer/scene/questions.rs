//! Questions about a scene, with their answers.

use rand::{RngExt as _, SeedableRng as _};
use rand_pcg::Pcg64;

use super::{Colour, Deed, Object, Scene, Shape};

/// A kind of question.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[expect(missing_docs, reason = "`name` says it")]
pub enum Template {
    WhatMoved,
    MovedColour,
    WhereColour,
    WhereShape,
    HowManyMoved,
    DidShapeMove,
    DidColourStop,
    DidShapeStop,
    DidShapeTurn,
    DidColourTurn,
    WhatAppeared,
    AppearedColour,
    WhatVanished,
    VanishedColour,
    HowManyLeft,
    WhatColour,
}

const SHAPES: [&str; 3] = ["circle", "rectangle", "triangle"];
const COLOURS: [&str; 8] = ["green", "red", "gray", "teal", "black", "yellow", "brown", "blue"];
const WAYS: [&str; 4] = ["left", "right", "up", "down"];
const YES_NO: [&str; 2] = ["yes", "no"];
const NUMBERS: [&str; 4] = ["zero", "one", "two", "three"];

impl Template {
    /// All of them.
    pub const ALL: [Self; 16] = [
        Self::WhatMoved,
        Self::MovedColour,
        Self::WhereColour,
        Self::WhereShape,
        Self::HowManyMoved,
        Self::DidShapeMove,
        Self::DidColourStop,
        Self::DidShapeStop,
        Self::DidShapeTurn,
        Self::DidColourTurn,
        Self::WhatAppeared,
        Self::AppearedColour,
        Self::WhatVanished,
        Self::VanishedColour,
        Self::HowManyLeft,
        Self::WhatColour,
    ];

    /// The question in short.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::WhatMoved => "what shape moved",
            Self::MovedColour => "what colour moved",
            Self::WhereColour => "where did the colour move",
            Self::WhereShape => "where did the shape move",
            Self::HowManyMoved => "how many moved",
            Self::DidShapeMove => "did the shape move",
            Self::DidColourStop => "did the colour stop",
            Self::DidShapeStop => "did the shape stop",
            Self::DidShapeTurn => "did the shape turn round",
            Self::DidColourTurn => "did the colour turn round",
            Self::WhatAppeared => "what shape appeared",
            Self::AppearedColour => "what colour appeared",
            Self::WhatVanished => "what shape disappeared",
            Self::VanishedColour => "what colour disappeared",
            Self::HowManyLeft => "how many are there at the end",
            Self::WhatColour => "what colour is the shape",
        }
    }

    /// All answers it can have; a guess is right once in their number.
    #[must_use]
    pub const fn answers(self) -> &'static [&'static str] {
        match self {
            Self::WhatMoved | Self::WhatAppeared | Self::WhatVanished => &SHAPES,
            Self::MovedColour | Self::AppearedColour | Self::VanishedColour | Self::WhatColour => {
                &COLOURS
            }
            Self::WhereColour | Self::WhereShape => &WAYS,
            Self::HowManyMoved | Self::HowManyLeft => &NUMBERS,
            Self::DidShapeMove
            | Self::DidColourStop
            | Self::DidShapeStop
            | Self::DidShapeTurn
            | Self::DidColourTurn => &YES_NO,
        }
    }

    /// The sentences that ask it; `{}` stands for a shape or colour.
    const fn sentences(self) -> [&'static str; 2] {
        match self {
            Self::WhatMoved => ["what shape moved?", "which shape was moving?"],
            Self::MovedColour => {
                ["what color is the shape that moved?", "what is the color of the moving shape?"]
            }
            Self::WhereColour => ["where did the {} shape move?", "where to did the {} shape go?"],
            Self::WhereShape => ["where did the {} move?", "where to did the {} go?"],
            Self::HowManyMoved => ["how many shapes moved?", "how many shapes were moving?"],
            Self::DidShapeMove => ["did the {} move?", "was the {} moving?"],
            Self::DidColourStop => ["did the {} shape stop?", "did the {} shape come to a stop?"],
            Self::DidShapeStop => ["did the {} stop?", "did the {} come to a stop?"],
            Self::DidShapeTurn => ["did the {} turn around?", "did the {} bounce back?"],
            Self::DidColourTurn => {
                ["did the {} shape turn around?", "did the {} shape bounce back?"]
            }
            Self::WhatAppeared => ["what shape appeared?", "which shape was not there at first?"],
            Self::AppearedColour => {
                ["what color is the shape that appeared?", "what color appeared?"]
            }
            Self::WhatVanished => ["what shape disappeared?", "which shape is gone?"],
            Self::VanishedColour => {
                ["what color is the shape that disappeared?", "what color is gone?"]
            }
            Self::HowManyLeft => ["how many shapes are there?", "how many shapes are visible now?"],
            Self::WhatColour => ["what color is the {}?", "what is the color of the {}?"],
        }
    }

    /// The sentences for what stands in for `{}`.
    fn asked(self, of: &str, answer: &'static str, all: &mut Vec<Asked>) {
        for sentence in self.sentences() {
            all.push(Asked { template: self, text: sentence.replace("{}", of), answer });
        }
    }
}

/// A question with its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// What it asks.
    pub template: Template,
    /// The sentence.
    pub text: String,
    /// The answer.
    pub answer: &'static str,
}

const fn yes(it: bool) -> &'static str {
    if it { "yes" } else { "no" }
}

/// The only one of which `holds` is true.
fn only(objects: &[Object], holds: impl Fn(&Object) -> bool) -> Option<&Object> {
    let mut found = objects.iter().filter(|o| holds(o));
    match (found.next(), found.next()) {
        (Some(one), None) => Some(one),
        _ => None,
    }
}

impl Scene {
    /// Every question that has one right answer in this scene.
    #[must_use]
    pub fn questions(&self) -> Vec<Asked> {
        let mut all = Vec::new();
        let objects = &self.objects;
        let count = |holds: &dyn Fn(&Object) -> bool| {
            NUMBERS.get(objects.iter().filter(|o| holds(o)).count()).copied().unwrap_or("three")
        };
        let single = [
            (Template::WhatMoved, Template::MovedColour, only(objects, Object::moves)),
            (
                Template::WhatAppeared,
                Template::AppearedColour,
                only(objects, |o| matches!(o.deed, Deed::Appear(_))),
            ),
            (
                Template::WhatVanished,
                Template::VanishedColour,
                only(objects, |o| matches!(o.deed, Deed::Vanish(_))),
            ),
        ];
        for (shape, colour, found) in single {
            if let Some(object) = found {
                shape.asked("", object.shape.name(), &mut all);
                colour.asked("", object.colour.name(), &mut all);
            }
        }
        Template::HowManyMoved.asked("", count(&Object::moves), &mut all);
        let last = self.frames - 1;
        Template::HowManyLeft.asked("", count(&|o| o.is_seen(last)), &mut all);
        for object in objects {
            let (shape, colour) = (object.shape.name(), object.colour.name());
            let stops = yes(matches!(object.deed, Deed::Stop(_)));
            let turns = yes(matches!(object.deed, Deed::Turn(_)));
            Template::DidShapeMove.asked(shape, yes(object.moves()), &mut all);
            Template::DidShapeStop.asked(shape, stops, &mut all);
            Template::DidColourStop.asked(colour, stops, &mut all);
            Template::DidShapeTurn.asked(shape, turns, &mut all);
            Template::DidColourTurn.asked(colour, turns, &mut all);
            Template::WhatColour.asked(shape, colour, &mut all);
            if matches!(object.deed, Deed::Move | Deed::Stop(_)) {
                Template::WhereShape.asked(shape, object.direction.name(), &mut all);
                Template::WhereColour.asked(colour, object.direction.name(), &mut all);
            }
        }
        all
    }
}

impl Scene {
    /// A question that has no right answer in this scene: about a shape or colour that is not there,
    /// about the one that moved where none or several did, or where to of one that went nowhere for
    /// good.
    #[must_use]
    pub fn unanswerable(&self, random: &mut Pcg64) -> String {
        let mut all: Vec<Asked> = Vec::new();
        let goes = |object: &&Object| matches!(object.deed, Deed::Move | Deed::Stop(_));
        for shape in Shape::ALL {
            let found = self.objects.iter().find(|o| o.shape == shape);
            if found.filter(goes).is_none() {
                Template::WhereShape.asked(shape.name(), "", &mut all);
            }
            if found.is_none() {
                for template in [
                    Template::DidShapeMove,
                    Template::DidShapeStop,
                    Template::DidShapeTurn,
                    Template::WhatColour,
                ] {
                    template.asked(shape.name(), "", &mut all);
                }
            }
        }
        for colour in Colour::ALL {
            let found = self.objects.iter().find(|o| o.colour == colour);
            if found.filter(goes).is_none() {
                Template::WhereColour.asked(colour.name(), "", &mut all);
            }
            if found.is_none() {
                Template::DidColourStop.asked(colour.name(), "", &mut all);
                Template::DidColourTurn.asked(colour.name(), "", &mut all);
            }
        }
        for [shape, colour] in [
            [Template::WhatMoved, Template::MovedColour],
            [Template::WhatAppeared, Template::AppearedColour],
            [Template::WhatVanished, Template::VanishedColour],
        ] {
            if !self.questions().iter().any(|q| q.template == shape) {
                shape.asked("", "", &mut all);
                colour.asked("", "", &mut all);
            }
        }
        // Kinds of questions are equally frequent, however many colours are not there.
        let mut kinds: Vec<Template> = all.iter().map(|q| q.template).collect();
        kinds.sort_unstable();
        kinds.dedup();
        let kind = kinds[random.random_range(0..kinds.len())];
        all.retain(|q| q.template == kind);
        all.swap_remove(random.random_range(0..all.len())).text
    }
}

/// A scene and a question about it whose answer was chosen before the scene.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The scene.
    pub scene: Scene,
    /// The question.
    pub asked: Asked,
}

impl Example {
    /// The example of `seed`. Kinds of questions are equally frequent, and so are the answers of
    /// each: scenes are drawn until one has the answer, so that nothing can be learnt from the
    /// question alone.
    #[must_use]
    pub fn seeded(seed: u64) -> Self {
        let random = &mut Pcg64::seed_from_u64(seed);
        let template = Template::ALL[random.random_range(0..Template::ALL.len())];
        let answers = template.answers();
        let answer = answers[random.random_range(0..answers.len())];
        loop {
            let scene = Scene::drawn(random);
            let mut fit = scene.questions();
            fit.retain(|q| q.template == template && q.answer == answer);
            if !fit.is_empty() {
                let asked = fit.swap_remove(random.random_range(0..fit.len()));
                return Self { scene, asked };
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn questions_are_answered_by_what_happens() {
        let mut seen = 0;
        for seed in 0..300 {
            let scene = Scene::seeded(seed);
            for asked in scene.questions() {
                assert!(asked.template.answers().contains(&asked.answer), "{asked:?}");
                assert!(!asked.text.contains("{}"), "{asked:?}");
                if asked.template == Template::WhereShape {
                    let shape = scene.objects.iter().find(|o| asked.text.contains(o.shape.name()));
                    let (first, last) = (shape.unwrap().place(0), shape.unwrap().place(9));
                    let way = match (last[0] - first[0], last[1] - first[1]) {
                        (x, 0.0) if x > 0.0 => "right",
                        (_, 0.0) => "left",
                        (_, y) if y > 0.0 => "down",
                        _ => "up",
                    };
                    assert_eq!(way, asked.answer, "seed {seed}");
                    seen += 1;
                }
            }
        }
        assert!(seen > 100, "{seen}");
    }

    #[test]
    fn questions_without_an_answer_are_none_of_those_with_one() {
        let random = &mut Pcg64::seed_from_u64(4);
        let mut texts = std::collections::BTreeSet::new();
        for seed in 0..300 {
            let scene = Scene::seeded(seed);
            let answered: Vec<String> = scene.questions().into_iter().map(|q| q.text).collect();
            for _ in 0..5 {
                let text = scene.unanswerable(random);
                assert!(!answered.contains(&text), "seed {seed}: {text}");
                texts.insert(text);
            }
        }
        assert!(texts.len() > 60, "{}", texts.len());
    }

    #[test]
    fn answers_are_balanced_within_every_kind_of_question() {
        let mut counts: BTreeMap<(Template, &str), usize> = BTreeMap::new();
        const EXAMPLES: u64 = 4000;
        for seed in 0..EXAMPLES {
            let Example { scene, asked } = Example::seeded(seed);
            assert!(scene.questions().contains(&asked));
            *counts.entry((asked.template, asked.answer)).or_default() += 1;
        }
        for template in Template::ALL {
            let expected = EXAMPLES as f64 / 16.0 / template.answers().len() as f64;
            for answer in template.answers() {
                let count = counts.get(&(template, answer)).copied().unwrap_or(0) as f64;
                // Five standard deviations of a Poisson count.
                let off = (count - expected).abs() / expected.sqrt();
                assert!(off < 5.0, "{template:?} {answer}: {count} of {expected}");
            }
        }
    }
}
