/** A queue: a real Slurm with three nodes, asked by the programs that the server finds first. */
import { ChildProcess, execFileSync, spawn } from 'child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'fs';
import * as path from 'path';

import type { Jupyter } from './jupyter';
import { until } from './processes';

const PROGRAMS = [
  'sbatch',
  'srun',
  'squeue',
  'scancel',
  'sinfo',
  'scontrol',
  'sacctmgr',
  'sacct'
];

export class Slurm {
  private constructor(
    private readonly process: ChildProcess,
    private readonly conf: string
  ) {}

  static async begin(jupyter: Jupyter): Promise<Slurm> {
    const folder = mkdtempSync(path.join(jupyter.home, 'slurm-'));
    const process = spawn(
      'python',
      ['-m', 'jupyterlab_clusters.tests.beds.slurm', folder],
      { stdio: ['pipe', 'pipe', 'inherit'] }
    );
    const told = await new Promise<string>((resolve, reject) => {
      process.stdout?.once('data', (line: Buffer) => resolve(line.toString()));
      process.once('exit', code => reject(new Error(`Slurm ended: ${code}`)));
    });
    const { conf } = JSON.parse(told) as { conf: string };
    // The server was begun before: what it runs learns here where Slurm is.
    for (const name of PROGRAMS) {
      const program = path.join(jupyter.programs, name);
      const real = `/usr/bin/${name}`;
      writeFileSync(
        program,
        `#!/bin/sh\nexport SLURM_CONF=${conf}\nexec ${real} "$@"\n`
      );
      chmodSync(program, 0o755);
    }
    return new Slurm(process, conf);
  }

  /** Takes every processor until it is cancelled; the number of the job. */
  async fill(): Promise<string> {
    const job = this.run('sbatch', [
      '--parsable',
      '--nodes=3',
      '--exclusive',
      '--time=30',
      '--output=/dev/null',
      '--wrap=sleep 600'
    ]);
    await until(
      () => this.jobs().some(one => one.endsWith('RUNNING')),
      'the queue is full',
      20
    );
    return job;
  }

  cancel(job: string): void {
    this.run('scancel', [job]);
  }

  /** Jobs that are listed. */
  jobs(): string[] {
    return this.run('squeue', ['-h', '-o', '%i %j %T'])
      .split('\n')
      .filter(line => line !== '');
  }

  async end(): Promise<void> {
    const ended = new Promise(resolve => this.process.once('exit', resolve));
    this.process.stdin?.end();
    await ended;
  }

  private run(program: string, words: string[]): string {
    const env = { ...process.env, SLURM_CONF: this.conf };
    return execFileSync(program, words, { env }).toString().trim();
  }
}
