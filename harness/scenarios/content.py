# SPDX-License-Identifier: GPL-2.0-or-later
"""Page content as a pure function of (class, seed, cycle, index, corpus).

The twin of ``guest-drivers/tools/content.c``: a guest is filled by the C code, and what its
pages must hold is computed here, so that nothing a guest says about its memory is believed.
``tests/unit/test_scenarios_content.py`` holds the two against each other for every class.

All functions take page indices as an array of any length n and give arrays of n rows.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.errors import SetupError

U64 = NDArray[np.uint64]
U8 = NDArray[np.uint8]

PAGE_BYTES = 4096
PAGE_WORDS = PAGE_BYTES // 8
EXEC_BYTES = 32
EXEC_FUNCTIONS = PAGE_BYTES // EXEC_BYTES


class ContentClass(enum.StrEnum):
    """What a page looks like; ``MIX`` stands for all of them, by page index."""

    ZERO = "zero"
    WORD = "word"
    TEXT = "text"
    CODE = "code"
    POINTER = "pointer"
    RANDOM = "random"
    EXEC = "code-exec"
    MIX = "mix"


CLASSES = tuple(c for c in ContentClass if c is not ContentClass.MIX)
CORPUS_CLASSES = (ContentClass.TEXT, ContentClass.CODE, ContentClass.POINTER)
_NUMBER = {c: i for i, c in enumerate(CLASSES)}

_Z, _W, _T, _C, _P, _R, _E = (_NUMBER[c] for c in CLASSES)
# The same table as in content.c: each class but random is >= 10 % of what is not random.
_MIX = np.array(
    [_Z, _T, _C, _P, _W, _T, _E, _C, _P, _T, _Z, _C, _P, _T, _W, _R, _C, _E, _P, _T], dtype=np.uint8
)


@dataclass(frozen=True, slots=True)
class Corpus:
    """The real files that text, code and pointer pages are cut from."""

    files: Mapping[ContentClass, U8]

    @classmethod
    def load(cls, folder: Path) -> Corpus:
        """Read the corpus from ``folder`` (files ``text``, ``code``, ``pointer``).

        Raises SetupError when one is missing or shorter than a page.
        """
        files: dict[ContentClass, U8] = {}
        for name in CORPUS_CLASSES:
            path = folder / name
            try:
                data = np.fromfile(path, dtype=np.uint8)
            except OSError as error:
                raise SetupError(
                    f"corpus file cannot be read: {error}",
                    where=str(path),
                    hint="harness build images",
                ) from error
            if data.size < PAGE_BYTES:
                raise SetupError("corpus file is shorter than a page", where=str(path))
            files[name] = data
        return cls(files)


def _u64(value: int) -> np.uint64:
    return np.uint64(value & 0xFFFF_FFFF_FFFF_FFFF)


def mix64(x: U64) -> U64:
    """The finaliser of splitmix64, on each element."""
    with np.errstate(over="ignore"):
        x = x + _u64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> np.uint64(30))) * _u64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> np.uint64(27))) * _u64(0x94D049BB133111EB)
        return x ^ (x >> np.uint64(31))


def class_numbers(content: ContentClass, indices: U64) -> U8:
    """Class of each page as its number in ``CLASSES``."""
    if content is ContentClass.MIX:
        return np.take(_MIX, (indices % np.uint64(_MIX.size)).astype(np.intp))
    return np.full(indices.shape, _NUMBER[content], dtype=np.uint8)


def page_keys(content: ContentClass, seed: int, cycle: int, indices: U64) -> U64:
    """The number that all content of each page is derived from."""
    with np.errstate(over="ignore"):
        base = mix64(mix64(np.array([_u64(seed)], dtype=np.uint64)) + _u64(cycle))
        keys = mix64(base + indices)
        return mix64(keys + class_numbers(content, indices).astype(np.uint64))


def exec_values(keys: U64) -> U64:
    """(n, EXEC_FUNCTIONS): what each function of a code-exec page returns."""
    j = np.arange(EXEC_FUNCTIONS, dtype=np.uint64)
    with np.errstate(over="ignore"):
        low = mix64(keys[:, None] + j[None, :]) & np.uint64(0xFFFF)
    return (keys[:, None] & ~np.uint64(0xFFFF)) | low


def _exec_pages(keys: U64) -> U8:
    values = exec_values(keys)
    insns = np.empty((keys.size, EXEC_FUNCTIONS, EXEC_BYTES // 4), dtype=np.uint32)
    # movz x0, then movk x0 with shifts 16, 32, 48.
    for lane, opcode in enumerate((0xD2800000, 0xF2A00000, 0xF2C00000, 0xF2E00000)):
        part = (values >> np.uint64(16 * lane)) & np.uint64(0xFFFF)
        insns[:, :, lane] = np.uint32(opcode) | (part.astype(np.uint32) << np.uint32(5))
    insns[:, :, 4] = 0xD65F03C0  # ret
    insns[:, :, 5:] = 0xD503201F  # nop
    return insns.reshape(keys.size, -1).view(np.uint8)


def _corpus_pages(keys: U64, data: U8) -> U8:
    slots = np.uint64((data.size - PAGE_BYTES) // 64 + 1)
    offsets = ((keys % slots) * np.uint64(64)).astype(np.intp)
    pages: U8 = np.take(data, offsets[:, None] + np.arange(PAGE_BYTES)[None, :])
    words = pages.view(np.uint64)
    words[:, 0] = keys
    words[:, -1] = mix64(keys)
    return pages


def _word_pages(keys: U64, indices: U64) -> U8:
    long = indices % np.uint64(4) == np.uint64(3)
    words = np.where(long, keys, keys >> np.uint64(24)) | np.uint64(1)
    return np.repeat(words[:, None], PAGE_WORDS, axis=1).view(np.uint8)


def pages(
    content: ContentClass, seed: int, cycle: int, indices: U64, corpus: Corpus | None = None
) -> U8:
    """(n, 4096) bytes: the content of the pages with these indices.

    ``corpus`` is needed for text, code and pointer pages (KeyError-free: SetupError without).
    """
    keys = page_keys(content, seed, cycle, indices)
    numbers = class_numbers(content, indices)
    result = np.zeros((indices.size, PAGE_BYTES), dtype=np.uint8)
    for number in np.unique(numbers):
        rows = np.flatnonzero(numbers == number)
        name = CLASSES[number]
        if name is ContentClass.WORD:
            result[rows] = _word_pages(keys[rows], indices[rows])
        elif name is ContentClass.RANDOM:
            with np.errstate(over="ignore"):
                lanes = keys[rows][:, None] + np.arange(PAGE_WORDS, dtype=np.uint64)[None, :]
            result[rows] = mix64(lanes).view(np.uint8)
        elif name is ContentClass.EXEC:
            result[rows] = _exec_pages(keys[rows])
        elif name in CORPUS_CLASSES:
            if corpus is None:
                raise SetupError(f"content class {name} needs the corpus")
            result[rows] = _corpus_pages(keys[rows], corpus.files[name])
    return result


def _weights(count: int) -> U64:
    weights, odd = [], 0x9E3779B97F4A7C15
    for _ in range(count):
        weights.append(odd)
        odd = (odd * 0xD1342543DE82EF95 + 2) & 0xFFFF_FFFF_FFFF_FFFF
    return np.array(weights, dtype=np.uint64)


_PAGE_WEIGHTS = _weights(PAGE_WORDS)


def digest_words(words: U64) -> U64:
    """Digest of each row of an (n, m <= 512) array of words."""
    with np.errstate(over="ignore"):
        spread = words ^ (words >> np.uint64(29))
        total = (spread * _PAGE_WEIGHTS[: words.shape[1]]).sum(axis=1, dtype=np.uint64)
    return mix64(total)


def digest_pages(data: U8) -> U64:
    """Digest of each row of an (n, 4096) array of bytes."""
    return digest_words(np.ascontiguousarray(data).view(np.uint64))


def expected_digests(
    content: ContentClass,
    seed: int,
    cycle: int,
    count: int,
    corpus: Corpus | None = None,
    *,
    chunk: int = 4096,
) -> U64:
    """Digests of pages 0..count-1, computed ``chunk`` pages at a time (16 MiB each)."""
    parts = [
        digest_pages(
            pages(
                content, seed, cycle, np.arange(a, min(a + chunk, count), dtype=np.uint64), corpus
            )
        )
        for a in range(0, count, chunk)
    ]
    return np.concatenate(parts) if parts else np.empty(0, dtype=np.uint64)


def expected_exec_digests(content: ContentClass, seed: int, cycle: int, count: int) -> U64:
    """What ``memload ctl exec`` must give: the digest of the values, 0 for other pages."""
    indices = np.arange(count, dtype=np.uint64)
    digests = digest_words(exec_values(page_keys(content, seed, cycle, indices)))
    digests[class_numbers(content, indices) != _NUMBER[ContentClass.EXEC]] = 0
    return digests


def shuffled(seed: int, count: int) -> NDArray[np.uint32]:
    """0..count-1 in the order that ``seed`` determines (memload's order for it)."""
    with np.errstate(over="ignore"):
        start = mix64(np.array([_u64(seed)], dtype=np.uint64))
        numbers: U64 = np.arange(count, dtype=np.uint64)
        keys = mix64(np.add(start, numbers, dtype=np.uint64))
    return np.argsort(keys, kind="stable").astype(np.uint32)


def touched_half(seed: int, count: int) -> NDArray[np.uint32]:
    """Indices that ``memload ctl touch-half SEED`` reads."""
    return shuffled(seed, count)[: count // 2]
