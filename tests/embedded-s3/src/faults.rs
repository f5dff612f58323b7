//! Rules for the moments at which faults occur.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::actions::Action;
use crate::requests::{Operation, Request};

/// Faults of a running server, shared by all clones.
///
/// They count from when they are added. If several are due at once, the first acts.
#[derive(Clone, Debug, Default)]
pub struct Faults(Arc<Mutex<Vec<Armed>>>);

#[derive(Debug)]
struct Armed {
    fault: Fault,
    /// Number of matching requests that were received.
    seen: u64,
}

/// Fault: a treatment, and the requests that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Requests that the fault is for.
    pub when: When,
    /// Treatment of these requests.
    pub what: Action,
}

/// Requests that a fault is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct When {
    operation: Option<Operation>,
    containing: Option<String>,
    without_parameter: Option<&'static str>,
    from: u64,
    times: u64,
}

impl Faults {
    /// Replaces all faults.
    pub fn set(&self, faults: impl IntoIterator<Item = Fault>) {
        *self.armed() = faults.into_iter().map(Armed::new).collect();
    }

    /// Adds one behind the others.
    pub fn add(&self, fault: Fault) {
        self.armed().push(Armed::new(fault));
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.armed().clear();
    }

    /// Returns the treatment of a request, and counts the request.
    pub(crate) fn due(&self, request: &Request) -> Option<Action> {
        let mut due = None;
        for armed in self
            .armed()
            .iter_mut()
            .filter(|armed| armed.fault.when.is_for(request))
        {
            armed.seen += 1;
            if due.is_none() && armed.fault.when.is_due(armed.seen) {
                due = Some(armed.fault.what.clone());
            }
        }
        due
    }

    fn armed(&self) -> MutexGuard<'_, Vec<Armed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    fn new(fault: Fault) -> Self {
        Self { fault, seen: 0 }
    }
}

impl Fault {
    /// Creates a fault for these requests.
    #[must_use]
    pub fn new(when: When, what: Action) -> Self {
        Self { when, what }
    }

    /// Creates a fault for every request.
    #[must_use]
    pub fn always(what: Action) -> Self {
        Self::new(When::any(), what)
    }
}

impl When {
    /// Matches every request.
    #[must_use]
    pub fn any() -> Self {
        Self {
            operation: None,
            containing: None,
            without_parameter: None,
            from: 1,
            times: u64::MAX,
        }
    }

    /// Matches every request for this operation.
    #[must_use]
    pub fn operation(operation: Operation) -> Self {
        Self {
            operation: Some(operation),
            ..Self::any()
        }
    }

    /// Restricts the match to requests whose key or `prefix` contains this.
    #[must_use]
    pub fn containing(self, text: impl Into<String>) -> Self {
        Self {
            containing: Some(text.into()),
            ..self
        }
    }

    /// Restricts the match to requests without a parameter of this name.
    #[must_use]
    pub fn without_parameter(self, parameter: &'static str) -> Self {
        Self {
            without_parameter: Some(parameter),
            ..self
        }
    }

    /// Restricts the match to the nth matching request and later ones; 1 is the first.
    #[must_use]
    pub fn from_request(self, nth: u64) -> Self {
        Self {
            from: nth.max(1),
            ..self
        }
    }

    /// Restricts the match to this number of requests.
    #[must_use]
    pub fn times(self, times: u64) -> Self {
        Self { times, ..self }
    }

    fn is_for(&self, request: &Request) -> bool {
        let contains = |text: &String| {
            request.key().is_some_and(|key| key.contains(text))
                || request
                    .parameter("prefix")
                    .is_some_and(|prefix| prefix.contains(text))
        };
        self.operation
            .is_none_or(|operation| operation == request.operation)
            && self.containing.as_ref().is_none_or(contains)
            && self
                .without_parameter
                .is_none_or(|name| request.parameter(name).is_none())
    }

    /// Returns whether the nth of the matching requests gets the fault.
    fn is_due(&self, nth: u64) -> bool {
        nth.checked_sub(self.from)
            .is_some_and(|before| before < self.times)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(key: &str) -> Request {
        Request::new(
            &http::Method::GET,
            &format!("/bucket/{key}").parse().unwrap(),
        )
    }

    #[test]
    fn only_the_requests_from_the_nth_on_are_hit_and_only_so_often() {
        let faults = Faults::default();
        faults.add(Fault::new(
            When::any().from_request(2).times(2),
            Action::Hang,
        ));

        let hits: Vec<bool> = (0..5).map(|_| faults.due(&get("a")).is_some()).collect();

        assert_eq!(hits, [false, true, true, false, false]);
    }

    #[test]
    fn requests_it_is_not_for_are_not_counted() {
        let faults = Faults::default();
        let when = When::operation(Operation::GetObject)
            .containing("b")
            .times(1);
        faults.set([Fault::new(when, Action::Hang)]);

        assert_eq!(faults.due(&get("a")), None);
        assert_eq!(faults.due(&get("abc")), Some(Action::Hang));
        assert_eq!(faults.due(&get("abc")), None);
    }

    #[test]
    fn the_first_of_several_acts_and_all_count() {
        let faults = Faults::default();
        faults.add(Fault::new(When::any().times(1), Action::Hang));
        faults.add(Fault::new(When::any().times(2), Action::DropConnection));

        let hits: Vec<_> = (0..3).map(|_| faults.due(&get("a"))).collect();

        assert_eq!(
            hits,
            [Some(Action::Hang), Some(Action::DropConnection), None]
        );
    }
}
