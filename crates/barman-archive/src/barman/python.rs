//! Python literals, which Barman writes into `backup.info` for lists.

/// Python literal, as far as `backup.info` uses them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Literal {
    /// Number, as its digits.
    Number(String),
    /// String in either kind of quotes.
    Text(String),
    /// List or tuple.
    Sequence(Vec<Literal>),
    /// `None`, `True`, `False`.
    Word(String),
}

/// Maximum nesting, far above that of Barman's files; bounds the recursion.
const MAX_DEPTH: usize = 8;

impl Literal {
    /// Reads one whole literal; `None` for anything else.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = LiteralReader { rest: text };
        let literal = reader.literal(MAX_DEPTH)?;
        reader.skip_spaces();
        reader.rest.is_empty().then_some(literal)
    }
}

struct LiteralReader<'a> {
    rest: &'a str,
}

impl LiteralReader<'_> {
    fn skip_spaces(&mut self) {
        self.rest = self.rest.trim_start();
    }

    fn next(&mut self) -> Option<char> {
        let mut characters = self.rest.chars();
        let character = characters.next()?;
        self.rest = characters.as_str();
        Some(character)
    }

    fn takes(&mut self, expected: char) -> bool {
        self.skip_spaces();
        let Some(rest) = self.rest.strip_prefix(expected) else {
            return false;
        };
        self.rest = rest;
        true
    }

    fn literal(&mut self, depth: usize) -> Option<Literal> {
        let depth = depth.checked_sub(1)?;
        self.skip_spaces();
        match self.rest.chars().next()? {
            '[' => self.sequence(']', depth),
            '(' => self.sequence(')', depth),
            quote @ ('\'' | '"') => self.text(quote),
            _ => self.word(),
        }
    }

    fn sequence(&mut self, end: char, depth: usize) -> Option<Literal> {
        self.next();
        let mut items = Vec::new();
        while !self.takes(end) {
            items.push(self.literal(depth)?);
            if !self.takes(',') {
                return self.takes(end).then_some(Literal::Sequence(items));
            }
        }
        Some(Literal::Sequence(items))
    }

    fn text(&mut self, quote: char) -> Option<Literal> {
        self.next();
        let mut text = String::new();
        loop {
            match self.next()? {
                '\\' => text.push(self.escaped()?),
                character if character == quote => return Some(Literal::Text(text)),
                character => text.push(character),
            }
        }
    }

    /// Reads an escape sequence of Python's `repr`: quotes, backslash, white space, unprintable
    /// characters.
    fn escaped(&mut self) -> Option<char> {
        match self.next()? {
            'n' => Some('\n'),
            'r' => Some('\r'),
            't' => Some('\t'),
            'x' => self.code_point(2),
            'u' => self.code_point(4),
            'U' => self.code_point(8),
            character => Some(character),
        }
    }

    fn code_point(&mut self, digits: usize) -> Option<char> {
        let (code, rest) = self.rest.split_at_checked(digits)?;
        self.rest = rest;
        char::from_u32(u32::from_str_radix(code, 16).ok()?)
    }

    fn word(&mut self) -> Option<Literal> {
        let end = self
            .rest
            .find(|c: char| !c.is_ascii_alphanumeric())
            .unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        if !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_digit()) {
            return Some(Literal::Number(word.to_owned()));
        }
        matches!(word, "None" | "True" | "False").then(|| Literal::Word(word.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn tuple(name: &str, oid: &str, location: &str) -> Literal {
        let text = |text: &str| Literal::Text(text.to_owned());
        Literal::Sequence(vec![
            text(name),
            Literal::Number(oid.to_owned()),
            text(location),
        ])
    }

    #[test]
    fn a_list_of_tuples_is_read_with_either_quote() {
        let read = Literal::parse(r#"[("it's", 16411, '/x'), ('a"b', 16412, '/tmp/ts one')]"#);

        let expected = vec![
            tuple("it's", "16411", "/x"),
            tuple("a\"b", "16412", "/tmp/ts one"),
        ];
        assert_eq!(read, Some(Literal::Sequence(expected)));
    }

    #[test]
    fn escapes_and_brackets_in_names_are_part_of_the_name() {
        let read = Literal::parse(r"[('[it\'s],\\ (\xe9\u20ac)', 1, '/')]");

        assert_eq!(
            read,
            Some(Literal::Sequence(vec![tuple("[it's],\\ (é€)", "1", "/")]))
        );
    }

    #[test]
    fn unfinished_and_other_texts_are_no_literals() {
        for text in [
            "",
            "[",
            "[1",
            "[1 2]",
            "'open",
            r"'\x1",
            "name",
            "[1] [2]",
            "{}",
            &"[".repeat(100),
        ] {
            assert_eq!(Literal::parse(text), None, "{text}");
        }
    }

    fn written(literal: &Literal) -> String {
        match literal {
            Literal::Number(digits) => digits.clone(),
            Literal::Word(word) => word.clone(),
            Literal::Text(text) => format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'")),
            Literal::Sequence(items) => {
                format!(
                    "[{}]",
                    items.iter().map(written).collect::<Vec<_>>().join(", ")
                )
            }
        }
    }

    fn literals() -> impl Strategy<Value = Literal> {
        let leaf = prop_oneof![
            "[0-9]{1,12}".prop_map(Literal::Number),
            ".*".prop_map(Literal::Text),
            Just(Literal::Word("None".to_owned())),
        ];
        leaf.prop_recursive(4, 20, 4, |inner| {
            prop::collection::vec(inner, 0..4).prop_map(Literal::Sequence)
        })
    }

    proptest! {
        #[test]
        fn a_literal_survives_a_round_trip(literal in literals()) {
            prop_assert_eq!(Literal::parse(&written(&literal)), Some(literal));
        }

        #[test]
        fn no_text_makes_it_panic(text in r#"[\[\]()'"\\,0-9a-zA-Z ux€]{0,60}"#) {
            let _ = Literal::parse(&text);
        }
    }
}
