//! The file of public keys, as staff change it: one key in a line, with its owner's name as a comment above it.
//!
//! Everything else in the file stays as it is. It reads and writes no file itself.

use super::{PublicKey, PublicKeys};

/// The same file with one more key.
///
/// # Errors
/// When the file or the key is no such thing, or the key or somebody of that name is there already.
pub fn add(file: &str, name: &str, key: &str) -> Result<String, String> {
    let (name, key) = (name.trim(), PublicKey::parse(key.trim())?);
    if name.is_empty() || name.contains(char::is_control) {
        return Err("a name is one line of letters, so that whoever reads the file knows whose key it is".to_owned());
    }
    let is_empty = file.lines().all(|line| line.trim().is_empty() || line.trim().starts_with('#'));
    if !is_empty && PublicKeys::parse(file)?.iter().any(|other| other.name.as_deref() == Some(name)) {
        return Err(format!("`{name}` has a key already; retire it first, or give this one another name"));
    }
    let separator = if file.is_empty() || file.ends_with('\n') { "" } else { "\n" };
    let changed = format!("{file}{separator}# {name}\n{key}\n");
    PublicKeys::parse(&changed)?;
    Ok(changed)
}

/// The same file without the key of whoever has this name, or without this key.
///
/// # Errors
/// When there is no such key, or no other.
pub fn retire(file: &str, who: &str) -> Result<String, String> {
    let keys = PublicKeys::parse(file)?;
    let gone = keys.iter().find(|key| key.name.as_deref() == Some(who) || key.to_string() == who);
    let Some(gone) = gone else {
        let names: Vec<String> = keys.iter().map(|key| key.name.clone().unwrap_or_else(|| key.to_string())).collect();
        return Err(format!("there is no key of `{who}`; there are those of: {}", names.join(", ")));
    };
    if keys.iter().count() == 1 {
        return Err("it is the last key: nobody could read what is sealed; add another one first".to_owned());
    }
    let (gone, name) = (gone.to_string(), gone.name.clone());
    let mut lines: Vec<String> = Vec::new();
    for line in file.lines() {
        let words: Vec<&str> = line.split(',').map(str::trim).collect();
        if line.trim_start().starts_with('#') || !words.contains(&gone.as_str()) {
            lines.push(line.to_owned());
            continue;
        }
        if name.is_some() && lines.last().is_some_and(|above| above.trim_start().starts_with('#')) {
            lines.pop();
        }
        let rest: Vec<&str> = words.into_iter().filter(|word| *word != gone && !word.is_empty()).collect();
        if !rest.is_empty() {
            lines.push(rest.join(", "));
        }
    }
    Ok(lines.into_iter().map(|line| line + "\n").collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADA: &str = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    const BOB: &str = "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z";

    #[test]
    fn a_key_comes_and_goes_and_the_rest_of_the_file_stays() {
        let file = add("# Who may read registrations\n\n", "Ada Lovelace", ADA).unwrap();
        assert_eq!(file, format!("# Who may read registrations\n\n# Ada Lovelace\n{ADA}\n"));
        let both = add(&file, "Bob", BOB).unwrap();
        assert_eq!(both, format!("{file}# Bob\n{BOB}\n"));
        assert_eq!(retire(&both, "Bob").unwrap(), file);
        assert_eq!(retire(&both, ADA).unwrap(), format!("# Who may read registrations\n\n# Bob\n{BOB}\n"));
        // Several in a line, without a line break at the end.
        assert_eq!(retire(&format!("{ADA}, {BOB}"), ADA).unwrap(), format!("{BOB}\n"));
        assert_eq!(add(ADA, "Bob", BOB).unwrap(), format!("{ADA}\n# Bob\n{BOB}\n"));
    }

    #[test]
    fn what_would_be_wrong_is_not_done() {
        let file = add("", "Ada", ADA).unwrap();
        let said = |changed: Result<String, String>| changed.unwrap_err();
        assert_eq!(said(add(&file, "Eve", ADA)), format!("line 4: `{ADA}` stands there twice"));
        assert_eq!(
            said(add(&file, "Ada", BOB)),
            "`Ada` has a key already; retire it first, or give this one another name"
        );
        assert_eq!(said(add(&file, "Bob", "age1x")), "`age1x` is not a public key of age, like `age1…`");
        assert!(said(add(&file, "", BOB)).starts_with("a name is one line of letters"));
        assert!(said(add(&file, "Bob\nage1", BOB)).starts_with("a name is one line of letters"));
        assert_eq!(said(retire(&file, "Bob")), "there is no key of `Bob`; there are those of: Ada");
        assert_eq!(
            said(retire(&file, "Ada")),
            "it is the last key: nobody could read what is sealed; add another one first"
        );
    }
}
