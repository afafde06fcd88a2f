//! A site of so many pages about nothing, the same each time, with the theme and the statement of ours.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

const SECTIONS: usize = 20;
const TAGS: usize = 30;
const WORDS: usize = 600;

/// Writes the site into a folder of its own: in memory where the system has such a place, so that a disk's moods are not
/// measured.
pub(crate) fn write(pages: usize) -> PathBuf {
    let memory = Path::new("/dev/shm");
    let place = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
    let root = place.join(format!("candor-bench-{}", std::process::id()));
    let _ = fs::remove_dir_all(&root);
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the crate is a folder of the repository");
    for folder in ["content", "themes"] {
        for entry in walkdir::WalkDir::new(repository.join(folder)) {
            let entry = entry.expect("the folder can be read");
            let target = root.join(entry.path().strip_prefix(repository).expect("a file is below its folder"));
            if entry.file_type().is_dir() {
                fs::create_dir_all(&target).expect("a folder can be made");
            } else {
                fs::copy(entry.path(), &target).expect("a file can be copied");
            }
        }
    }
    let statement =
        fs::read_to_string(repository.join("content/privacy/2018-09-26.md")).expect("the statement is there");
    let words: Vec<&str> =
        statement.split_whitespace().filter(|word| word.bytes().all(|byte| byte.is_ascii_alphabetic())).collect();
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % below
    };
    for section in 0..SECTIONS {
        let folder = root.join(format!("content/section-{section}"));
        fs::create_dir_all(&folder).expect("a folder can be made");
        fs::write(folder.join("_index.md"), format!("---\ntitle: Section {section}\n---\nPages.\n"))
            .expect("a file can be written");
    }
    for page in 0..pages {
        let (year, month, day) = (2000 + next(24), 1 + next(12), 1 + next(28));
        let (one, two) = (next(TAGS), next(TAGS));
        let mut text = format!(
            "---\ntitle: Page {page}\ndescription: A page about {}\ndate: \"{year}-{month:02}-{day:02}\"\ntags: [tag-{one}, tag-{two}]\n---\n",
            words[next(words.len())]
        );
        for part in 0..6 {
            let other = next(pages);
            write!(text, "\n## Part {part}\n\n").expect("a string can be written to");
            for word in 0..WORDS / 6 {
                let gap = if word % 25 == 24 { "\n" } else { " " };
                write!(text, "{}{gap}", words[next(words.len())]).expect("a string can be written to");
            }
            write!(
                text,
                "\n\nSee *this* [page](../section-{}/page-{other}.md#part-{part}), `code` and:\n\n- one\n- **two**\n",
                other % SECTIONS
            )
            .expect("a string can be written to");
        }
        fs::write(root.join(format!("content/section-{}/page-{page}.md", page % SECTIONS)), text)
            .expect("a file can be written");
    }
    root
}
