//! The one door through which a program prints.

use std::fmt;
use std::io::{self, BufWriter, Write};

/// The lines of a page where there is no terminal to ask.
const PAGE: usize = 24;

/// Where a program's output goes: data to stdout, words to stderr.
///
/// Writing data can fail, and a closed pipe is how `head` says that it has
/// seen enough: callers pass the error up and the program decides. Nobody is
/// left to tell when words can't be written, so those errors are dropped.
pub struct Out {
    program: String,
    stdout: Box<dyn Write>,
    stderr: Box<dyn Write>,
    height: usize,
}

impl Out {
    /// The process's own streams.
    ///
    /// `program` is argv\[0\] as it was given; messages begin with it.
    #[must_use]
    pub fn standard(program: impl Into<String>) -> Self {
        let stdout = io::stdout();
        let height = terminal_size::terminal_size_of(&stdout)
            .map_or(PAGE, |(_, height)| usize::from(height.0));
        Self::new(
            program,
            Box::new(BufWriter::new(stdout)),
            Box::new(io::stderr()),
            height,
        )
    }

    /// Any two streams, and the number of lines after which a table repeats
    /// its header.
    #[must_use]
    pub fn new(
        program: impl Into<String>,
        stdout: Box<dyn Write>,
        stderr: Box<dyn Write>,
        height: usize,
    ) -> Self {
        Self { program: program.into(), stdout, stderr, height }
    }

    /// The program's name, as it was invoked.
    #[must_use]
    pub fn program(&self) -> &str {
        &self.program
    }

    /// The number of lines after which a table repeats its header.
    #[must_use]
    pub fn height(&self) -> usize {
        self.height
    }

    /// Where data goes.
    pub fn data(&mut self) -> &mut dyn Write {
        &mut *self.stdout
    }

    /// Writes one JSON document, indented.
    ///
    /// # Errors
    /// Those of writing to stdout.
    pub fn json<T: serde::Serialize>(&mut self, value: &T) -> io::Result<()> {
        serde_json::to_writer_pretty(&mut self.stdout, value)?;
        self.stdout.write_all(b"\n")
    }

    /// Writes one JSON document on a line of its own.
    ///
    /// # Errors
    /// Those of writing to stdout.
    pub fn json_line<T: serde::Serialize>(
        &mut self,
        value: &T,
    ) -> io::Result<()> {
        serde_json::to_writer(&mut self.stdout, value)?;
        self.stdout.write_all(b"\n")
    }

    /// Writes a line to stderr, as it is.
    pub fn words(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "{text}");
    }

    /// Writes `PROGRAM: TEXT` to stderr.
    pub fn complain(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "{}: {text}", self.program);
    }

    /// Writes `PROGRAM: warning: TEXT` to stderr.
    pub fn warn(&mut self, text: &str) {
        let _ = writeln!(self.stderr, "{}: warning: {text}", self.program);
    }

    /// Sends on what is still held back.
    ///
    /// # Errors
    /// Those of writing to stdout.
    pub fn flush(&mut self) -> io::Result<()> {
        self.stdout.flush()
    }
}

impl fmt::Debug for Out {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Out")
            .field("program", &self.program)
            .field("height", &self.height)
            .finish_non_exhaustive()
    }
}
