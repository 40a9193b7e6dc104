//! Texts that break programs: none of them is a right answer to anything that is asked.

/// Markup that must never come back as such.
pub(super) const MARKUP: &str = "<svg onload=x>";

/// Each with its name. All are shorter than a password may be, or longer.
pub(super) fn texts() -> Vec<(&'static str, String)> {
    let long = |part: &str, bytes: usize| part.repeat(bytes / part.len());
    [
        ("nothing", ""),
        ("a space", " "),
        ("NUL", "\0"),
        ("NUL inside", "a\0b"),
        ("line ends", "a\r\nB: x@y.jp"),
        ("a direction", "\u{202e}gpj.exe"),
        ("zero widths", "\u{200b}\u{feff}\u{2060}"),
        ("combining marks", "Z\u{351}\u{36b}\u{343}\u{34f}"),
        ("an emoji family", "👩\u{200d}👩\u{200d}👧"),
        ("a noncharacter", "\u{ffff}\u{10ffff}"),
        ("SQL", "' OR 1=1; --"),
        ("SQL by wildcards", "%' UNION ALL"),
        ("HTML", "<svg onload=x>"),
        ("a template", "{{7*7}}${7*7}"),
        ("a way up", "../../etc/x"),
        ("a command", "$(id);`id`"),
        ("a formula", "=1+1"),
        ("a number that is too large", "99999999999999999999"),
        ("minus nothing", "-0"),
        ("not a number", "NaN"),
        ("full width", "＠＿＠"),
        ("a ligature that grows", "ﷺﷺ"),
        ("a dotted capital", "İIıi"),
        ("three ats", "a@b@c@"),
        ("a lone at", "@"),
        ("a date of no month", "2020-13-45"),
        ("an era without an end", "昭和99999年1月1日"),
    ]
    .map(|(name, text)| (name, text.to_owned()))
    .into_iter()
    .chain([
        ("3 KB of letters", long("a", 3000)),
        ("3 KB of combining marks", long("\u{301}", 3000)),
        ("3 KB of ligatures that grow", long("ﷺ", 3000)),
        ("3 KB of dots", long(".", 3000)),
        ("1 MB", long("x", 1 << 20)),
    ])
    .collect()
}

/// What stands in a field beside a hostile one: of what staff decide, what lets all else be looked at; of all else, another text each time,
/// so that no waiting time answers instead.
pub(super) fn beside(field: &str, count: usize) -> String {
    match field {
        "intervention" => "record_proofing".to_owned(),
        "reason" => "in_person".to_owned(),
        "ticket" => "HD-1".to_owned(),
        "verdict" => "approve".to_owned(),
        _ => format!("p{count}"),
    }
}
