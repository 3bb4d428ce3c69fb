//! A GGUF file: whether it can be one, and its SHA-256.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use sha2::{Digest, Sha256};

/// First four bytes of every GGUF file (GGUF specification, "file structure").
const MAGIC: &[u8; 4] = b"GGUF";

/// SHA-256 of a GGUF file as 64 lower-case hex digits; `read` is told of every piece that was read, in bytes, and may take its
/// time. Fails when it is no GGUF file: llama.cpp itself only says that loading failed.
///
/// # Errors
/// When it cannot be read, or is no GGUF file.
pub fn hash(path: &Path, mut read: impl FnMut(usize)) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut magic = [0; 4];
    let no_gguf = || io::Error::new(io::ErrorKind::InvalidData, "this is not a GGUF file");
    file.read_exact(&mut magic).map_err(|_| no_gguf())?;
    if &magic != MAGIC {
        return Err(no_gguf());
    }
    let mut hash = Sha256::new_with_prefix(magic);
    let mut buffer = vec![0; 1 << 20];
    loop {
        match file.read(&mut buffer)? {
            0 => break,
            n => {
                hash.update(&buffer[..n]);
                read(n);
            }
        }
    }
    Ok(hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The usual spelling of `general.file_type` (`enum llama_ftype` in llama.h), or the number itself.
pub(crate) fn quantization(file_type: &str) -> String {
    let name = match file_type.trim() {
        "0" => "F32",
        "1" => "F16",
        "2" => "Q4_0",
        "3" => "Q4_1",
        "7" => "Q8_0",
        "8" => "Q5_0",
        "9" => "Q5_1",
        "10" => "Q2_K",
        "11" => "Q3_K_S",
        "12" => "Q3_K_M",
        "13" => "Q3_K_L",
        "14" => "Q4_K_S",
        "15" => "Q4_K_M",
        "16" => "Q5_K_S",
        "17" => "Q5_K_M",
        "18" => "Q6_K",
        "19" => "IQ2_XXS",
        "20" => "IQ2_XS",
        "21" => "Q2_K_S",
        "22" => "IQ3_XS",
        "23" => "IQ3_XXS",
        "24" => "IQ1_S",
        "25" => "IQ4_NL",
        "26" => "IQ3_S",
        "27" => "IQ3_M",
        "28" => "IQ2_S",
        "29" => "IQ2_M",
        "30" => "IQ4_XS",
        "31" => "IQ1_M",
        "32" => "BF16",
        "36" => "TQ1_0",
        "37" => "TQ2_0",
        other => other,
    };
    name.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_model_is_recognized() {
        let folder = tempfile::tempdir().unwrap();
        for content in [&b""[..], b"GG", b"PK\x03\x04rest"] {
            let path = folder.path().join("model.gguf");
            std::fs::write(&path, content).unwrap();
            assert_eq!(hash(&path, |_| ()).unwrap_err().to_string(), "this is not a GGUF file");
        }
    }

    #[test]
    fn the_hash_covers_the_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, b"GGUF\n").unwrap();
        // printf 'GGUF\n' | sha256sum
        assert_eq!(
            hash(&path, |_| ()).unwrap(),
            "68e0ec597aee59d35f8dc44942d7b17d471ade10d3aca07a5bb7177713950312"
        );
    }
}
