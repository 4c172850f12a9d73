/**
 * One log being read: a window of it is loaded, either at its end, and then
 * new lines are added, or apart from it. Lines arrive in the view at most once
 * a frame. Knows no DOM; never loads what nobody asked for.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { ILine } from '../../cluster/state';
import type { IKept } from '../../logs/buffer';
import { LIMIT, LogBuffer } from '../../logs/buffer';
import type { IClusterLogs, ILogReader } from '../../tokens';

/** So many lines are asked for at once. */
export const PAGE = 1000;
const AROUND = { before: 200, after: 800 };
const MATCHES = 1000;

/** What changed in what is loaded. */
export type Loaded =
  | { readonly kind: 'all' }
  | { readonly kind: 'appended'; readonly lines: readonly IKept[] }
  | { readonly kind: 'prepended'; readonly lines: readonly IKept[] }
  | { readonly kind: 'state' };

/** `end`: at the end, and new lines come. `apart`: new lines are not loaded. */
export type Where = 'loading' | 'end' | 'apart' | 'failed';

export interface IReadingOptions {
  readonly logs: IClusterLogs;
  readonly key: string;
  readonly log: string;
  /** A sentence for lines that fell away. */
  readonly gap: string;
  readonly limit?: number;
}

export class Reading implements IDisposable {
  constructor(private readonly _options: IReadingOptions) {
    this._buffer = new LogBuffer(_options.limit ?? LIMIT);
  }

  get lines(): readonly IKept[] {
    return this._buffer.all;
  }

  get where(): Where {
    return this._where;
  }

  /** Why the log cannot be read; null while it can. */
  get error(): string | null {
    return this._error;
  }

  get changed(): ISignal<this, Loaded> {
    return this._changed;
  }

  get isDisposed(): boolean {
    return this._turn < 0;
  }

  /** While held, lines are not dropped at the start to make room for new ones. */
  held = false;

  dispose(): void {
    this._turn = -1;
    this._leave();
    Signal.clearData(this);
  }

  /** Loads the end, and goes on with what is written from now on. */
  async toEnd(): Promise<void> {
    await this._load({ before: PAGE }, true);
  }

  /** Loads the surroundings of a byte offset. */
  async toOffset(at: number): Promise<void> {
    await this._load({ at, ...AROUND }, false);
  }

  /** Loads what is before the first line; resolves when nothing is left to do. */
  async older(): Promise<void> {
    if (this._start <= 0 || this._busy || this._where === 'failed') {
      return;
    }
    const at = this._start;
    await this._alone(async isStale => {
      const page = await this._page({ at, before: PAGE });
      if (isStale()) {
        return;
      }
      const before = page.lines.filter(line => line.offset < at);
      this._start = before.length > 0 ? page.start : 0;
      const { added, dropped } = this._buffer.prepend(before);
      if (dropped.length > 0) {
        this._leave();
        this._end = dropped[0].offset;
        this._where = 'apart';
      }
      this._changed.emit({ kind: 'prepended', lines: added });
    });
  }

  /** Loads what is after the last line, when that is not the end. */
  async newer(): Promise<void> {
    if (this._where !== 'apart' || this._busy) {
      return;
    }
    await this._alone(async isStale => {
      const page = await this._page({ at: this._end, after: PAGE });
      if (isStale()) {
        return;
      }
      this._add(page.lines, page.end);
      if (page.end >= page.size || page.lines.length === 0) {
        this._follow();
      }
    });
  }

  /**
   * The offset of a match of `text` in what is not loaded, null when there is
   * none: forwards the first after what is loaded, else the first of all;
   * backwards the last before what is loaded.
   */
  async search(text: string, backwards: boolean): Promise<number | null> {
    const turn = this._turn;
    const reach = { from: 0, to: this._start };
    const after =
      !backwards && this._where === 'apart'
        ? await this._first(text, this._end, Infinity)
        : null;
    const found =
      after ??
      (backwards
        ? await this._last(text, reach.to)
        : await this._first(text, reach.from, reach.to));
    return turn === this._turn ? found : null;
  }

  private async _first(
    text: string,
    from: number,
    to: number
  ): Promise<number | null> {
    let place: number | null = from;
    while (place !== null && place < to) {
      const { matches, next } = await this._search(text, place, 1);
      if (matches.length > 0) {
        return matches[0].offset < to ? matches[0].offset : null;
      }
      place = next;
    }
    return null;
  }

  private async _last(text: string, to: number): Promise<number | null> {
    let place: number | null = 0;
    let last: number | null = null;
    while (place !== null && place < to && !this.isDisposed) {
      const { matches, next } = await this._search(text, place, MATCHES);
      const before = matches.filter(match => match.offset < to);
      last = before[before.length - 1]?.offset ?? last;
      place = before.length < matches.length ? null : next;
    }
    return last;
  }

  private _search(text: string, from: number, limit: number) {
    const { logs, key, log } = this._options;
    return logs.search(key, log, text, from, limit);
  }

  private _page(place: { at?: number; before?: number; after?: number }) {
    const { logs, key, log } = this._options;
    return logs.page(key, log, place);
  }

  private async _load(
    place: { at?: number; before?: number; after?: number },
    end: boolean
  ): Promise<void> {
    if (this.isDisposed) {
      return;
    }
    this._turn += 1;
    this._busy = false;
    this._leave();
    this._where = 'loading';
    await this._alone(async isStale => {
      const page = await this._page(place);
      if (isStale()) {
        return;
      }
      this._buffer.clear();
      this._buffer.append(page.lines);
      this._start = page.start;
      this._end = page.end;
      this._where = 'apart';
      this._error = null;
      if (end || page.end >= page.size) {
        this._follow();
      }
      this._changed.emit({ kind: 'all' });
    });
  }

  /** One request at a time; a failure is told, and what came late is let go. */
  private async _alone(
    work: (isStale: () => boolean) => Promise<void>
  ): Promise<void> {
    const turn = this._turn;
    const isStale = () => turn !== this._turn;
    this._busy = true;
    try {
      await work(isStale);
    } catch (error) {
      if (!isStale()) {
        this._fail(error instanceof Error ? error.message : String(error));
      }
    } finally {
      if (!isStale()) {
        this._busy = false;
      }
    }
  }

  private _fail(message: string): void {
    this._error = message;
    if (this._where === 'loading' || this._where === 'end') {
      this._where = 'failed';
    }
    this._changed.emit({ kind: 'state' });
  }

  private _follow(): void {
    const { logs, key, log } = this._options;
    const turn = this._turn;
    const mine = <A extends unknown[]>(act: (...args: A) => void) => {
      return (...args: A): void => {
        if (turn === this._turn && this._where === 'end') {
          act(...args);
        }
      };
    };
    const reader: ILogReader = {
      lines: mine((lines: readonly ILine[], end: number) => {
        this._error = null;
        this._wait({ lines, end });
      }),
      lagged: mine((offset: number) => this._wait({ gap: offset })),
      error: mine((message: string) => {
        this._leave();
        this._fail(message);
      })
    };
    this._where = 'end';
    this._stream = logs.follow(key, log, this._end, reader);
    if (this._where !== 'end') {
      this._leave(); // refused before it was ours
    }
    this._changed.emit({ kind: 'state' });
  }

  private _leave(): void {
    this._stream?.dispose();
    this._stream = null;
    this._waiting = [];
    if (this._frame !== null) {
      cancelAnimationFrame(this._frame);
      this._frame = null;
    }
  }

  private _wait(piece: Piece): void {
    if (!('gap' in piece) && piece.lines.length === 0) {
      if (this._waiting.length === 0) {
        this._end = piece.end;
      }
      return;
    }
    this._waiting.push(piece);
    this._bound();
    this._frame ??= requestAnimationFrame(() => {
      this._frame = null;
      this._flush();
    });
  }

  /** A window that is not drawn has no frames: only what can be kept waits. */
  private _bound(): void {
    const count = this._waiting.reduce(
      (sum, piece) => sum + ('gap' in piece ? 1 : piece.lines.length),
      0
    );
    if (count > this._buffer.limit) {
      this._flush();
    }
  }

  private _flush(): void {
    const pieces = this._waiting;
    this._waiting = [];
    const added: IKept[] = [];
    for (const piece of pieces) {
      if ('gap' in piece) {
        added.push(this._buffer.note(this._options.gap, piece.gap));
        this._end = piece.gap;
      } else if (this.held && this._isFull(piece.lines.length)) {
        this._leave();
        this._where = 'apart';
        break;
      } else {
        added.push(...this._buffer.append(piece.lines));
        this._end = piece.end;
      }
    }
    this._tellAppended(added);
  }

  private _isFull(more: number): boolean {
    return this._buffer.all.length + more > this._buffer.limit;
  }

  private _add(lines: readonly ILine[], end: number): void {
    this._end = end;
    this._tellAppended(this._buffer.append(lines));
  }

  private _tellAppended(lines: readonly IKept[]): void {
    const first = this._buffer.all[0];
    if (first) {
      this._start = Math.max(this._start, first.offset);
    }
    this._changed.emit({ kind: 'appended', lines });
  }

  private readonly _buffer: LogBuffer;
  private readonly _changed = new Signal<this, Loaded>(this);
  private _where: Where = 'loading';
  private _error: string | null = null;
  private _start = 0;
  private _end = 0;
  private _turn = 0;
  private _busy = false;
  private _stream: IDisposable | null = null;
  private _waiting: Piece[] = [];
  private _frame: number | null = null;
}

type Piece =
  | { readonly lines: readonly ILine[]; readonly end: number }
  | { readonly gap: number };
