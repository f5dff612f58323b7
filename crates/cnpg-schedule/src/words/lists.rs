//! Lists in words.

/// Smallest number of values that are described by their step.
const LEAST_PROGRESSION: usize = 4;

/// Numbers in words, those that follow each other together: `1 to 5, 9 and 20`.
pub(super) fn numbered(numbers: &[u32]) -> String {
    if let (Some(step), [first, .., last]) = (progression(numbers), numbers)
        && step > 1
        && numbers.len() >= LEAST_PROGRESSION
    {
        return format!("{first} to {last} in steps of {step}");
    }
    let follow = |number: &u32, next: &u32| number + 1 == *next;
    let words = numbers.chunk_by(follow).flat_map(|run| match run {
        [first, _, .., last] if run.len() > 2 => vec![format!("{first} to {last}")],
        run => run.iter().map(ToString::to_string).collect(),
    });
    listed(&words.collect::<Vec<_>>(), "and")
}

/// The step of numbers that are all as far apart; `None` for fewer than two.
pub(super) fn progression(numbers: &[u32]) -> Option<u32> {
    let mut steps = numbers
        .iter()
        .zip(numbers.iter().skip(1))
        .map(|(number, next)| next - number);
    let first = steps.next()?;
    steps.all(|step| step == first).then_some(first)
}

pub(super) fn is_run(numbers: &[u32]) -> bool {
    progression(numbers) == Some(1)
}

/// Returns true for numbers that are written as a range: three or more, one after the other.
pub(super) fn is_range(numbers: &[u32]) -> bool {
    numbers.len() > 2 && is_run(numbers)
}

/// `a`, `a and b`, `a, b and c`.
pub(super) fn listed(words: &[String], link: &str) -> String {
    match words {
        [] => String::new(),
        [word] => word.clone(),
        [words @ .., last] => format!("{} {link} {last}", words.join(", ")),
    }
}
