/**
 * A real JupyterLab in folders of its own: started, killed, started again with
 * the same folders and port, and ended with all it ever began.
 */
import { ChildProcess, execFileSync, spawn } from 'child_process';
import { mkdirSync, mkdtempSync, openSync, rmSync, readFileSync } from 'fs';
import { AddressInfo, createServer } from 'net';
import * as path from 'path';

import { command, of, until } from './processes';

/** An engine as the server tells it, as far as the tests look. */
export interface IEngine {
  slot: number;
  host: string | null;
  pid: number | null;
  state: string;
}

/** A cluster as the server tells it, as far as the tests look. */
export interface ICluster {
  key: string;
  state: string;
  origin: string;
  engines: { launched: number; registered: number };
}

function freePort(): Promise<number> {
  return new Promise(resolve => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as AddressInfo;
      server.close(() => resolve(port));
    });
  });
}

export class Jupyter {
  private constructor(
    readonly home: string,
    private readonly port: number
  ) {
    this.url = `http://127.0.0.1:${port}`;
  }

  /** Without a slash at its end. */
  readonly url: string;

  static async begin(): Promise<Jupyter> {
    // Short, because the paths of unix sockets may have 107 bytes only.
    const home = mkdtempSync('/tmp/jlc-');
    [
      'files',
      'workspaces',
      'ipython',
      'data',
      'config',
      'runtime',
      'programs'
    ].forEach(name => mkdirSync(path.join(home, name), { mode: 0o700 }));
    const jupyter = new Jupyter(home, await freePort());
    await jupyter.start();
    return jupyter;
  }

  async start(): Promise<void> {
    const output = openSync(this.log, 'a');
    this.process = spawn(
      'jupyter',
      [
        'lab',
        '--config',
        path.resolve(__dirname, '..', 'jupyter_server_test_config.py')
      ],
      {
        cwd: this.file('files'),
        env: this.environment(),
        stdio: ['ignore', output, output]
      }
    );
    await until(() => this.answers(), this.why(), 60);
  }

  /** As a power cut would: nothing of the server gets to say goodbye. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** Stops every cluster, then the server; rejects when something is left. */
  async finish(): Promise<void> {
    try {
      await this.stopClusters();
      await this.end('SIGTERM');
      // The agent of a machine goes by itself when it has nothing left to do.
      await until(
        () => of(this.home).length === 0,
        `all ended: ${of(this.home).map(command).join(' | ')}`,
        25
      );
    } finally {
      of(this.home).forEach(pid => process.kill(pid, 'SIGKILL'));
      rmSync(this.home, { recursive: true, force: true, maxRetries: 5 });
    }
  }

  async clusters(): Promise<ICluster[]> {
    return (await this.ask('clusters')) as ICluster[];
  }

  async engines(key: string): Promise<IEngine[]> {
    return (await this.ask(
      `clusters/${encodeURIComponent(key)}/engines`
    )) as IEngine[];
  }

  /** Process ids of live engines, in the order of their slots. */
  async enginePids(key: string): Promise<number[]> {
    return (await this.engines(key))
      .filter(one => ['idle', 'busy'].includes(one.state))
      .map(one => one.pid as number);
  }

  /** Ends and forgets whatever a test left; the next begins with nothing. */
  async stopClusters(): Promise<void> {
    const ours = (await this.clusters()).filter(one => one.origin === 'ours');
    for (const { key } of ours.filter(one => one.state !== 'stopped')) {
      await this.ask(`clusters/${encodeURIComponent(key)}/stop`, 'POST');
    }
    await until(
      async () =>
        (await this.clusters()).every(
          one => one.origin !== 'ours' || one.state === 'stopped'
        ),
      'all clusters stopped',
      30
    );
    for (const { key } of ours) {
      await this.ask(`clusters/${encodeURIComponent(key)}`, 'DELETE', [404]);
    }
  }

  /** What the extension answers; rejects on an error that is not among `also`. */
  async ask(
    route: string,
    method: 'GET' | 'POST' | 'DELETE' = 'GET',
    also: number[] = [],
    body?: unknown
  ): Promise<unknown> {
    const answer = await fetch(`${this.url}/jupyterlab-clusters/${route}`, {
      method,
      body: method === 'POST' ? JSON.stringify(body ?? {}) : undefined
    });
    if (!answer.ok && !also.includes(answer.status)) {
      throw new Error(`${method} ${route}: ${await answer.text()}`);
    }
    const text = await answer.text();
    return text ? JSON.parse(text) : null;
  }

  /** Runs a program to its end, as its person would in a terminal. */
  terminal(program: string, ...args: string[]): void {
    execFileSync(program, args, {
      cwd: this.file('files'),
      env: this.environment(),
      stdio: 'ignore',
      timeout: 60000
    });
  }

  /** A file of the person's profile. */
  security(profile: string, name: string): string {
    return path.join(
      this.file('ipython'),
      `profile_${profile}`,
      'security',
      name
    );
  }

  private async answers(): Promise<boolean> {
    if (this.process?.exitCode !== null) {
      throw new Error(`JupyterLab ended: ${this.why()}`);
    }
    try {
      return (await fetch(`${this.url}/jupyterlab-clusters/clusters`)).ok;
    } catch {
      return false;
    }
  }

  private async end(signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const process = this.process;
    if (!process || process.exitCode !== null || process.signalCode !== null) {
      return;
    }
    const ended = new Promise(resolve => process.once('exit', resolve));
    process.kill(signal);
    await ended;
  }

  private file(name: string): string {
    return path.join(this.home, name);
  }

  /** Programs in this folder come before all others. */
  get programs(): string {
    return this.file('programs');
  }

  private get log(): string {
    return this.file('server.log');
  }

  private why(): string {
    return `the server answers; its log ends with:\n${readFileSync(this.log, 'utf-8').slice(-3000)}`;
  }

  private environment(): NodeJS.ProcessEnv {
    return {
      ...process.env,
      PATH: `${this.programs}:${process.env.PATH ?? ''}`,
      // Where root is all there is, Open MPI has to be told that this is meant.
      OMPI_ALLOW_RUN_AS_ROOT: '1',
      OMPI_ALLOW_RUN_AS_ROOT_CONFIRM: '1',
      JLC_TEST_HOME: this.home,
      JLC_TEST_PORT: String(this.port),
      IPYTHONDIR: this.file('ipython'),
      JUPYTER_DATA_DIR: this.file('data'),
      JUPYTER_CONFIG_DIR: this.file('config'),
      JUPYTER_RUNTIME_DIR: this.file('runtime')
    };
  }

  private process: ChildProcess | null = null;
}
