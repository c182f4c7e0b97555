//! Waiting for what the kernel or another process does in its own time.

use std::time::{Duration, Instant};

/// Asks again and again until a deadline.
#[derive(Clone, Copy, Debug)]
pub struct Poll {
    deadline: Duration,
}

impl Poll {
    /// Long enough for anything that works, on a machine that is busy with
    /// other things. A story that passes never waits that long.
    pub const PATIENT: Self = Self { deadline: Duration::from_secs(20) };

    /// The time between two questions: far above what one costs, far below
    /// what a person notices.
    const STEP: Duration = Duration::from_millis(5);

    /// Asks until `deadline` has passed.
    #[must_use]
    pub const fn for_at_most(deadline: Duration) -> Self {
        Self { deadline }
    }

    /// Waits until `question` has an answer, and gives it.
    ///
    /// # Panics
    /// With `what` was waited for and the last reason why not, when the
    /// deadline passes.
    #[track_caller]
    pub fn until<T>(
        self,
        what: &str,
        mut question: impl FnMut() -> Result<T, String>,
    ) -> T {
        match self.try_until(&mut question) {
            Ok(answer) => answer,
            Err(reason) => panic!(
                "{what}: not within {:?}\nlast answer: {reason}",
                self.deadline
            ),
        }
    }

    /// Waits until `question` has an answer.
    ///
    /// # Errors
    /// The last reason why not, when the deadline passes.
    pub fn try_until<T>(
        self,
        mut question: impl FnMut() -> Result<T, String>,
    ) -> Result<T, String> {
        let start = Instant::now();
        loop {
            match question() {
                Ok(answer) => return Ok(answer),
                Err(reason) if start.elapsed() > self.deadline => {
                    return Err(reason);
                }
                Err(_) => Self::pause(),
            }
        }
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that sleeps: between two polls"
    )]
    fn pause() {
        std::thread::sleep(Self::STEP);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_reason_is_kept_when_the_deadline_passes() {
        let mut asked = 0;
        let poll = Poll::for_at_most(Duration::from_millis(20));
        let got: Result<(), String> = poll.try_until(|| {
            asked += 1;
            Err(format!("no, {asked}"))
        });
        assert!(asked >= 2, "asked {asked} times");
        assert_eq!(got, Err(format!("no, {asked}")));
    }

    #[test]
    fn an_answer_ends_the_waiting() {
        let mut asked = 0;
        let answer = Poll::PATIENT.until("three", || {
            asked += 1;
            if asked == 3 { Ok(asked) } else { Err("not yet".to_owned()) }
        });
        assert_eq!(answer, 3);
    }
}
