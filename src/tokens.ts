/**
 * What other plugins may ask for: interfaces, tokens and the ids of commands.
 */
import { Token } from '@lumino/coreutils';
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type {
  Asked,
  ICluster,
  IConnection,
  IEngine,
  IHostTest,
  ILauncherModel,
  ILine,
  ILoad,
  ILogMatches,
  ILogModel,
  ILogPage,
  IPreview,
  IProfile
} from './cluster/state';

/** How the window stands to the server; `asking` = by requests, as no socket can be had. */
export type Link = 'connecting' | 'live' | 'asking' | 'reconnecting';

/** What changed: the keys of clusters (or slots of engines, as numbers). */
export interface IChange<K> {
  /** Keys changed, added or gone. */
  readonly keys: readonly K[];
}

/** The engines of one cluster, live while held. Dispose when nobody looks any more. */
export interface IEngines extends IDisposable {
  /** Engines by ascending slot; the same array object until something changes. */
  readonly all: readonly IEngine[];
  /** Whether a first snapshot has arrived. */
  readonly ready: boolean;
  readonly changed: ISignal<IEngines, IChange<number>>;
}

/** The load of one cluster, one point a second while held; at most the last 600. */
export interface ILoads extends IDisposable {
  readonly points: readonly ILoad[];
  readonly changed: ISignal<ILoads, void>;
}

/** Tests of hosts before a cluster uses them. Dispose when nobody looks any more. */
export interface IHostTesting extends IDisposable {
  /** What is known of each host of the last test. */
  readonly hosts: readonly IHostTest[];
  /** Whether something is still to come. */
  readonly testing: boolean;
  /** Why the last thing that was asked for was refused; null when it was not. */
  readonly error: string | null;
  /** The options that were tested; null before the first test. */
  readonly tested: Readonly<Record<string, unknown>> | null;
  readonly changed: ISignal<IHostTesting, void>;

  test(launcher: string, options: Record<string, unknown>): Promise<void>;
  /** Accept the key that this host showed: the person has compared the fingerprint. */
  accept(host: string, fingerprint: string): Promise<void>;
}

/**
 * All clusters. State is only what the server told; a method that acts
 * resolves when the server accepted and rejects with a `ResponseError`.
 */
export interface IClusters {
  /** Clusters in the server's order; the same array object until something changes. */
  readonly all: readonly ICluster[];
  get(key: string): ICluster | undefined;
  /** Whether a first snapshot has arrived. */
  readonly ready: boolean;
  readonly link: Link;
  /** What was asked for and not yet seen in the state: key to verb. */
  readonly asked: ReadonlyMap<string, Asked>;
  /** The key of the cluster whose engines are shown; null when none. */
  selected: string | null;
  readonly changed: ISignal<IClusters, IChange<string>>;
  readonly linkChanged: ISignal<IClusters, Link>;
  readonly selectedChanged: ISignal<IClusters, string | null>;

  engines(key: string): IEngines;
  loads(key: string): ILoads;
  hostTesting(): Promise<IHostTesting>;

  define(
    profile: string,
    clusterId?: string,
    launcher?: string,
    options?: Record<string, unknown>,
    engines?: number
  ): Promise<ICluster>;
  start(
    key: string,
    engines?: number,
    options?: Record<string, unknown>
  ): Promise<void>;
  scale(key: string, engines: number, restart?: boolean): Promise<void>;
  stop(key: string): Promise<void>;
  interrupt(key: string): Promise<void>;
  /** Count its idle time anew. */
  keep(key: string): Promise<void>;
  forget(key: string): Promise<void>;
  /** Remove the stale file that is shown with a cluster, the one of this mark. */
  clear(key: string, mark: string): Promise<void>;
  stopEngine(key: string, slot: number): Promise<void>;
  restartEngine(key: string, slot: number): Promise<void>;
  interruptEngine(key: string, slot: number): Promise<void>;
  launchers(): Promise<readonly ILauncherModel[]>;
  profiles(): Promise<readonly IProfile[]>;
  /** Write a launcher, its options and a number of engines into a profile. */
  saveProfile(
    name: string,
    launcher: string,
    options: Readonly<Record<string, unknown>>,
    engines: number | null
  ): Promise<void>;
  /** What a start would do; with a launcher also of a cluster that is not defined. */
  preview(
    key: string,
    engines: number,
    options?: Record<string, unknown>,
    launcher?: string
  ): Promise<IPreview>;
  /** Where a running cluster is, with its key only if asked for. */
  connection(key: string, content: boolean): Promise<IConnection>;
}

/** What a log stream tells its reader. */
export interface ILogReader {
  /** Lines in order; `end` is the offset after the last. */
  lines(lines: readonly ILine[], end: number): void;
  /** Some lines fell away; the stream goes on from `offset`. */
  lagged(offset: number): void;
  /** The server cannot give this log. */
  error(message: string): void;
}

/** The logs of all clusters. */
export interface IClusterLogs {
  list(key: string): Promise<readonly ILogModel[]>;
  /** Lines around byte offset `at` (absent: the end). */
  page(
    key: string,
    log: string,
    place: { at?: number; before?: number; after?: number }
  ): Promise<ILogPage>;
  search(
    key: string,
    log: string,
    text: string,
    from: number,
    limit: number
  ): Promise<ILogMatches>;
  downloadUrl(key: string, log: string): string;
  /** Follow from `offset`; dispose to end. Survives cuts of the socket. */
  follow(
    key: string,
    log: string,
    offset: number,
    reader: ILogReader
  ): IDisposable;
}

/** All clusters: provided by `jupyterlab-clusters:clusters`. */
export const IClusters = new Token<IClusters>(
  'jupyterlab-clusters:IClusters',
  'The IPython Parallel clusters of this server, live.'
);

/** The logs of clusters: provided by `jupyterlab-clusters:clusters`. */
export const IClusterLogs = new Token<IClusterLogs>(
  'jupyterlab-clusters:IClusterLogs',
  'The logs of IPython Parallel clusters and their engines.'
);

/**
 * Ids of commands. Arguments: `key` (absent: the selected cluster), and where
 * it makes sense `engines`, `slot`, `log`, `profile`, `mark`.
 */
export namespace CommandIDs {
  export const show = 'clusters:show';
  export const create = 'clusters:create';
  export const start = 'clusters:start';
  export const scale = 'clusters:scale';
  export const stop = 'clusters:stop';
  export const interrupt = 'clusters:interrupt';
  export const keep = 'clusters:keep';
  export const forget = 'clusters:forget';
  export const clear = 'clusters:clear';
  export const preview = 'clusters:preview';
  export const openProfile = 'clusters:open-profile';
  export const connect = 'clusters:connect';
  export const stopEngine = 'clusters:stop-engine';
  export const restartEngine = 'clusters:restart-engine';
  export const interruptEngine = 'clusters:interrupt-engine';
  export const openLog = 'clusters:open-log';
  export const showOutput = 'clusters:show-output';
  export const insertCode = 'clusters:insert-client-code';
  export const copyCode = 'clusters:copy-client-code';
}
