/**
 * What the models ask of whoever knows the server. Interfaces only: the models
 * make no requests themselves.
 */
import type { IDisposable } from '@lumino/disposable';
import type { ISignal } from '@lumino/signaling';

import type { Link } from '../tokens';
import type {
  ICluster,
  IConnection,
  IHostTests,
  ILauncherModel,
  IPreview,
  IProfile
} from './state';

/** A row of a state topic as it arrives: some fields, or the news that it is gone. */
export type Row = Readonly<Record<string, unknown>>;

/** Who reads a state topic. */
export interface ITopicReader {
  /** Everything there is. */
  snapshot(rows: readonly Row[]): void;
  /** What changed since. */
  changes(rows: readonly Row[]): void;
  /** The topic cannot be given. */
  error(message: string): void;
}

/** Where state topics come from: one socket for all of them. */
export interface ITopicSource {
  readonly link: Link;
  readonly linkChanged: ISignal<ITopicSource, Link>;
  /** Read a topic until disposed. */
  read(topic: string, reader: ITopicReader): IDisposable;
}

/** What can be asked of the server about clusters; each rejects with a `ResponseError`. */
export interface IClusterActions {
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
  ): Promise<ICluster>;
  scale(key: string, engines: number, restart?: boolean): Promise<ICluster>;
  stop(key: string): Promise<ICluster>;
  interrupt(key: string): Promise<ICluster>;
  /** Count its idle time anew. */
  keep(key: string): Promise<ICluster>;
  forget(key: string): Promise<void>;
  clear(key: string, mark: string): Promise<ICluster>;
  engine(
    key: string,
    slot: number,
    verb: 'stop' | 'restart' | 'interrupt'
  ): Promise<void>;
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
  /** Begin to test the hosts of a launcher's options. */
  testHosts(
    launcher: string,
    options: Record<string, unknown>
  ): Promise<IHostTests>;
  /** That test as it now is. */
  hostTests(launcher: string, id: string): Promise<IHostTests>;
  /** Keep the key of that fingerprint; the host is then tested again. */
  acceptHostKey(
    launcher: string,
    host: string,
    fingerprint: string
  ): Promise<IHostTests>;
}
