/** A kept line as it is printed: its time and slot before its text. */
import type { IMark } from '../../logs/ansi';
import type { IKept } from '../../logs/buffer';

export interface IPrinted {
  readonly text: string;
  /** Where the log's own text begins. */
  readonly start: number;
  readonly marks: readonly IMark[];
}

export interface IPrinting {
  /** Whether to print times. */
  readonly times: boolean;
  /** The label of a slot, null where the log is that of one process. */
  readonly label: ((slot: number | undefined) => string) | null;
}

/** The text of a line, and where it begins. */
export function print(line: IKept, { times, label }: IPrinting): IPrinted {
  if (line.kind === 'note') {
    return { text: `⋯ ${line.text}`, start: 0, marks: [] };
  }
  const time = times && line.time ? `${clock(line.time)} ` : '';
  const before = time + (label ? `${label(line.slot)} │ ` : '');
  return {
    text: before + line.text,
    start: before.length,
    marks: line.marks
  };
}

/** The time of day here, with milliseconds. */
function clock(iso: string): string {
  const time = new Date(iso);
  if (Number.isNaN(time.getTime())) {
    return iso;
  }
  const two = (part: number) => String(part).padStart(2, '0');
  const day = [time.getHours(), time.getMinutes(), time.getSeconds()];
  const parts = String(time.getMilliseconds()).padStart(3, '0');
  return `${day.map(two).join(':')}.${parts}`;
}
