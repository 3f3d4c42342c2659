//! How a component was compiled, as far as its bytes tell.

use wasmparser::{KnownCustom, Name, Operator, Parser, Payload};

/// Share of instructions that only move locals, past which code looks unoptimised: LLVM at `-O0` keeps every value in
/// memory and fetches it anew, which makes two of three instructions such moves; optimised code of any language has
/// fewer than half.
const UNOPTIMISED_SHARE: f64 = 0.55;

/// Instructions below which nothing is concluded.
const MIN_OPERATORS: u64 = 1_000;

/// What is known of a component's code.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CodeFacts {
    /// Whether a module in it names its functions, so that backtraces can.
    pub has_names: bool,
    /// Bytes of debug information, which backtraces take lines from.
    pub debug_bytes: u64,
    operators: u64,
    moves: u64,
}

impl CodeFacts {
    /// Looks at every instruction. Code that is malformed is left out: whoever compiles it says what is wrong with it.
    pub fn read(component: &[u8]) -> Self {
        let mut facts = Self::default();
        for payload in Parser::new(0).parse_all(component).map_while(Result::ok) {
            match payload {
                Payload::CodeSectionEntry(body) => facts.look_at(&body),
                Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                    facts.debug_bytes += section.data().len() as u64;
                }
                Payload::CustomSection(section) => {
                    if let KnownCustom::Name(names) = section.as_known() {
                        facts.has_names |=
                            names.into_iter().any(|name| matches!(name, Ok(Name::Function(_))));
                    }
                }
                _ => {}
            }
        }
        facts
    }

    fn look_at(&mut self, body: &wasmparser::FunctionBody<'_>) {
        let Ok(operators) = body.get_operators_reader() else { return };
        for operator in operators.into_iter().map_while(Result::ok) {
            self.operators += 1;
            let is_move = matches!(
                operator,
                Operator::LocalGet { .. } | Operator::LocalSet { .. } | Operator::LocalTee { .. }
            );
            self.moves += u64::from(is_move);
        }
    }

    /// Share of instructions that only move locals.
    pub fn move_share(&self) -> f64 {
        if self.operators == 0 { 0.0 } else { self.moves as f64 / self.operators as f64 }
    }

    /// Whether the code looks like that of a compiler told not to optimise.
    pub fn is_unoptimised(&self) -> bool {
        self.operators >= MIN_OPERATORS && self.move_share() > UNOPTIMISED_SHARE
    }
}
