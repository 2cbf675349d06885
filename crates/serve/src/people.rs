//! Who signs in with a name and a password, or with a token in the password's place.

use access::Access;
use model::Principal;
use zeroize::Zeroizing;

/// Who it is. `source` is what slows down after failures: the caller's address where it is known.
///
/// # Errors
/// In words, the same whatever was wrong with name or password.
pub(crate) async fn by_password(
    access: &Access,
    name: &str,
    password: &str,
    source: &str,
) -> Result<Principal, String> {
    if let Some(principal) = access.token(password) {
        return Ok(principal);
    }
    let signed = access.sign_in(name, Zeroizing::new(password.to_owned()), source).await;
    let signed = signed.map_err(|why| why.words().0)?;
    // There is no page to show: only the answer counted.
    access.sign_out(&signed.cookie);
    Ok(signed.session.principal)
}
