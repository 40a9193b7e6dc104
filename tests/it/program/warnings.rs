//! What a policy leaves open that it could bound is told to the operator, in one line.

use crate::import::house::{Done, House};
use crate::support::app::policy_with;
use crate::support::program::Program;

/// What import, serve and check tell the operator under a policy with these lines of the sample's changed.
async fn told(changes: &[(&str, &str)]) -> [String; 3] {
    let house = House::new();
    house.file("policy.toml", policy_with(changes).as_bytes());
    let roster = house.roster("hanako01,1,11111,1980-01-01,見本 花子,,2005-04-01,0");
    let imported = house.import(&roster, &[]);
    let served = Program::serve(&house).await;
    let said = served.said();
    served.stop().await;
    let checked = Done::of(&mut house.command(&["check"]));
    [imported.stderr, said, checked.stderr]
}

#[tokio::test]
async fn a_formula_whose_guesses_nothing_bounds_is_told_with_the_settings_that_do() {
    for said in told(&[("wrong_formulas = 1000\n", "")]).await {
        let warnings: Vec<&str> = said.lines().filter(|it| it.contains("warning")).collect();
        let [warning] = warnings[..] else {
            panic!("{said}");
        };
        assert!(
            warning.contains("\"registered-before-migration\"")
                && warning.contains("set wrong_formulas "),
            "{warning}"
        );
    }
}

#[tokio::test]
async fn a_formula_that_is_bound_is_nothing_to_warn_of() {
    for said in told(&[]).await {
        assert!(!said.contains("warning"), "{said}");
    }
}
