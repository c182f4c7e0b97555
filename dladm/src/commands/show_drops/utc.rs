//! The time of day, as netd's log writes it.

const DAY: u64 = 24 * 60 * 60;

/// Microseconds since 1970 as RFC 3339 has them: `2026-02-03T04:05:06.123456Z`.
pub(super) fn text(time_us: u64) -> String {
    let (seconds, micros) = (time_us / 1_000_000, time_us % 1_000_000);
    let (day, second) = (seconds / DAY, seconds % DAY);
    let (year, month, day) = date(day);
    let (hour, minute) = (second / 3600, second / 60 % 60);
    let second = second % 60;
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.\
         {micros:06}Z"
    )
}

/// Year, month and day of a number of days since 1970-01-01.
///
/// Years that begin in March have their leap day at the end, and the lengths of
/// their months follow a straight line; 400 of them have 146,097 days.
fn date(days: u64) -> (u64, u64, u64) {
    const ERA: u64 = 146_097;
    // Days between 0000-03-01 and 1970-01-01.
    let days = days + 719_468;
    let (era, day) = (days / ERA, days % ERA);
    // Less the leap days before it, every year has 365.
    let year = (day - day / 1460 + day / 36_524 - day / (ERA - 1)) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, late) =
        if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + late, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_have_their_dates() {
        for (seconds, want) in [
            (0, "1970-01-01T00:00:00"),
            (86_399, "1970-01-01T23:59:59"),
            (951_782_399, "2000-02-28T23:59:59"),
            (951_782_400, "2000-02-29T00:00:00"),
            (951_868_800, "2000-03-01T00:00:00"),
            (1_704_067_199, "2023-12-31T23:59:59"),
            (1_709_164_800, "2024-02-29T00:00:00"),
            (1_770_091_506, "2026-02-03T04:05:06"),
            (4_107_542_400, "2100-03-01T00:00:00"),
        ] {
            let got = text(seconds * 1_000_000 + 42);
            assert_eq!(got, format!("{want}.000042Z"), "{seconds}");
        }
    }
}
