/** The logs of clusters: pages by request, news by the stream. */
import type { IDisposable } from '@lumino/disposable';

import type { ILogMatches, ILogModel, ILogPage } from '../cluster/state';
import type { IClusterLogs, ILogReader } from '../tokens';
import type { Calls } from './calls';
import type { Stream } from './stream';

/** What stands behind the token `IClusterLogs`. */
export class ClusterLogs implements IClusterLogs {
  constructor(calls: Calls, stream: Stream) {
    this._calls = calls;
    this._stream = stream;
  }

  async list(key: string): Promise<readonly ILogModel[]> {
    return this._calls.logs(key);
  }

  async page(
    key: string,
    log: string,
    place: { at?: number; before?: number; after?: number }
  ): Promise<ILogPage> {
    return this._calls.page(key, log, place);
  }

  async search(
    key: string,
    log: string,
    text: string,
    from: number,
    limit: number
  ): Promise<ILogMatches> {
    return this._calls.search(key, log, text, from, limit);
  }

  downloadUrl(key: string, log: string): string {
    return this._calls.downloadUrl(key, log);
  }

  follow(
    key: string,
    log: string,
    offset: number,
    reader: ILogReader
  ): IDisposable {
    return this._stream.follow(key, log, offset, reader);
  }

  private readonly _calls: Calls;
  private readonly _stream: Stream;
}
