/**
 * One function per route. Every failure leaves as a `ResponseError` with a
 * sentence for a person.
 */
import { URLExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { isCluster, isHostTests, isRecord } from '../cluster/check';
import type { IClusterActions, Row } from '../cluster/source';
import type {
  ICluster,
  IConnection,
  IHostTests,
  ILauncherModel,
  ILogMatches,
  ILogModel,
  ILogPage,
  IPreview,
  IProfile
} from '../cluster/state';

/** Where our routes are, below the server's base URL. */
export const NAMESPACE = 'jupyterlab-clusters';

/** A preview may have to ask a queue: as often as this, and a second between (milliseconds). */
const SECONDS = Array<number>(20).fill(1000);

/** What the server refused, or that it could not be reached (`status` 0). */
export class ResponseError extends Error {
  constructor(
    message: string,
    readonly reason: string,
    readonly status: number,
    readonly field: string | null = null
  ) {
    super(message);
    this.name = 'ResponseError';
  }
}

/** Requests to one server. */
export class Calls implements IClusterActions {
  constructor(readonly settings: ServerConnection.ISettings) {}

  async define(
    profile: string,
    clusterId?: string,
    launcher?: string,
    options?: Record<string, unknown>,
    engines?: number
  ): Promise<ICluster> {
    const body = { profile, cluster_id: clusterId, launcher, options, engines };
    return cluster(await this._send('clusters', 'POST', body));
  }

  async start(
    key: string,
    engines?: number,
    options?: Record<string, unknown>
  ): Promise<ICluster> {
    return this._order(key, 'start', { engines, options });
  }

  async scale(
    key: string,
    engines: number,
    restart?: boolean
  ): Promise<ICluster> {
    return this._order(key, 'scale', { engines, restart });
  }

  async stop(key: string): Promise<ICluster> {
    return this._order(key, 'stop');
  }

  async interrupt(key: string): Promise<ICluster> {
    return this._order(key, 'interrupt');
  }

  async keep(key: string): Promise<ICluster> {
    return this._order(key, 'keep');
  }

  async forget(key: string): Promise<void> {
    await this._send(place(key), 'DELETE');
  }

  async clear(key: string, mark: string): Promise<ICluster> {
    return this._order(key, 'clear', { mark });
  }

  async engine(
    key: string,
    slot: number,
    verb: 'stop' | 'restart' | 'interrupt'
  ): Promise<void> {
    await this._send(place(key, 'engines', `${slot}`, verb), 'POST');
  }

  async launchers(): Promise<readonly ILauncherModel[]> {
    return list<ILauncherModel>(await this._send('launchers'));
  }

  async profiles(): Promise<readonly IProfile[]> {
    return list<IProfile>(await this._send('profiles'));
  }

  async saveProfile(
    name: string,
    launcher: string,
    options: Readonly<Record<string, unknown>>,
    engines: number | null
  ): Promise<void> {
    const path = `profiles/${encodeURIComponent(name)}`;
    try {
      const settings = engines === null ? undefined : { 'Cluster.n': engines };
      await this._sendOnce(path, 'PUT', { launcher, options, settings });
    } catch (error) {
      // It goes on: only reading profiles takes longer.
      if (!isSlow(error)) {
        throw error;
      }
    }
  }

  async preview(
    key: string,
    engines: number,
    options?: Record<string, unknown>,
    launcher?: string
  ): Promise<IPreview> {
    const body = { engines, options, launcher };
    const answer = await this._look(place(key, 'preview'), 'POST', body);
    return record(answer) as unknown as IPreview;
  }

  async connection(key: string, content: boolean): Promise<IConnection> {
    const query = content ? '' : '?content=no';
    const answer = await this._send(place(key, 'connection') + query);
    return record(answer) as unknown as IConnection;
  }

  async testHosts(
    launcher: string,
    options: Record<string, unknown>
  ): Promise<IHostTests> {
    const path = `launchers/${encodeURIComponent(launcher)}/tests`;
    return hostTests(await this._send(path, 'POST', { options }));
  }

  async hostTests(launcher: string, id: string): Promise<IHostTests> {
    const path = `launchers/${encodeURIComponent(launcher)}/tests/`;
    return hostTests(await this._send(path + encodeURIComponent(id)));
  }

  async acceptHostKey(
    launcher: string,
    host: string,
    fingerprint: string
  ): Promise<IHostTests> {
    const path = `launchers/${encodeURIComponent(launcher)}/known-hosts`;
    return hostTests(await this._send(path, 'POST', { host, fingerprint }));
  }

  /** Rows of a route below `clusters`; asked so often that it must not count as a person's doing. */
  async rows(...parts: string[]): Promise<readonly Row[]> {
    const last = parts.pop() ?? '';
    const [name, query] = last.split('?');
    const path = name ? place(...parts, name) : place();
    const idle = `no_track_activity=1${query ? `&${query}` : ''}`;
    return list<Row>(await this._send(`${path}?${idle}`));
  }

  async logs(key: string): Promise<readonly ILogModel[]> {
    return list<ILogModel>(await this._send(place(key, 'logs')));
  }

  async page(
    key: string,
    log: string,
    place_: { at?: number; before?: number; after?: number }
  ): Promise<ILogPage> {
    const query = URLExt.objectToQueryString(given(place_));
    const answer = await this._send(place(key, 'logs', log) + query);
    return record(answer) as unknown as ILogPage;
  }

  async search(
    key: string,
    log: string,
    text: string,
    from: number,
    limit: number
  ): Promise<ILogMatches> {
    const query = URLExt.objectToQueryString({ search: text, from, limit });
    const answer = await this._send(place(key, 'logs', log) + query);
    return record(answer) as unknown as ILogMatches;
  }

  /** Where a browser gets a whole log, with the token where one is needed. */
  downloadUrl(key: string, log: string): string {
    const url = this._url(place(key, 'logs', log, 'download'));
    const { appendToken, token } = this.settings;
    return appendToken && token
      ? `${url}?token=${encodeURIComponent(token)}`
      : url;
  }

  private async _order(
    key: string,
    verb: string,
    body: Record<string, unknown> = {}
  ): Promise<ICluster> {
    return cluster(await this._send(place(key, verb), 'POST', body));
  }

  private _url(path: string): string {
    return URLExt.join(this.settings.baseUrl, NAMESPACE) + '/' + path;
  }

  private async _send(
    path: string,
    method = 'GET',
    body?: Record<string, unknown>
  ): Promise<unknown> {
    return method === 'GET'
      ? this._look(path)
      : this._sendOnce(path, method, body);
  }

  /** A look that the server found slow is worth another: it goes on looking meanwhile. */
  private async _look(
    path: string,
    method = 'GET',
    body?: Record<string, unknown>
  ): Promise<unknown> {
    const patience = method === 'GET' ? [1000] : [200, 300, 500, ...SECONDS];
    for (const wait of patience) {
      try {
        return await this._sendOnce(path, method, body);
      } catch (error) {
        if (!isSlow(error)) {
          throw error;
        }
        await new Promise(resolve => setTimeout(resolve, wait));
      }
    }
    return this._sendOnce(path, method, body);
  }

  private async _sendOnce(
    path: string,
    method: string,
    body?: Record<string, unknown>
  ): Promise<unknown> {
    const init: RequestInit = { method };
    if (body) {
      init.body = JSON.stringify(given(body));
    }
    let response: Response;
    try {
      response = await ServerConnection.makeRequest(
        this._url(path),
        init,
        this.settings
      );
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      throw new ResponseError(
        `The Jupyter server cannot be reached: ${why}`,
        'unreachable',
        0
      );
    }
    if (!response.ok) {
      throw await refused(response);
    }
    return response.status === 204 ? null : content(response);
  }
}

function isSlow(error: unknown): boolean {
  return error instanceof ResponseError && error.reason === 'slow';
}

/** A path of parts that may hold any characters. */
function place(...parts: string[]): string {
  return ['clusters', ...parts].map(encodeURIComponent).join('/');
}

/** Only the fields that were given. */
function given<T extends object>(body: T): Record<string, never> {
  return Object.fromEntries(
    Object.entries(body).filter(([, value]) => value !== undefined)
  ) as Record<string, never>;
}

/** What was answered; a proxy's login page comes with status 200 too. */
async function content(response: Response): Promise<unknown> {
  try {
    return await response.json();
  } catch {
    throw new ResponseError(
      'The answer is not from jupyterlab-clusters; perhaps a proxy stands between.',
      'nonsense',
      response.status
    );
  }
}

async function refused(response: Response): Promise<ResponseError> {
  const words: Record<number, string> = {
    401: 'You are not logged in to this Jupyter server any more.',
    403: 'You are not allowed to do this on this Jupyter server.',
    404: 'The server part of jupyterlab-clusters is not there or is switched off.'
  };
  let said: unknown = null;
  try {
    said = await response.json();
  } catch {
    // Not ours: a proxy's page, for example.
  }
  const answer = isRecord(said) ? said : {};
  const ours = typeof answer.reason === 'string';
  const message =
    typeof answer.message === 'string' && (ours || !words[response.status])
      ? answer.message
      : (words[response.status] ??
        `The server answered ${response.status} ${response.statusText}.`);
  return new ResponseError(
    message,
    ours ? String(answer.reason) : 'refused',
    response.status,
    typeof answer.field === 'string' ? answer.field : null
  );
}

function record(answer: unknown): Readonly<Record<string, unknown>> {
  if (!isRecord(answer)) {
    throw new ResponseError('The server answered nonsense.', 'nonsense', 200);
  }
  return answer;
}

function cluster(answer: unknown): ICluster {
  if (!isCluster(answer)) {
    throw new ResponseError(
      'The server answered with something that is no cluster.',
      'nonsense',
      200
    );
  }
  return answer;
}

function hostTests(answer: unknown): IHostTests {
  if (!isHostTests(answer)) {
    throw new ResponseError('The server answered nonsense.', 'nonsense', 200);
  }
  return answer;
}

function list<T>(answer: unknown): readonly T[] {
  if (!Array.isArray(answer)) {
    throw new ResponseError('The server answered nonsense.', 'nonsense', 200);
  }
  return answer as readonly T[];
}
