//! Why a client cannot stay, in words.

/// Why a client is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There are that many connections already.
    Full(usize),
    /// Its name has that many already.
    Seats(usize),
    /// Name, password or token are wrong, or come too often.
    SignIn(String),
    /// Its rights are not what they were.
    Ended,
    /// Something is wrong here.
    Internal,
}

impl Refused {
    /// What is wrong, and what to do. `section` is the part of `ironbridge.toml` with the bounds.
    pub fn words(&self, section: &str) -> (String, String) {
        match self {
            Self::Full(most) => (
                format!("there are {most} SQL connections already"),
                format!("close some, or raise `connections` under [{section}] in ironbridge.toml"),
            ),
            Self::Seats(most) => (
                format!("you have {most} SQL connections already, the most of your role"),
                "close some, or let the tool use a smaller pool".into(),
            ),
            Self::SignIn(why) => (
                why.clone(),
                "use your name and password of the page (set once more if it is older than SQL access), or the name of an API token and its text".into(),
            ),
            Self::Ended => ("your rights changed, and this connection ends".into(), "sign in again".into()),
            Self::Internal => {
                ("this gateway cannot make a session just now".into(), "try again in a moment".into())
            }
        }
    }
}
