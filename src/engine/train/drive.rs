//! The one loop that advances a run. Who runs it (a browser's worker, a thread, the command line) gives it
//! [`Callbacks`]: they bring the clock, hear how far the run is, keep its checkpoints, and may end it between two steps.

use super::run::{Progress, TrainError};
use super::session::Session;
use crate::engine::model::Decoder;
use crate::record::{EvalPoint, Measured};

/// Milliseconds between two calls of a callback; infinity never calls.
#[derive(Clone, Copy, Debug)]
pub struct Every {
    /// Of [`Callbacks::stepped`].
    pub report: f64,
    /// Of [`Callbacks::keep`]: at most so much training is lost to a kill.
    pub checkpoint: f64,
    /// Of [`Callbacks::turn`].
    pub turn: f64,
}

impl Every {
    pub const NEVER: Every = Every { report: f64::INFINITY, checkpoint: f64::INFINITY, turn: f64::INFINITY };
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Report {
    pub step: usize,
    pub of: usize,
    /// The newest training loss that was read since the last report.
    pub nats_per_token: Option<f64>,
    /// Since the last report, evaluations left out.
    pub tokens_per_second: f64,
    /// [`Session::share`].
    pub share: f64,
}

/// How far an evaluation is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluating {
    pub measured: Measured,
    pub batch: usize,
    pub of: usize,
    /// [`Session::share`].
    pub share: f64,
}

/// Whether a run goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    Continue,
    /// Leave a checkpoint now, and ask again.
    Keep,
    Stop,
}

/// How [`drive`] ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Everything is measured: [`Session::finish`] gives the results.
    Finished,
    /// A callback ended it; [`Session::checkpoint`] is where it would go on.
    Stopped,
}

#[allow(async_fn_in_trait, reason = "a browser's futures are not Send and need not be")]
pub trait Callbacks {
    type Error: From<TrainError>;

    /// Milliseconds of any clock that never goes back.
    fn now(&self) -> f64;

    fn every(&self) -> Every {
        Every::NEVER
    }

    /// After the first and the last step, and between as often as [`Every::report`] says.
    fn stepped(&mut self, _report: Report) {}

    /// After a batch of an evaluation, as often as [`Every::report`] says.
    fn evaluating(&mut self, _evaluating: Evaluating) {}

    /// A dev evaluation is complete.
    fn evaluated(&mut self, _point: EvalPoint, _of: usize) {}

    /// The model as it is after a dev evaluation.
    async fn look(&mut self, _model: &Decoder) -> Result<(), Self::Error> {
        Ok(())
    }

    async fn keep(&mut self, _checkpoint: Vec<u8>) -> Result<(), Self::Error> {
        Ok(())
    }

    /// Time for whatever else there is to do.
    async fn turn(&mut self) -> Flow {
        Flow::Continue
    }
}

/// Advances `session` to its end, or until its callbacks stop it.
pub async fn drive<C: Callbacks>(session: &mut Session, callbacks: &mut C) -> Result<End, C::Error> {
    let every = callbacks.every();
    let begun = callbacks.now();
    let (mut turned, mut told, mut saved, mut told_batch) = (begun, begun, begun, begun);
    let (mut tokens_since, mut last_loss) = (0, None);
    loop {
        let progress = session.advance().await?;
        let time = callbacks.now();
        match progress {
            Progress::Stepped { step, of, nats_per_token, tokens } => {
                tokens_since += tokens;
                last_loss = nats_per_token.or(last_loss);
                if time - told >= every.report || step == of || step == 1 {
                    let tokens_per_second = tokens_since as f64 / ((time - told) / 1000.0).max(1e-3);
                    let (nats_per_token, share) = (last_loss.take(), session.share());
                    callbacks.stepped(Report { step, of, nats_per_token, tokens_per_second, share });
                    (told, tokens_since) = (time, 0);
                }
            }
            Progress::Evaluating { .. } => {
                // Time spent on evaluations is no training speed.
                told = told.max(time - every.report);
                if let Some((measured, batch, of)) = session.evaluating()
                    && time - told_batch >= every.report
                {
                    callbacks.evaluating(Evaluating { measured, batch, of, share: session.share() });
                    told_batch = time;
                }
            }
            Progress::Evaluated(point) => {
                callbacks.evaluated(point, session.total_steps());
                callbacks.look(session.model()).await?;
            }
            Progress::Finished => return Ok(End::Finished),
        }
        if time - saved >= every.checkpoint {
            callbacks.keep(session.checkpoint().await?).await?;
            saved = callbacks.now();
        }
        if time - turned >= every.turn {
            loop {
                match callbacks.turn().await {
                    Flow::Continue => break,
                    Flow::Keep => callbacks.keep(session.checkpoint().await?).await?,
                    Flow::Stop => return Ok(End::Stopped),
                }
            }
            turned = callbacks.now();
        }
    }
}
