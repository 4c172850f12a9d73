/**
 * One socket for all topics. It says which topics are wanted as a whole set,
 * opens again by itself after a cut, and goes on where it was: state topics by
 * number, logs by offset. Idle, it sends nothing.
 */
import { URLExt } from '@jupyterlab/coreutils';
import type { ServerConnection } from '@jupyterlab/services';
import type { IDisposable } from '@lumino/disposable';
import { DisposableDelegate } from '@lumino/disposable';
import { Poll } from '@lumino/polling';
import type { ISignal } from '@lumino/signaling';
import { Signal } from '@lumino/signaling';

import type { ITopicReader, ITopicSource } from '../cluster/source';
import type { ILogReader, Link } from '../tokens';
import type { IRequests } from './asking';
import { Asking } from './asking';
import { NAMESPACE } from './calls';
import type { IFollowed, IHeld } from './held';
import { add, lag, wanting } from './held';
import type { Message } from './messages';
import { decode } from './messages';

/** Sessions that failed one after the other, after which is asked by requests. */
const FAILURES = 2;

/** After which time what took too long is asked for again (milliseconds). */
const AGAIN = 2000;

/** How long a socket may take to open (milliseconds): some proxies answer never. */
const OPENING = 15000;

/** The stream of one tab. */
export class Stream implements ITopicSource, IDisposable {
  constructor(settings: ServerConnection.ISettings, requests: IRequests) {
    this._settings = settings;
    this._asking = new Asking(
      requests,
      wanting(this._held, this._followed, yes =>
        this._setLink(
          yes ? 'asking' : this._wasLive ? 'reconnecting' : 'connecting'
        )
      )
    );
    this._poll = new Poll({
      name: 'jupyterlab-clusters:stream',
      auto: false,
      factory: () => this._session(),
      // A hidden tab stays connected: it must not lose what happens meanwhile.
      standby: 'never',
      frequency: { interval: 250, backoff: true, max: 30 * 1000 }
    });
    void this._poll.start();
  }

  get link(): Link {
    return this._link;
  }

  get linkChanged(): ISignal<ITopicSource, Link> {
    return this._linkChanged;
  }

  get isDisposed(): boolean {
    return this._disposed;
  }

  dispose(): void {
    if (this._disposed) {
      return;
    }
    this._disposed = true;
    this._poll.dispose();
    this._asking.dispose();
    this._socket?.close();
    Signal.clearData(this);
  }

  /** Read a state topic; several readers share one subscription. */
  read(topic: string, reader: ITopicReader): IDisposable {
    const held = this._held.get(topic) ?? {
      readers: new Set(),
      seq: null
    };
    this._held.set(topic, held);
    held.readers.add(reader);
    if (held.readers.size > 1) {
      // What the others know is not kept here, so the topic is asked for anew.
      held.seq = null;
      this._renew(topic);
    } else {
      this._want();
    }
    return new DisposableDelegate(() => {
      held.readers.delete(reader);
      if (held.readers.size === 0 && this._held.get(topic) === held) {
        this._held.delete(topic);
        this._want();
      }
    });
  }

  /** Follow a log from an offset. */
  follow(
    key: string,
    log: string,
    offset: number,
    reader: ILogReader
  ): IDisposable {
    const topic = `logs/${key}/${log}`;
    const others = this._followed.get(topic) ?? new Set();
    // How far the log has come for the others; what lies before is sent anew.
    const reached = Math.max(-1, ...[...others].map(one => one.offset));
    const joining = offset < reached ? reached : null;
    const followed: IFollowed = { reader, topic, offset, joining };
    this._followed.set(topic, others);
    others.add(followed);
    if (joining !== null) {
      this._renew(topic);
    } else {
      this._want();
    }
    return new DisposableDelegate(() => {
      others.delete(followed);
      if (others.size === 0 && this._followed.get(topic) === others) {
        this._followed.delete(topic);
      }
      this._want();
    });
  }

  /** One life of the socket: resolves when it closes after having been of use, rejects when it never was. */
  private async _session(): Promise<void> {
    const { WebSocket, wsUrl, appendToken, token } = this._settings;
    let url = URLExt.join(wsUrl, NAMESPACE, 'stream');
    if (appendToken && token) {
      url += `?token=${encodeURIComponent(token)}`;
    }
    await new Promise<void>((resolve, reject) => {
      const socket = (this._socket = new WebSocket(url));
      const patience = window.setTimeout(() => socket.close(), OPENING);
      this._ofUse = false;
      socket.onopen = () => {
        window.clearTimeout(patience);
        this._sent = '';
        this._followed.forEach(all => all.forEach(one => (one.joining = null)));
        if (!this._asking.active) {
          this._setLink('live');
        }
        this._send();
      };
      socket.onmessage = event => {
        const message = decode(event.data);
        if (message && socket === this._socket) {
          this._isOfUse();
          this._take(message);
        }
      };
      socket.onclose = () => {
        window.clearTimeout(patience);
        this._socket = null;
        if (!this._disposed && !this._asking.active) {
          this._setLink(this._wasLive ? 'reconnecting' : 'connecting');
        }
        if (this._ofUse) {
          resolve();
        } else {
          this._failed();
          reject(new Error('The stream could not be opened.'));
        }
      };
    });
  }

  /** Some proxies let a socket open that carries nothing: only a message shows that it is one. */
  private _isOfUse(): void {
    this._ofUse = true;
    this._failures = 0;
    if (this._asking.active) {
      this._asking.stop();
    }
    this._setLink('live');
  }

  private _failed(): void {
    this._failures += 1;
    if (this._failures >= FAILURES && !this._disposed) {
      this._asking.start();
    }
  }

  private _setLink(link: Link): void {
    this._wasLive = this._wasLive || link === 'live';
    if (link !== this._link) {
      this._link = link;
      this._linkChanged.emit(link);
    }
  }

  /** Say what is wanted, once for all that happens in this turn. */
  private _want(): void {
    if (!this._due) {
      this._due = true;
      void Promise.resolve().then(() => {
        this._due = false;
        this._asking.soon();
        this._send();
      });
    }
  }

  /** A topic is asked for anew by letting go of it for a moment. */
  private _renew(topic: string): void {
    this._resting.add(topic);
    this._want();
    void Promise.resolve().then(() => {
      this._resting.delete(topic);
      this._want();
    });
  }

  private _send(): void {
    if (this._disposed || !this._socket || this._socket.readyState !== 1) {
      return;
    }
    const topics: string[] = [];
    const since: Record<string, number> = {};
    for (const [topic, held] of this._held) {
      if (!this._resting.has(topic)) {
        topics.push(topic);
        if (held.seq !== null) {
          since[topic] = held.seq;
        }
      }
    }
    for (const [topic, followed] of this._followed) {
      if (this._resting.has(topic)) {
        continue;
      }
      const offset = Math.min(...[...followed].map(one => one.offset));
      topics.push(`${topic}@${offset}`);
    }
    // Offsets move on while a log is read; only another set is worth a message.
    const set = topics.map(topic => topic.replace(/@\d+$/, '')).join('\n');
    if (set === this._sent) {
      return;
    }
    this._sent = set;
    const epoch = this._epoch ?? undefined;
    this._socket.send(JSON.stringify({ topics, epoch, since }));
  }

  private _take(message: Message): void {
    if (message.epoch !== this._epoch) {
      // Another run of the server: numbers of the last one mean nothing.
      this._epoch = message.epoch;
      this._held.forEach(held => (held.seq = null));
    }
    const followed = this._followed.get(message.topic);
    if (message.kind === 'error' && message.slow) {
      window.setTimeout(() => this._renew(message.topic), AGAIN);
      return;
    }
    if (followed) {
      followed.forEach(one => this._tell(one, message));
      return;
    }
    const held = this._held.get(message.topic);
    if (!held) {
      return;
    }
    if (message.kind === 'error') {
      held.readers.forEach(reader => reader.error(message.message));
      return;
    }
    if (message.kind === 'changes' && held.seq === null) {
      // Of a subscription let go of: they lead nowhere without the snapshot that is on its way.
      return;
    }
    if (message.kind === 'snapshot' || message.kind === 'changes') {
      held.seq = message.seq;
      const { kind, rows } = message;
      held.readers.forEach(reader => reader[kind](rows));
    }
  }

  private _tell(followed: IFollowed, message: Message): void {
    switch (message.kind) {
      case 'lines': {
        const first = message.lines[0]?.offset ?? Infinity;
        if (followed.joining !== null && first >= followed.joining) {
          break;
        }
        followed.joining = null;
        add(followed, message.lines, message.seq);
        break;
      }
      case 'lagged':
        followed.joining = null;
        lag(followed, message.offset);
        break;
      case 'error':
        followed.reader.error(message.message);
        break;
      default:
        break;
    }
  }

  private readonly _settings: ServerConnection.ISettings;
  private readonly _asking: Asking;
  private readonly _poll: Poll;
  private readonly _held = new Map<string, IHeld>();
  private readonly _followed = new Map<string, Set<IFollowed>>();
  private readonly _resting = new Set<string>();
  private readonly _linkChanged = new Signal<ITopicSource, Link>(this);
  private _socket: WebSocket | null = null;
  private _link: Link = 'connecting';
  private _wasLive = false;
  private _ofUse = false;
  private _failures = 0;
  private _epoch: string | null = null;
  private _sent = '';
  private _due = false;
  private _disposed = false;
}
