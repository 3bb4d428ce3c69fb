//! What a model is computed on: the processor, in one of its variants, or a GPU.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use llama_cpp_2::{LlamaBackendDevice, LlamaBackendDeviceType, list_llama_ggml_backend_devices};

/// A device by name, as in `worker.yaml` and `/health`: `cpu`, `gpu`, `vulkan:0`, `cuda:1`, `cpu/haswell`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Device {
    /// The processor. A build with variants of the code for several kinds of processors may be told which.
    Cpu(Option<String>),
    /// Whichever GPUs there are.
    AnyGpu,
    /// One GPU.
    Gpu {
        /// How it is reached.
        backend: GpuBackend,
        /// Its number among those, from 0.
        number: usize,
    },
}

/// How a GPU is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GpuBackend {
    /// NVIDIA's own.
    Cuda,
    /// Every vendor's.
    Vulkan,
}

impl GpuBackend {
    const ALL: [Self; 2] = [Self::Cuda, Self::Vulkan];

    fn as_str(self) -> &'static str {
        match self {
            Self::Cuda => "cuda",
            Self::Vulkan => "vulkan",
        }
    }

    /// Whether this build can use it.
    pub fn is_built(self) -> bool {
        match self {
            Self::Cuda => cfg!(feature = "cuda"),
            Self::Vulkan => cfg!(feature = "vulkan"),
        }
    }
}

/// A name that is no device's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a device")]
pub struct NotADevice(String);

impl FromStr for Device {
    type Err = NotADevice;

    fn from_str(name: &str) -> Result<Self, NotADevice> {
        let wrong = || NotADevice(name.to_owned());
        let (kind, rest) = match name.split_once([':', '/']) {
            Some((kind, rest)) => (kind, Some(rest)),
            None => (name, None),
        };
        match (kind, rest) {
            ("cpu", None) => Ok(Self::Cpu(None)),
            ("cpu", Some(variant)) if !variant.is_empty() && name.contains('/') => {
                Ok(Self::Cpu(Some(variant.to_owned())))
            }
            ("gpu", None) => Ok(Self::AnyGpu),
            (kind, Some(number)) if name.contains(':') => {
                let backend = GpuBackend::ALL.into_iter().find(|known| known.as_str() == kind);
                let number = number.parse().map_err(|_| wrong())?;
                Ok(Self::Gpu { backend: backend.ok_or_else(wrong)?, number })
            }
            _ => Err(wrong()),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cpu(None) => f.write_str("cpu"),
            Self::Cpu(Some(variant)) => write!(f, "cpu/{variant}"),
            Self::AnyGpu => f.write_str("gpu"),
            Self::Gpu { backend, number } => write!(f, "{}:{number}", backend.as_str()),
        }
    }
}

/// The variants of the code for x86-64 processors, from the one that asks most of the processor
/// (ggml/src/CMakeLists.txt, `ggml_add_cpu_backend_variant`).
const VARIANTS: [&str; 14] = [
    "sapphirerapids",
    "zen4",
    "cooperlake",
    "icelake",
    "cascadelake",
    "cannonlake",
    "skylakex",
    "alderlake",
    "haswell",
    "piledriver",
    "ivybridge",
    "sandybridge",
    "sse42",
    "x64",
];

/// The devices to try for what was asked for, the safest last. `None` asks for the best there is.
pub fn ladder(asked: Option<&Device>) -> Vec<Device> {
    ladder_with(asked, libraries().as_deref())
}

/// With `folder`, where a build with variants has them, the processor is as many devices as there are variants.
fn ladder_with(asked: Option<&Device>, folder: Option<&Path>) -> Vec<Device> {
    let gpu = GpuBackend::ALL.into_iter().any(GpuBackend::is_built);
    let mut devices = match asked {
        None if gpu => vec![Device::AnyGpu],
        None | Some(Device::Cpu(None)) => Vec::new(),
        Some(other) => vec![other.clone()],
    };
    let asked = devices.last().cloned();
    let there = |variant: &&str| folder.is_some_and(|folder| library(folder, variant).is_file());
    let variants: Vec<&str> = VARIANTS.into_iter().filter(there).collect();
    // After a variant that was asked for, only safer ones.
    let after = match &asked {
        Some(Device::Cpu(Some(name))) => {
            variants.iter().position(|variant| variant == name).map_or(0, |at| at + 1)
        }
        _ => 0,
    };
    devices.extend(variants[after..].iter().map(|name| Device::Cpu(Some((*name).to_owned()))));
    if variants.is_empty() && !matches!(asked, Some(Device::Cpu(_))) {
        devices.push(Device::Cpu(None));
    }
    devices
}

/// Where a build with variants has its libraries: the folder in `SWITCHYARD_BACKENDS`, or `backends` beside the program.
/// `None` for a build without.
fn libraries() -> Option<PathBuf> {
    if !cfg!(feature = "variants") {
        return None;
    }
    let beside = || Some(std::env::current_exe().ok()?.parent()?.join("backends"));
    std::env::var_os("SWITCHYARD_BACKENDS").map(PathBuf::from).or_else(beside)
}

/// The library of a variant.
fn library(folder: &Path, variant: &str) -> PathBuf {
    folder.join(format!("libggml-cpu-{variant}.so"))
}

/// Loads what a device needs, and no other variant, in a build whose code is in libraries. llama.cpp would take the variant
/// that the processor says it can run.
#[cfg(feature = "variants")]
pub(crate) fn load_libraries(device: &Device) -> std::io::Result<()> {
    let Some(folder) = libraries() else { return Ok(()) };
    let chosen = tempfile::tempdir()?;
    for entry in std::fs::read_dir(&folder)? {
        let path = std::path::absolute(entry?.path())?;
        let Some(name) = path.file_name().map(std::ffi::OsStr::to_string_lossy) else { continue };
        let of_gpu = !name.starts_with("libggml-cpu-");
        let wanted = match device {
            Device::Cpu(Some(variant)) => path == library(&folder, variant),
            Device::Cpu(None) => !of_gpu,
            // Beside a GPU the processor has little to do: the variant that most processors have.
            Device::AnyGpu | Device::Gpu { .. } => of_gpu || path == library(&folder, beside_gpu()),
        };
        if wanted && name.ends_with(".so") {
            std::os::unix::fs::symlink(&path, chosen.path().join(&*name))?;
        }
    }
    llama_cpp_2::llama_backend::load_backends_from_path(chosen.path());
    Ok(())
}

#[cfg(feature = "variants")]
fn beside_gpu() -> &'static str {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        return "haswell";
    }
    "x64"
}

/// A build without variants has all its code in it.
#[cfg(not(feature = "variants"))]
#[expect(clippy::unnecessary_wraps, reason = "a build with variants can fail here")]
pub(crate) fn load_libraries(_: &Device) -> std::io::Result<()> {
    Ok(())
}

impl Device {
    /// llama.cpp's numbers for the GPUs of this device; none for the processor.
    pub(crate) fn numbers(&self) -> Result<Vec<usize>, NoSuchDevice> {
        let all = list_llama_ggml_backend_devices();
        let cpu = |device: &LlamaBackendDevice| device.device_type == LlamaBackendDeviceType::Cpu;
        let numbers: Vec<usize> = match self {
            // A variant that this processor has not was not loaded.
            Self::Cpu(_) if all.iter().any(cpu) => return Ok(Vec::new()),
            Self::Cpu(_) => Vec::new(),
            Self::AnyGpu => {
                // As llama.cpp chooses: those built into the processor only where there are no others.
                let of = |kind| all.iter().filter(move |device| device.device_type == kind);
                let own: Vec<_> = of(LlamaBackendDeviceType::Gpu).collect();
                let built_in = of(LlamaBackendDeviceType::IntegratedGpu).take(1).collect();
                let chosen: Vec<_> = if own.is_empty() { built_in } else { own };
                chosen.into_iter().map(|device| device.index).collect()
            }
            Self::Gpu { backend, number } => {
                let name = format!("{}{number}", backend.as_str());
                let same = |device: &&LlamaBackendDevice| device.name.eq_ignore_ascii_case(&name);
                all.iter().find(same).map(|device| device.index).into_iter().collect()
            }
        };
        if !numbers.is_empty() {
            return Ok(numbers);
        }
        let there = in_use(&all.iter().map(|device| device.index).collect::<Vec<_>>());
        let there: Vec<String> = there
            .iter()
            .map(|device| format!("{} ({})", device.name, device.description))
            .collect();
        let there = if there.is_empty() { "none".to_owned() } else { there.join(", ") };
        Err(NoSuchDevice { asked: self.clone(), there })
    }
}

/// A device that this machine has not, or that its processor cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no {asked} here: what there is: {there}")]
pub struct NoSuchDevice {
    /// What was asked for.
    pub asked: Device,
    /// What there is.
    pub there: String,
}

/// A device that a model is computed on, and its memory now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceInUse {
    /// Its name, `cpu` or such as `vulkan:0`.
    pub name: String,
    /// What it calls itself.
    pub description: String,
    /// Bytes it has.
    pub memory_total: usize,
    /// Bytes of those that nobody uses.
    pub memory_free: usize,
}

/// The devices with llama.cpp's numbers, or the processor for none.
pub(crate) fn in_use(numbers: &[usize]) -> Vec<DeviceInUse> {
    let all = list_llama_ggml_backend_devices();
    let used = all.into_iter().filter(|device| {
        let cpu = device.device_type == LlamaBackendDeviceType::Cpu;
        if numbers.is_empty() { cpu } else { numbers.contains(&device.index) }
    });
    used.map(|device| {
        let name = device.name.to_lowercase();
        let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
        let name = match digits {
            "" => name,
            number => format!("{}:{number}", &name[..name.len() - number.len()]),
        };
        let cpu = device.device_type == LlamaBackendDeviceType::Cpu;
        // llama.cpp takes all of the processor's memory for free.
        let available = if cpu { available_memory() } else { None };
        DeviceInUse {
            name,
            description: device.description.trim().to_owned(),
            memory_total: device.memory_total,
            memory_free: available.unwrap_or(device.memory_free),
        }
    })
    .collect()
}

/// Bytes that a program could take without swapping, as Linux estimates them (proc_meminfo(5), `MemAvailable`).
fn available_memory() -> Option<usize> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kibibytes: usize = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_is_written_as_it_is_read() {
        for name in ["cpu", "gpu", "cpu/haswell", "vulkan:0", "cuda:12"] {
            assert_eq!(name.parse::<Device>().unwrap().to_string(), name);
        }
        for wrong in
            ["", "CPU", "cpu:0", "cpu/", "vulkan", "vulkan:x", "vulkan/0", "tpu:0", "gpu:0"]
        {
            assert!(wrong.parse::<Device>().is_err(), "{wrong}");
        }
    }

    fn names(devices: &[Device]) -> Vec<String> {
        devices.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn without_variants_the_processor_is_the_last_resort() {
        let vulkan: Device = "vulkan:0".parse().unwrap();
        assert_eq!(names(&ladder_with(Some(&vulkan), None)), ["vulkan:0", "cpu"]);
        assert_eq!(names(&ladder_with(Some(&Device::Cpu(None)), None)), ["cpu"]);
        assert_eq!(ladder_with(None, None).last(), Some(&Device::Cpu(None)));
    }

    #[test]
    fn variants_are_tried_from_the_most_demanding() {
        let folder = tempfile::tempdir().unwrap();
        for variant in ["haswell", "x64", "icelake"] {
            std::fs::write(library(folder.path(), variant), "").unwrap();
        }
        let from = |asked: &str| {
            let asked: Device = asked.parse().unwrap();
            names(&ladder_with(Some(&asked), Some(folder.path())))
        };
        assert_eq!(from("cpu"), ["cpu/icelake", "cpu/haswell", "cpu/x64"]);
        assert_eq!(from("cpu/haswell"), ["cpu/haswell", "cpu/x64"]);
        assert_eq!(from("cuda:0"), ["cuda:0", "cpu/icelake", "cpu/haswell", "cpu/x64"]);
    }
}
