//! What a caller gives that is written into a frame as it is.

use std::borrow::Cow;

use crate::errors::Error;
use crate::wire::json::JsonObject;
use crate::wire::mend::without_lone_surrogates;

/// A JSON object from anything that is written as one, and holds no half of a surrogate pair.
pub(crate) fn object_of<T: serde::Serialize + ?Sized>(value: &T) -> Result<JsonObject, Error> {
    let object = JsonObject::from_serialize(value)
        .map_err(|_| Error::argument("the values are not written as a JSON object"))?;
    half_pair(object.get()).map_or(Ok(object), Err)
}

/// Why a JSON text with half of a surrogate pair is not sent (REQ-CALL-11). A `String` cannot hold
/// one, JSON that the caller kept as text can.
pub(crate) fn half_pair(text: &str) -> Option<Error> {
    let whole = matches!(without_lone_surrogates(text), Cow::Borrowed(_));
    (!whole).then(|| Error::argument("a text holds half of a surrogate pair"))
}
