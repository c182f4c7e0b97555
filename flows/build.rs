//! Compiles the BPF programs, where they are asked for.

#[cfg(feature = "bpf")]
fn main() {
    bpf::build();
}

#[cfg(not(feature = "bpf"))]
fn main() {}

#[cfg(feature = "bpf")]
mod bpf {
    use std::env;
    use std::path::{Path, PathBuf};

    use libbpf_cargo::SkeletonBuilder;

    const SOURCES: &str = "src/bpf";

    pub(crate) fn build() {
        println(format_args!("cargo::rerun-if-changed={SOURCES}"));
        for entry in Path::new(SOURCES).read_dir().expect("we are its parent") {
            let path = entry.expect("a readable directory").path();
            println(format_args!("cargo::rerun-if-changed={}", path.display()));
        }
        println(format_args!("cargo::rerun-if-env-changed=CLANG"));
        compile("fabric.bpf.o", arguments());
        if cfg!(feature = "another-version") {
            let mut arguments = arguments();
            arguments.push("-DANOTHER_VERSION".to_owned());
            compile("another.bpf.o", arguments);
        }
    }

    fn compile(object: &str, arguments: Vec<String>) {
        let out: PathBuf = env::var_os("OUT_DIR").expect("set by cargo").into();
        let built = SkeletonBuilder::new()
            .source(Path::new(SOURCES).join("fabric.bpf.c"))
            .obj(out.join(object))
            .clang(clang())
            .clang_args(arguments)
            .build();
        if let Err(error) = built {
            panic!("cannot compile the BPF programs: {error:?}");
        }
    }

    /// The compiler, which `CLANG` may name.
    fn clang() -> PathBuf {
        let name = env::var_os("CLANG").unwrap_or_else(|| "clang".into());
        let path = env::var_os("PATH").unwrap_or_default();
        // Joining an absolute path to a directory gives that path alone.
        let mut places = env::split_paths(&path).map(|dir| dir.join(&name));
        places.find(|place| place.is_file()).unwrap_or_else(|| {
            panic!(
                "the feature `bpf` needs {name:?} to compile the BPF programs: \
                 install the package `clang`, or name the compiler in CLANG"
            )
        })
    }

    fn arguments() -> Vec<String> {
        let arguments = ["-Wall", "-Wextra", "-Werror"];
        let mut arguments = arguments.map(str::to_owned).to_vec();
        // Debian keeps <asm/types.h> where clang does not look when it
        // compiles for BPF.
        let arch = env::var("CARGO_CFG_TARGET_ARCH").expect("set by cargo");
        let multiarch = format!("/usr/include/{arch}-linux-gnu");
        if Path::new(&multiarch).is_dir() {
            arguments.extend(["-idirafter".to_owned(), multiarch]);
        }
        arguments
    }

    #[expect(
        clippy::disallowed_macros,
        reason = "a build script speaks to cargo by its standard output"
    )]
    fn println(line: std::fmt::Arguments<'_>) {
        std::println!("{line}");
    }
}
