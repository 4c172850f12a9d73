/** A socket that opens, speaks and breaks when the test says so, and only then. */
import { ServerConnection } from '@jupyterlab/services';

/** What the window sent last, as it was understood. */
export interface IAsked {
  topics: string[];
  epoch?: string;
  since?: Record<string, number>;
}

export class FakeSocket {
  constructor(readonly url: string) {
    FakeSocket.all.push(this);
  }

  /** Every socket made since the last `forget`. */
  static all: FakeSocket[] = [];

  static get last(): FakeSocket {
    return FakeSocket.all[FakeSocket.all.length - 1];
  }

  readonly sent: IAsked[] = [];
  readyState = 0;
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: (() => void) | null = null;

  get asked(): IAsked {
    return this.sent[this.sent.length - 1];
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text));
  }

  close(): void {
    this.breaks();
  }

  opens(): void {
    this.readyState = 1;
    this.onopen?.();
  }

  breaks(): void {
    if (this.readyState !== 3) {
      this.readyState = 3;
      this.onclose?.();
    }
  }

  says(message: unknown): void {
    this.onmessage?.({ data: JSON.stringify(message) });
  }
}

/** Settings whose sockets are fake. */
export function settings(): ServerConnection.ISettings {
  FakeSocket.all = [];
  return ServerConnection.makeSettings({
    baseUrl: 'http://here/base/',
    wsUrl: 'ws://here/base/',
    token: 'a b',
    appendToken: true,
    WebSocket: FakeSocket as unknown as ServerConnection.ISettings['WebSocket']
  });
}
