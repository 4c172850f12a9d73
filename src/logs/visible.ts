/**
 * Control characters made visible, as the signs Unicode has for them. The
 * length of the text stays; nothing but control characters changes.
 */

/** Marks that turn the direction of writing without being seen, and ends of lines that are none elsewhere. */
const TURNS = new Set([0x061c, 0x200e, 0x200f, 0x2028, 0x2029]);

/** `text` with signs in place of control characters, those in `keep` excepted. */
export function visible(text: string, keep = '\t'): string {
  return Array.from(text, char =>
    keep.includes(char) ? char : signOf(char)
  ).join('');
}

function signOf(char: string): string {
  const code = char.charCodeAt(0);
  if (code < 0x20) {
    return String.fromCharCode(0x2400 + code);
  }
  if (code === 0x7f) {
    return '\u2421';
  }
  const hides =
    (code >= 0x80 && code < 0xa0) ||
    TURNS.has(code) ||
    (code >= 0x202a && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069);
  return hides ? '\ufffd' : char;
}
