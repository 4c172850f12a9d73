/**
 * The lines of a log that are loaded: a bounded run of numbered lines without
 * holes of its own. Numbers go up by one and never change while a line is
 * kept; what is dropped is told, never silent.
 */
import type { IMark } from './ansi';
import { plain } from './ansi';
import type { Level } from './levels';
import { Levels } from './levels';

/** At most this many lines are kept. */
export const LIMIT = 50000;

/** A line as it arrives. */
export interface IArrived {
  readonly offset: number;
  readonly text: string;
  readonly slot?: number;
  readonly time?: string;
}

/** A line that is kept; a `note` is ours, not the log's. */
export interface IKept {
  readonly number: number;
  readonly kind: 'line' | 'note';
  readonly offset: number;
  readonly text: string;
  readonly marks: readonly IMark[];
  readonly level: Level;
  readonly slot?: number;
  readonly time?: string;
}

/** Which lines are to be seen. */
export interface IFilter {
  readonly text: string;
  readonly level: 'all' | 'warning' | 'error';
}

/** Says of each line whether it passes; notes always do. */
export function passing(filter: IFilter): (line: IKept) => boolean {
  const text = filter.text.toLowerCase();
  return line =>
    line.kind === 'note' ||
    ((filter.level === 'all' ||
      line.level === 'error' ||
      line.level === filter.level) &&
      (text === '' || line.text.toLowerCase().includes(text)));
}

/** What is loaded of one log. */
export class LogBuffer {
  constructor(readonly limit = LIMIT) {}

  get all(): readonly IKept[] {
    return this._all;
  }

  /** Adds at the end; the oldest lines beyond the limit are dropped. */
  append(lines: readonly IArrived[]): readonly IKept[] {
    const first = this._next;
    const added = lines.map((line, at) => keep(line, first + at, this._levels));
    this._push(added);
    return added.slice(-this.limit);
  }

  /** Adds a line of ours at the end. */
  note(text: string, offset: number): IKept {
    const line: IKept = {
      number: this._next,
      kind: 'note',
      offset,
      text,
      marks: [],
      level: 'other'
    };
    this._push([line]);
    return line;
  }

  /** Adds at the start; returns those added, and the newest lines that fell off. */
  prepend(lines: readonly IArrived[]): {
    readonly added: readonly IKept[];
    readonly dropped: readonly IKept[];
  } {
    const levels = new Levels();
    const first = (this._all[0]?.number ?? this._next) - lines.length;
    const added = lines.map((line, at) => keep(line, first + at, levels));
    this._all = [...added, ...this._all];
    const dropped = this._all.splice(this.limit);
    if (dropped.length > 0) {
      this._next = dropped[0].number;
    }
    return { added, dropped };
  }

  clear(): void {
    this._all = [];
    this._levels = new Levels();
  }

  private _push(lines: readonly IKept[]): void {
    for (const line of lines) {
      this._all.push(line);
    }
    this._next += lines.length;
    if (this._all.length > this.limit) {
      this._all.splice(0, this._all.length - this.limit);
    }
  }

  private _all: IKept[] = [];
  private _next = 0;
  private _levels = new Levels();
}

function keep(line: IArrived, number: number, levels: Levels): IKept {
  const { text, marks } = plain(line.text);
  return {
    number,
    kind: 'line',
    offset: line.offset,
    text,
    marks,
    level: levels.of(text, line.slot),
    slot: line.slot,
    time: line.time
  };
}
