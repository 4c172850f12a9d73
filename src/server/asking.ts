/**
 * Asks by requests for what the stream would tell, where no socket can be had.
 * Only for what somebody reads, at an easy pace, and not at all in a hidden tab.
 */
import type { IDisposable } from '@lumino/disposable';
import { Poll } from '@lumino/polling';

import type { Row } from '../cluster/source';
import type { ILine, ILogPage } from '../cluster/state';
import { ResponseError } from './calls';

/** How often (milliseconds), and how seldom after requests that failed. */
const PACE = 2000;
const SLOWEST = 30000;

/** Lines of one request, and requests for one log in one round. */
const LINES = 1000;
const TURNS = 5;

/** Points of load in the first answer, and after it. */
const POINTS = 600;
const NEWEST = 10;

/** The requests that are needed. */
export interface IRequests {
  /** Rows of a route below `clusters`. */
  rows(...parts: string[]): Promise<readonly Row[]>;
  page(
    key: string,
    log: string,
    place: { at?: number; before?: number; after?: number }
  ): Promise<ILogPage>;
}

/** For whom it asks: what is wanted, and where answers go. */
export interface IWanting {
  /** State topics that are read, by name. */
  readonly topics: readonly string[];
  /** Logs that are followed, and the offset from which to go on. */
  readonly logs: ReadonlyMap<string, number>;
  rows(topic: string, kind: 'snapshot' | 'changes', rows: readonly Row[]): void;
  lines(topic: string, lines: readonly ILine[], end: number): void;
  lagged(topic: string, offset: number): void;
  /** Whether the server answers. */
  answers(yes: boolean): void;
}

/** Asks between {@link start} and {@link stop}. */
export class Asking implements IDisposable {
  constructor(requests: IRequests, wanting: IWanting) {
    this._requests = requests;
    this._wanting = wanting;
    this._poll = new Poll({
      name: 'jupyterlab-clusters:asking',
      auto: false,
      factory: () => this._round(),
      standby: 'when-hidden',
      frequency: { interval: PACE, backoff: true, max: SLOWEST }
    });
  }

  /** Whether it asks now. */
  get active(): boolean {
    return this._active;
  }

  get isDisposed(): boolean {
    return this._poll.isDisposed;
  }

  dispose(): void {
    this._active = false;
    this._poll.dispose();
  }

  start(): void {
    if (!this._active && !this.isDisposed) {
      this._active = true;
      this._newest.clear();
      void this._poll.refresh();
    }
  }

  stop(): void {
    if (this._active) {
      this._active = false;
      void this._poll.stop();
    }
  }

  /** Another topic is wanted, and need not wait for the next round. */
  soon(): void {
    if (this._active) {
      void this._poll.refresh();
    }
  }

  private async _round(): Promise<void> {
    if (!this._active) {
      return;
    }
    const { topics, logs } = this._wanting;
    const all = [
      ...topics.map(topic => this._state(topic)),
      ...[...logs].map(([topic, offset]) => this._log(topic, offset))
    ];
    const failed = (await Promise.allSettled(all)).find(
      one => one.status === 'rejected' && !isTold(one.reason)
    );
    if (this._active) {
      this._wanting.answers(!failed);
    }
    if (failed) {
      throw new Error('The server does not answer.');
    }
  }

  private async _state(topic: string): Promise<void> {
    const [kind, key] = topic.split('/');
    if (kind === 'clusters') {
      this._tell(topic, await this._requests.rows());
    } else if (kind === 'engines') {
      this._tell(topic, await this._requests.rows(key, 'engines'));
    } else {
      await this._load(topic, key);
    }
  }

  private _tell(topic: string, rows: readonly Row[]): void {
    if (this._active) {
      this._wanting.rows(topic, 'snapshot', rows);
    }
  }

  private async _load(topic: string, key: string): Promise<void> {
    const known = this._newest.get(topic);
    const count = known === undefined ? POINTS : NEWEST;
    const rows = await this._requests.rows(key, `load?last=${count}`);
    const fresh = rows.filter(row => String(row.time) > (known ?? ''));
    if (this._active && (known === undefined || fresh.length > 0)) {
      const kind = known === undefined ? 'snapshot' : 'changes';
      this._wanting.rows(topic, kind, fresh);
      const last = fresh[fresh.length - 1];
      this._newest.set(topic, last ? String(last.time) : '');
    }
  }

  private async _log(topic: string, offset: number): Promise<void> {
    const [, key, log] = topic.split('/');
    let at = offset;
    for (let turn = 0; turn < TURNS; turn++) {
      const place = { at, before: 0, after: LINES };
      const page = await this._requests.page(key, log, place);
      if (!this._active) {
        return;
      }
      this._wanting.lines(topic, from(at, page.lines), page.end);
      at = page.end;
      if (page.end >= page.size) {
        return;
      }
      if (turn === TURNS - 1) {
        this._wanting.lagged(topic, page.size);
      }
    }
  }

  private readonly _requests: IRequests;
  private readonly _wanting: IWanting;
  private readonly _poll: Poll;
  private readonly _newest = new Map<string, string>();
  private _active = false;
}

/** Lines from a byte offset on; of one that stands across it, what comes after. */
function from(at: number, lines: readonly ILine[]): readonly ILine[] {
  const [first, ...others] = lines;
  if (!first || first.offset >= at) {
    return lines;
  }
  const bytes = new TextEncoder().encode(first.text);
  const text = new TextDecoder().decode(bytes.slice(at - first.offset));
  return text ? [{ ...first, offset: at, text }, ...others] : others;
}

/** A server that refuses, or says that something is not there, answers. */
function isTold(reason: unknown): boolean {
  return (
    reason instanceof ResponseError &&
    reason.status >= 400 &&
    reason.status < 500
  );
}
