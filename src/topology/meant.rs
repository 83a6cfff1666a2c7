//! What was most likely meant by a value that can't be read as it is.

use super::quantity::{Size, Time};

/// YAML 1.1 had more words for yes and no.
pub(super) fn truth(text: &str) -> Option<String> {
    match text.to_ascii_lowercase().as_str() {
        "yes" | "on" | "1" | "y" | "true" => Some("true".to_owned()),
        "no" | "off" | "0" | "n" | "false" => Some("false".to_owned()),
        _ => None,
    }
}

/// A part of a processor is one, and a range as many as it has.
pub(super) fn count(text: &str) -> Option<String> {
    if let Some((from, to)) =
        text.split_once('-').and_then(|(from, to)| Some((from.parse::<u32>().ok()?, to.parse::<u32>().ok()?)))
    {
        return to.checked_sub(from).and_then(|more| more.checked_add(1)).map(|count| count.to_string());
    }
    let number: f64 = text.parse().ok()?;
    (number > 0.0 && number <= f64::from(u16::MAX)).then(|| number.ceil().to_string())
}

/// A duration with another name of its unit, with a fraction, or in seconds.
pub(super) fn time(text: &str) -> Option<String> {
    let (number, unit) = split(text)?;
    let millis = match unit.to_ascii_lowercase().as_str() {
        "ms" | "msec" | "millis" => 1.0,
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1_000.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000.0,
        "h" | "hour" | "hours" | "hr" => 3_600_000.0,
        "d" | "day" | "days" => 86_400_000.0,
        _ => return None,
    };
    whole(number * millis).map(|millis| Time::from_millis(millis).to_string())
}

/// A size as Kubernetes and Compose write it (`512m`, `2G`, `1Gi`), or with a fraction. Their `m` and `g` are binary in
/// Compose, and what people mean.
pub(super) fn size(text: &str) -> Option<String> {
    let (number, unit) = split(text)?;
    let factor: u64 = match unit.to_ascii_lowercase().as_str() {
        "k" | "kb" | "ki" | "kib" => 1 << 10,
        "m" | "mb" | "mi" | "mib" => 1 << 20,
        "g" | "gb" | "gi" | "gib" => 1 << 30,
        "t" | "tb" | "ti" | "tib" => 1 << 40,
        _ => return None,
    };
    whole(number * factor as f64).map(|bytes| Size::from_bytes(bytes).to_string())
}

fn split(text: &str) -> Option<(f64, &str)> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, unit) = text.split_at(digits);
    Some((number.parse().ok()?, unit.trim()))
}

/// A number that is not lost in conversion: below 2^53.
fn whole(number: f64) -> Option<u64> {
    (1.0..9.0e15).contains(&number).then(|| number.round() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_write_is_understood_but_not_taken() {
        assert_eq!(["yes", "off", "maybe"].map(truth), [Some("true".into()), Some("false".into()), None]);
        assert_eq!(["0.5", "0-3", "-1", "x"].map(count), [Some("1".into()), Some("4".into()), None, None]);
        let times = ["10", "1.5s", "2min", "1d", "soon"].map(time);
        assert_eq!(times, [Some("10s".into()), Some("1500ms".into()), Some("2m".into()), Some("24h".into()), None]);
        let sizes = ["512m", "2G", "1Gi", "1.5GiB", "512", "big"].map(size);
        let sizes: Vec<&str> = sizes.iter().map(|size| size.as_deref().unwrap_or("-")).collect();
        assert_eq!(sizes, ["512MiB", "2GiB", "1GiB", "1536MiB", "-", "-"]);
    }
}
