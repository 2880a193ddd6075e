# Fetching kernels, and booting them under emulation. Source this file.
#
# The sourcing script has sourced check.sh, and sets `cache`, a directory that is kept between runs.
# shellcheck shell=bash
. ci/lib/apt.sh
need python3 zstd

# row NAME: sets program, machine, suite and package to those of the table's row.
row() {
    # shellcheck disable=SC2034 # The caller reads them.
    read -r _ program machine suite package < <(grep -E "^$1 " ci/lib/kernels.table) && return
    echo "no row $1 in the table" >&2
    return 1
}

# debian_name MACHINE: prints Debian's name of the architecture.
debian_name() {
    case $1 in
        x86_64) echo amd64 ;;
        i686) echo i386 ;;
        aarch64) echo arm64 ;;
        arm) echo armhf ;;
        ppc64le) echo ppc64el ;;
        *) echo "$1" ;;
    esac
}

# kernel_package ROW: prints the path of the package that has the row's kernel, and downloads it if it is missing. The lists
# name the version, so that a newer build of a kernel replaces an older one.
kernel_package() {
    # shellcheck disable=SC2034 # `row` sets more than is read.
    local program machine suite package root name
    row "$1" && root=$(apt_root "$(debian_name "$machine")" "$suite") && name=$(apt_newest "$root" "$package") &&
        apt_fetch "$root" "$name"
}

# kernel_image ROW: prints the path of a kernel that QEMU can boot.
kernel_image() {
    local deb image
    deb=$(kernel_package "$1") || return
    image=$cache/kernels/$(basename "$deb" .deb)
    if [ ! -s "$image" ]; then
        mkdir -p "$cache/kernels"
        # Older packages have the kernel in /boot, newer ones beside the modules. tar fails for the other path, so that
        # only the result counts.
        dpkg --fsys-tarfile "$deb" |
            tar -xO --wildcards './boot/vmlinu*' './usr/lib/modules/*/vmlinu*' >"$image.new.$$" 2>"$image.why.$$" || :
        [ -s "$image.new.$$" ] || { echo "no kernel in $deb: $(tail -n 1 "$image.why.$$")" >&2; return 1; }
        rm -f "$image.why.$$"
        unwrap "$image.new.$$" && mv "$image.new.$$" "$image" || return
    fi
    echo "$image"
}

# unwrap FILE: unpacks the kernel from an EFI image that is compressed with zstd, which QEMU's loader can't.
unwrap() {
    local head magic method offset size
    head=$(python3 -c 'import struct, sys
head = open(sys.argv[1], "rb").read(32)
print(head[4:8].hex(), head[24:28].hex(), *struct.unpack("<II", head[8:16]))' "$1") || return
    read -r magic method offset size <<<"$head"
    [ "$magic $method" = "7a696d67 7a737464" ] || return 0
    # Padding may follow the data. zstd then fails after it has unpacked everything.
    tail -c +$((offset + 1)) "$1" | head -c "$size" | zstd -dcq >"$1.out" 2>"$1.why" || :
    [ -s "$1.out" ] || { echo "the kernel in $1 can't be unpacked: $(tail -n 1 "$1.why")" >&2; return 1; }
    rm -f "$1.why"
    mv "$1.out" "$1"
}

# need_qemu MACHINE...: installs QEMU 10 for these machines if theirs is older or missing.
need_qemu() {
    local machine binary package missing=()
    for machine in "$@"; do
        binary=$(qemu_binary "$machine")
        needed+=("$binary")
        [ "$(qemu_version "$binary")" -lt 10 ] || continue
        case $machine in
            x86_64 | i686) package=qemu-system-x86 ;;
            aarch64 | arm) package=qemu-system-arm ;;
            ppc64le) package=qemu-system-ppc ;;
            s390x) package=qemu-system-s390x ;;
            *) package=qemu-system-misc ;;
        esac
        missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    from_backports "${missing[@]}"
    for machine in "$@"; do
        binary=$(qemu_binary "$machine")
        [ "$(qemu_version "$binary")" -ge 10 ] || lacking "$binary is older than 10, or not in ${missing[*]}"
    done
}

qemu_binary() {
    case $1 in
        i686) echo qemu-system-i386 ;;
        ppc64le) echo qemu-system-ppc64 ;;
        loong64) echo qemu-system-loongarch64 ;;
        *) echo "qemu-system-$1" ;;
    esac
}

# boot MACHINE KERNEL INITRD LOG [WORD... [-- QEMU_ARGUMENT...]]: boots it with these words on the kernel's command
# line, and writes the console's output to LOG. Ends when the machine powers off, or has used $boot_seconds (120) of processor
# time, which does not depend on how busy the host is. An idle machine ends after four times as long.
boot() {
    local machine=$1 kernel=$2 initrd=$3 log=$4 console serial=(-serial stdio) words=(panic=-1 quiet) set=()
    shift 4
    while [ $# -gt 0 ] && [ "$1" != -- ]; do words+=("$1"); shift; done
    [ $# = 0 ] || shift
    # shellcheck disable=SC2054 # QEMU's options have commas.
    case $machine in
        # On a slow host the kernel's check of the timer interrupt takes the timer for broken, and panics.
        x86_64 | i686) console=ttyS0 words+=(no_timer_check) set=(-cpu max -m 512M) ;;
        # This processor has pages of 4 and of 16 KiB.
        aarch64) console=ttyAMA0 set=(-machine virt -cpu cortex-a76 -m 512M) ;;
        arm) console=ttyAMA0 set=(-machine virt,highmem=off -cpu cortex-a15 -m 512M) ;;
        riscv64) console=ttyS0 set=(-machine virt -cpu rv64 -m 512M) ;;
        ppc64le) console=hvc0 set=(-machine pseries,x-vof=on -cpu power9 -m 512M) ;;
        s390x) console=ttysclp0 set=(-machine s390-ccw-virtio -cpu max -m 512M)
            serial=(-chardev stdio,id=console -device sclpconsole,chardev=console) ;;
        # The kernel would search for a keyboard, which this machine lacks, for a minute.
        loong64) console=ttyS0,115200 words+=(initcall_blacklist=i8042_init) set=(-machine virt -cpu la464 -m 1G) ;;
        *) echo "no machine $machine" >&2; return 1 ;;
    esac
    local seconds=${boot_seconds:-120}
    timeout --kill-after=5 $((4 * seconds)) prlimit --cpu="$seconds" "$(qemu_binary "$machine")" \
        -accel tcg -nographic -no-reboot -nodefaults "${set[@]}" "${serial[@]}" -append "console=$console ${words[*]}" -kernel "$kernel" -initrd "$initrd" "$@" \
        </dev/null >"$log" 2>&1
}
