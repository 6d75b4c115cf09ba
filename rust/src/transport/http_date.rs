//! Dates of HTTP, as `Retry-After` may carry one (RFC 9110, 5.6.7).

use std::time::{Duration, SystemTime};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Reads `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(super) fn parse(text: &str) -> Option<SystemTime> {
    let (_, rest) = text.split_once(", ")?;
    let mut words = rest.split(' ');
    let (day, month, year) = (words.next()?, words.next()?, words.next()?);
    let mut clock = words
        .next()?
        .splitn(3, ':')
        .map(|it| it.parse::<u64>().ok());
    if words.next() != Some("GMT") {
        return None;
    }
    let month = MONTHS.iter().position(|it| *it == month)? as u64 + 1;
    let days = days_since_epoch(year.parse().ok()?, month, day.parse().ok()?)?;
    let seconds = clock.next()?? * 3600 + clock.next()?? * 60 + clock.next()??;
    Some(SystemTime::UNIX_EPOCH + Duration::from_secs(days * 86_400 + seconds))
}

/// Days from 1970-01-01, of a date since then.
fn days_since_epoch(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..10_000).contains(&year) || !(1..=31).contains(&day) {
        return None;
    }
    let shifted = if month > 2 { year } else { year - 1 }; // years that begin in March
    let from_march = (month + 9) % 12;
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let days = 365 * shifted + shifted / 4 - shifted / 100 + shifted / 400 + day_of_year;
    days.checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn req_conn_22_a_date_of_http_is_read() {
        let seconds = |text| {
            let read = parse(text)?;
            Some(read.duration_since(std::time::UNIX_EPOCH).ok()?.as_secs())
        };
        assert_eq!(seconds("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        assert_eq!(
            seconds("Thu, 29 Feb 2024 00:00:00 GMT"),
            Some(1_709_164_800)
        );
        for other in [
            "soon",
            "Sun, 06 Xxx 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49 GMT",
        ] {
            assert_eq!(seconds(other), None, "{other}");
        }
    }
}
