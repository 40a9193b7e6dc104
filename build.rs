//! Tells Cargo to compile again when a migration is added: `sqlx::migrate!` watches the files it knows, not their folder.

fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
