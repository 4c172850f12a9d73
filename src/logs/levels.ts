/**
 * How grave a line is, by the words that Python's logging and tracebacks
 * write. A traceback is one error, down to the line that names it.
 */

export type Level = 'error' | 'warning' | 'other';

const ERROR =
  /\b(?:ERROR|CRITICAL|FATAL)\b|\[[EC] \d|\|(?:ERROR|CRITICAL)\||^(?:error|fatal)\b\s*:|^(?:[A-Za-z_]\w*\.)*[A-Z]\w*(?:Error|Exception|Interrupt)\b(?::|$)|srun: error|Segmentation fault/;
const WARNING = /\bWARN(?:ING)?\b|\[W \d|\b[A-Z]\w*Warning\b:|^warning\b\s*:/;
const TRACEBACK = /\bTraceback\b/;

/** The level of one line by itself. */
export function levelOf(text: string): Level {
  if (TRACEBACK.test(text) || ERROR.test(text)) {
    return 'error';
  }
  return WARNING.test(text) ? 'warning' : 'other';
}

/** Levels of lines in order; each slot has its own tracebacks. */
export class Levels {
  of(text: string, slot?: number): Level {
    if (TRACEBACK.test(text)) {
      this._open.add(slot);
      return 'error';
    }
    if (this._open.has(slot)) {
      if (!/^(?:\s|$)/.test(text)) {
        this._open.delete(slot);
      }
      return 'error';
    }
    return levelOf(text);
  }

  private readonly _open = new Set<number | undefined>();
}
