"""Sentences for people that hold what tools and engines said.

Promise: pure. Control characters, and those that turn the direction of writing, are shown as signs, so that no
text can look like another one, wherever it is shown. The window does the same with whole outputs.
"""

from __future__ import annotations

#: U+2400 and on are Unicode's own pictures of the control characters; the others have none.
_SIGNS = {
    **{code: chr(0x2400 + code) for code in range(0x20)},
    0x7F: "\u2421",
    **dict.fromkeys(range(0x80, 0xA0), "\ufffd"),
    **dict.fromkeys((0x061C, 0x200E, 0x200F, 0x2028, 0x2029), "\ufffd"),
    **dict.fromkeys((*range(0x202A, 0x202F), *range(0x2066, 0x206A)), "\ufffd"),
}


def plainly(text: str) -> str:
    """``text`` on one line, with signs in place of what cannot be seen."""
    return text.replace("\n", " ").translate(_SIGNS)
