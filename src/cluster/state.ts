/**
 * What a cluster is, as data: states, moves, models. The same words as
 * `jupyterlab_clusters/cluster/states.py`. No React, no DOM, no requests.
 */

/** State of a cluster. */
export type ClusterState =
  'stopped' | 'starting' | 'running' | 'stopping' | 'failed';

/** The step a cluster is at while it starts or stops. */
export type Step = 'controller' | 'submit' | 'queue' | 'engines' | 'drain';

/** State of one engine. */
export type EngineState =
  | 'queued'
  | 'starting'
  | 'idle'
  | 'busy'
  | 'stopping'
  | 'exited'
  | 'lost'
  | 'unregistered';

/** Name of a launcher. */
export type LauncherName = 'local' | 'ssh' | 'mpi' | 'slurm' | 'stock';

/** Which state may follow which. */
export const MOVES: Readonly<Record<ClusterState, readonly ClusterState[]>> = {
  stopped: ['starting'],
  starting: ['running', 'failed', 'stopping'],
  running: ['failed', 'stopping'],
  stopping: ['stopped', 'failed'],
  failed: ['starting', 'stopping']
};

/** What can be done with a running engine set. */
export interface ICapabilities {
  readonly scale: 'live' | 'restart' | 'none';
  readonly stop_one: boolean;
  readonly restart_one: boolean;
  readonly interrupt_one: boolean;
  readonly log_per_engine: boolean;
}

/** Why something failed; `cause` is a sentence, `output` what the tool said. */
export interface IFailure {
  readonly step: string | null;
  readonly cause: string;
  readonly hint: string | null;
  readonly command: readonly string[] | null;
  readonly exit_code: number | null;
  readonly output: string | null;
  readonly log: string | null;
}

/** A batch job as the scheduler last told it; `time_left` and `time_limit` in seconds. */
export interface IJob {
  readonly id: string;
  readonly state: string;
  readonly reason: string | null;
  readonly explanation: string | null;
  readonly expected_start: string | null;
  readonly time_left: number | null;
  readonly partition: string | null;
  readonly nodes: readonly string[];
  readonly asked_at: string | null;
  readonly time_limit: number | null;
}

/** Counts of engines; `launched` = processes alive now. */
export interface IEngineCounts {
  readonly launched: number;
  readonly registered: number;
  readonly busy: number;
  readonly lost: number;
}

/** A file by which others find clusters, of one that is no more or out of reach. */
export interface ILeftFile {
  readonly path: string;
  readonly sentence: string;
  /** Becomes another when the file changes. */
  readonly mark: string;
}

/** A cluster, as the server tells it. Times are ISO 8601 UTC. */
export interface ICluster {
  readonly key: string;
  readonly profile: string;
  readonly cluster_id: string;
  readonly launcher: LauncherName;
  readonly host: string | null;
  readonly origin: 'ours' | 'external';
  readonly state: ClusterState;
  readonly step: Step | null;
  readonly wanted: number;
  readonly engines: IEngineCounts;
  readonly degraded: boolean;
  readonly failure: IFailure | null;
  readonly job: IJob | null;
  readonly capabilities: ICapabilities;
  readonly started_at: string | null;
  readonly connection_file: string | null;
  /** Why ipyparallel's own launchers run it; null when ours do. */
  readonly as_written: string | null;
  /** Nothing answers for it: it may be cleared. */
  readonly stale: ILeftFile | null;
  /** It is of another host, and nothing can be known of it from here. */
  readonly unreachable: ILeftFile | null;
  /** Since when no engine is busy, and when it is stopped for that; null when it is not. */
  readonly idle: IIdle | null;
  /** Why it was stopped though nobody asked. */
  readonly notice: string | null;
  /** Why it may not be started or scaled here. */
  readonly no_start: string | null;
  /** Why it may not be stopped here. */
  readonly no_stop: string | null;
  /** The most engines that it may have. */
  readonly max_engines: number;
}

/** Times are ISO 8601 UTC. */
export interface IIdle {
  readonly since: string;
  readonly ends_at: string;
}

/** How an engine ended; `signal` is a number. */
export interface ICause {
  readonly signal: number | null;
  readonly exit_code: number | null;
  readonly sentence: string;
}

/** An engine; `cpu` in cores in use, `memory` in bytes. */
export interface IEngine {
  readonly slot: number;
  readonly id: number | null;
  readonly uuid: string | null;
  readonly host: string | null;
  readonly pid: number | null;
  readonly state: EngineState;
  readonly cause: ICause | null;
  readonly completed: number;
  readonly cpu: number | null;
  readonly memory: number | null;
  readonly started_at: string | null;
}

/** One point of a cluster's load. */
export interface ILoad {
  readonly time: string;
  readonly registered: number;
  readonly busy: number;
  readonly queue: number;
  readonly done: number;
  readonly cpu: number;
  readonly memory: number;
}

/** Options that the site offers by a name; without a number of engines that is for the person to say. */
export interface IPreset {
  readonly name: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly engines: number | null;
}

/** A launcher; `options` is a JSON schema for the form. */
export interface ILauncherModel {
  readonly name: LauncherName;
  readonly title: string;
  readonly options: Readonly<Record<string, unknown>>;
  readonly capabilities: ICapabilities;
  readonly available: boolean;
  readonly reason: string | null;
  readonly presets: readonly IPreset[];
}

/** A place in a file. */
export interface IPlace {
  readonly file: string;
  readonly line: number | null;
}

/** A setting of a profile with the file and line that make it; `overrides` is where another file does so in vain. */
export interface ISetting extends IPlace {
  readonly name: string;
  readonly value: unknown;
  readonly overrides: IPlace | null;
}

/** An IPython profile; `loading` until its configuration was read. */
export interface IProfile {
  readonly name: string;
  readonly path: string;
  readonly launcher: LauncherName;
  readonly loading: boolean;
  readonly settings: readonly ISetting[];
  readonly errors: readonly {
    readonly message: string;
    readonly file: string | null;
    readonly line: number | null;
  }[];
  /** What it asks of its launcher, in that launcher's options. */
  readonly options: Readonly<Record<string, unknown>>;
  /** Why those do not say all; null when they do. */
  readonly as_written: string | null;
}

/** One log of a cluster; `size` in bytes. */
export interface ILogModel {
  readonly name: string;
  readonly title: string;
  readonly size: number;
  readonly slot: number | null;
  readonly host: string | null;
  readonly live: boolean;
  readonly path: string | null;
}

/** A line of a log; `offset` is the byte offset of its first byte. */
export interface ILine {
  readonly offset: number;
  readonly text: string;
  readonly slot?: number;
  readonly time?: string;
}

/** Lines around a place in a log. */
export interface ILogPage {
  readonly lines: readonly ILine[];
  readonly start: number;
  readonly end: number;
  readonly size: number;
}

/** Where a text was found in a log; `next` is where to go on, null at the end. */
export interface ILogMatches {
  readonly matches: readonly {
    readonly offset: number;
    readonly text: string;
  }[];
  readonly next: number | null;
}

/** What a client on another machine needs; `content` holds the key of the cluster. */
export interface IConnection {
  readonly host: string;
  readonly user: string;
  readonly sshserver: string;
  readonly path: string;
  readonly content: string | null;
}

/** What a start would do, without doing it. */
export interface IPreview {
  readonly commands: readonly (readonly string[])[];
  readonly files: readonly { readonly path: string; readonly text: string }[];
  readonly script: string | null;
  readonly notes: readonly string[];
}

/** What is looked at when a host is tested, in this order. */
export type CheckName =
  | 'reached'
  | 'host-key'
  | 'login'
  | 'python'
  | 'ipyparallel'
  | 'cores'
  | 'memory'
  | 'controller';

/** One thing looked at; `ok` of null: not known. A hint without a cause is worth knowing and no failure. */
export interface IHostCheck {
  readonly name: CheckName;
  readonly ok: boolean | null;
  readonly value: string | number | null;
  readonly cause: string | null;
  readonly hint: string | null;
}

/** What is known of one host; `fingerprint` is that of a key which may be accepted. */
export interface IHostTest {
  readonly host: string;
  readonly state: 'testing' | 'done';
  readonly ok: boolean | null;
  readonly checks: readonly IHostCheck[];
  readonly fingerprint: string | null;
  readonly key_type: string | null;
  readonly output: string | null;
}

/** A test of several hosts, as it now is. */
export interface IHostTests {
  readonly id: string;
  readonly hosts: readonly IHostTest[];
}

/** A request that was made and is not yet seen in the state. */
export type Asked = 'start' | 'stop' | 'scale' | 'interrupt';
