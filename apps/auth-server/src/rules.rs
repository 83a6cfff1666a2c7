//! What names, addresses and passwords must be. Each rule gives the value as it is kept, or what to tell the user.

/// Why a value is refused, in Spanish.
pub type Complaint = &'static str;

/// The longest password in bytes: bcrypt looks at no more, so that a longer one would be cut off in silence.
pub const LONGEST_PASSWORD: usize = 72;

/// The longest address in bytes (RFC 5321 section 4.5.3.1.3, without its angle brackets).
const LONGEST_EMAIL: usize = 254;

/// Checks a user's name: 3 to 32 letters, digits, dots, underscores and hyphens.
pub fn username(text: &str) -> Result<String, Complaint> {
    let name = text.trim();
    if !(3..=32).contains(&name.chars().count()) {
        return Err("El nombre de usuario debe tener de 3 a 32 caracteres");
    }
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if !name.chars().all(fits) {
        return Err("El nombre de usuario solo admite letras sin acento, números, punto, guion y guion bajo");
    }
    Ok(name.to_owned())
}

/// Checks an e-mail address: one that could be one. Whether it is one only a letter to it shows.
pub fn email(text: &str) -> Result<String, Complaint> {
    const COMPLAINT: Complaint = "El email no es válido";
    let address = text.trim().to_lowercase();
    let (local, domain) = address.rsplit_once('@').ok_or(COMPLAINT)?;
    let plain =
        |c: char| !c.is_whitespace() && !c.is_control() && !matches!(c, '@' | '<' | '>' | '(' | ')' | ',' | ';' | '"');
    let label = |label: &str| {
        let ends = label.starts_with('-') || label.ends_with('-');
        !label.is_empty() && !ends && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let sane = address.len() <= LONGEST_EMAIL
        && (1..=64).contains(&local.len())
        && local.chars().all(plain)
        && domain.contains('.')
        && domain.split('.').all(label);
    if sane { Ok(address) } else { Err(COMPLAINT) }
}

/// Checks a new password: at least 8 characters, and no more bytes than bcrypt looks at.
pub fn password(text: &str) -> Result<&str, Complaint> {
    if text.chars().count() < 8 {
        return Err("La contraseña debe tener al menos 8 caracteres");
    }
    if text.len() > LONGEST_PASSWORD {
        return Err("La contraseña no puede superar 72 bytes: bcrypt ignoraría el resto");
    }
    // To bcrypt "a" and "a\0a" are one password.
    if text.contains('\0') {
        return Err("La contraseña no puede contener el carácter nulo");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_names_trimmed() {
        assert_eq!(username("  Ana.B_c-9 ").unwrap(), "Ana.B_c-9");
        assert_eq!(username(&"x".repeat(32)).unwrap().len(), 32);
        for wrong in ["", "  ab  ", &"x".repeat(33), "ana maria", "ñandú", "a$ne", "../etc", "<b>ana</b>", "ana\0"] {
            assert!(username(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn keeps_addresses_trimmed_and_in_lower_case() {
        assert_eq!(email(" Ana@Example.COM ").unwrap(), "ana@example.com");
        for right in ["a@b.co", "a+b.c@d-e.fg", "josé@correo.es", "a@münchen.de"] {
            assert!(email(right).is_ok(), "{right:?}");
        }
        let long = format!("{}@{}.es", "a".repeat(64), "b".repeat(200));
        for wrong in
            ["", "a", "@b.co", "a@", "a@b", "a@@b.co", "a b@c.de", "a@b..co", "a@-b.co", "<a@b.co>", "a@b.co\n,", &long]
        {
            assert!(email(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn takes_passwords_that_bcrypt_sees_whole() {
        assert!(password("12345678").is_ok());
        assert!(password("ñañañaña").is_ok());
        assert!(password(&"x".repeat(72)).is_ok());
        for wrong in ["", "1234567", &"x".repeat(73), &"ñ".repeat(37), "12345678\0"] {
            assert!(password(wrong).is_err(), "{wrong:?}");
        }
    }
}
