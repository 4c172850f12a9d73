/** Finds a text, or an error, in lines that are shown; goes round once. */
import type { IKept } from '../../logs/buffer';
import type { IPlace } from './view';

/**
 * The next place of `text` after `from` (absent: from the beginning, or
 * backwards from the end), null when there is none before the end.
 */
export function findText(
  lines: readonly string[],
  text: string,
  from: IPlace | null,
  backwards: boolean
): IPlace | null {
  const pattern = new RegExp(text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'gi');
  const step = backwards ? -1 : 1;
  const first = from?.line ?? (backwards ? lines.length - 1 : 0);
  for (let line = first; line >= 0 && line < lines.length; line += step) {
    const places = [...lines[line].matchAll(pattern)]
      .map(match => ({
        line,
        from: match.index ?? 0,
        to: (match.index ?? 0) + match[0].length
      }))
      .filter(
        place =>
          from === null ||
          line !== from.line ||
          (backwards ? place.from < from.from : place.from > from.from)
      );
    if (places.length > 0) {
      return places[backwards ? places.length - 1 : 0];
    }
  }
  return null;
}

/** The line where the next error after `from` begins, going round; -1 for none. */
export function findError(lines: readonly IKept[], from: number): number {
  const begins = (at: number) =>
    lines[at].level === 'error' &&
    (at === 0 || lines[at - 1].level !== 'error');
  for (let step = 1; step <= lines.length; step += 1) {
    const at = (from + step + lines.length) % lines.length;
    if (begins(at)) {
      return at;
    }
  }
  return -1;
}
