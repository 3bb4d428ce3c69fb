# Sourced by scripts/test-gpu, scripts/test-cuda and scripts/package: what a build for GPUs needs, and what it leaves.

target=${CARGO_TARGET_DIR:-$PWD/target}

# llama.cpp's shaders need newer headers than Debian 12 has; those of Debian 13 serve any loader.
use_vulkan() {
    scripts/system-packages gpu
    if ! pkg-config --atleast-version=1.3.275 vulkan && [ ! -d "$target/vulkan/include" ]; then
        local repository work keys=/usr/share/keyrings/debian-archive-keyring.gpg
        repository=$(apt-get indextargets --format '$(REPO_URI)' 'Codename: bookworm' | sort -u | head -1)
        if [ -z "$repository" ]; then
            echo "error: the Vulkan headers are older than 1.3.275" >&2
            echo "hint: install newer ones, and set VULKAN_SDK to their folder" >&2
            exit 1
        fi
        work=$target/vulkan.part
        rm -rf "$work"
        mkdir -p "$work/lists/partial" "$work/cache/archives/partial"
        echo "deb [signed-by=$keys] $repository trixie main" >"$work/sources.list"
        apt() {
            apt-get -o Dir::Etc::sourcelist="$work/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$work/lists" \
                -o Dir::Cache="$work/cache" -o APT::Sandbox::User=root -qq "$@"
        }
        apt update
        (cd "$work" && apt download libvulkan-dev spirv-headers)
        for package in "$work"/*.deb; do dpkg-deb -x "$package" "$work/root"; done
        mkdir -p "$target/vulkan/lib"
        ln -sf "$(ldconfig -p | sed -n 's/.*libvulkan\.so .*=> //p' | head -1)" "$target/vulkan/lib/libvulkan.so"
        # Last: the folder is whole when it is there.
        mv "$work/root/usr/include" "$target/vulkan/include"
        rm -rf "$work"
    fi
    if [ -d "$target/vulkan/include" ]; then
        export VULKAN_SDK=${VULKAN_SDK:-$target/vulkan}
        export CXXFLAGS="-I$VULKAN_SDK/include ${CXXFLAGS-}"
    fi
}

# The CUDA toolkit that is installed (CUDA_PATH, or the one of nvcc), or else NVIDIA's packages from PyPI.
use_cuda() {
    local nvcc work
    if [ -z "${CUDA_PATH-}" ] && nvcc=$(command -v nvcc); then
        CUDA_PATH=$(dirname "$(dirname "$(readlink -f "$nvcc")")")
    fi
    CUDA_PATH=${CUDA_PATH:-$target/cuda}
    if [ "$CUDA_PATH" = "$target/cuda" ] && [ ! -x "$CUDA_PATH/bin/nvcc" ]; then
        work=$target/cuda.part
        rm -rf "$work"
        python3 -m venv "$work/python"
        "$work/python/bin/pip" install --quiet nvidia-cuda-nvcc==13.5.37 nvidia-nvvm==13.5.37 nvidia-cuda-crt==13.5.37 \
            nvidia-cuda-runtime==13.5.37 nvidia-cuda-cccl==13.3.5.0.6 nvidia-cublas==13.10.0.20
        # They share a folder that lacks what linking looks for: the names without versions, and the driver's library, which
        # comes with the driver. An empty one with its name stands in for it.
        mv "$work"/python/lib/python3*/site-packages/nvidia/cu13/* "$work"
        mkdir "$work/lib/stubs"
        for library in "$work"/lib/*.so.*; do ln -s "$(basename "$library")" "${library%.so.*}.so"; done
        ln -s lib "$work/lib64"
        cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$work/lib/stubs/libcuda.so" -x c /dev/null
        rm -rf "$work/python"
        # Last: the folder is whole when it is there.
        mv "$work" "$CUDA_PATH"
    fi
    export CUDA_PATH PATH=$CUDA_PATH/bin:$PATH
    export CMAKE_CUDA_ARCHITECTURES=${CMAKE_CUDA_ARCHITECTURES-86-real}
}

# built_for NAME PROFILE: the folder in which the newest build with variants left its libraries, by its back end's name.
built_for() {
    local library
    library=$(find "$target/$2"/build/llama-cpp-sys-2-*/out/backends -name "libggml-$1.so" -printf '%T@ %p\n' |
        sort -n | tail -1 | cut -d' ' -f2)
    dirname "$(dirname "$library")"
}

# run_with NAME: the programs in target/release find the libraries of the build just made.
run_with() {
    local out
    out=$(built_for "$1" release)
    export SWITCHYARD_BACKENDS=$out/backends
    export LD_LIBRARY_PATH=$out/lib:$out/lib64:${LD_LIBRARY_PATH-}
}
