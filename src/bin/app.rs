//! The page's entry. The same file is started a second time in a small worker of its own that fits the laws.

fn main() {
    tunelab::ui::start();
}
