# SPDX-License-Identifier: GPL-2.0-or-later
"""What the kernel and init are told: command line and bootconfig of the images, and our own.

Later words win: what is usual for the kind of image, the image's own, what a boot loader would say
(which is what we are), the profile. Parameters of init (androidboot.*) are taken out of all command
lines and the bootconfig and are put together into one bootconfig; a kernel that cannot read one
gets them on its command line, where init looks as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from harness.build.aosp.spec import ImageKind, ImageSpec
from harness.errors import UsageError

ANDROID = "androidboot."
# COMMAND_LINE_SIZE of arm64, with the zero at the end.
LONGEST_CMDLINE = 2047
# What a bootconfig says to the kernel itself begins with this.
KERNEL = "kernel."


def split(words: str) -> tuple[list[str], dict[str, str]]:
    """Words of a command line for the kernel, and parameters for init by name."""
    kernel: list[str] = []
    android: dict[str, str] = {}
    for word in _words(words):
        key, _, value = word.partition("=")
        if key.startswith(ANDROID):
            android[key] = value.strip('"')
        else:
            kernel.append(word)
    return kernel, android


def given(spec: ImageSpec) -> dict[str, str]:
    """Parameters for init that a boot loader would pass, and the profile's."""
    if spec.kind is ImageKind.RAW_DISK:
        return extra(spec)
    values = {
        "androidboot.boot_devices": spec.boot_devices,
        "androidboot.console": "hvc0",
    }
    if spec.slot:
        values["androidboot.slot_suffix"] = spec.slot
    values["androidboot.verifiedbootstate"] = "green" if spec.verify else "orange"
    values["androidboot.vbmeta.device_state"] = "locked" if spec.verify else "unlocked"
    return values | extra(spec)


def extra(spec: ImageSpec) -> dict[str, str]:
    """bootconfig_extra of the profile. Raises UsageError for a word that is no KEY=VALUE."""
    values = {}
    for word in spec.bootconfig_extra:
        key, equals, value = word.partition("=")
        if not equals or not key.strip():
            raise UsageError(
                f"{word!r} is no KEY=VALUE",
                where="image.bootconfig_extra",
                hint='bootconfig_extra = ["androidboot.selinux=permissive"]',
            )
        values[key.strip()] = value.strip()
    return values


def command_line(words: Sequence[str], config: Mapping[str, str]) -> str:
    """One command line of words and of what a bootconfig would say. Raises UsageError."""
    for_kernel = [
        f"{key.removeprefix(KERNEL)}={_quoted(value)}" if value else key.removeprefix(KERNEL)
        for key, value in config.items()
    ]
    return check_length(" ".join([*words, *for_kernel]))


def check_length(line: str) -> str:
    """The same line. Raises UsageError when a kernel would cut it off without a word."""
    if len(line.encode()) > LONGEST_CMDLINE:
        raise UsageError(
            f"a kernel command line of {len(line.encode())} bytes; arm64 takes {LONGEST_CMDLINE}",
            where="image.cmdline_extra, image.bootconfig_extra",
            hint="shorten them, or use a kernel with CONFIG_BOOT_CONFIG",
        )
    return line


def _words(line: str) -> list[str]:
    """Split at spaces outside of double quotes, as the kernel's next_arg() does."""
    words, word, quoted = [], "", False
    for character in line:
        if character == '"':
            quoted = not quoted
        if character.isspace() and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += character
    return [*words, word] if word else words


def _quoted(value: str) -> str:
    return f'"{value}"' if any(character.isspace() for character in value) else value
