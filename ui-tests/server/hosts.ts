/** Other machines: a real sshd on addresses of the loopback, reached by the ssh that the server finds first. */
import { ChildProcess, spawn } from 'child_process';
import { copyFileSync, mkdtempSync } from 'fs';
import * as path from 'path';

import type { Jupyter } from './jupyter';

export class Hosts {
  private constructor(
    private readonly process: ChildProcess,
    /** Two names that `ssh` can log in to. */
    readonly names: string[]
  ) {}

  static async begin(jupyter: Jupyter): Promise<Hosts> {
    const folder = mkdtempSync(path.join(jupyter.home, 'ssh-'));
    const process = spawn(
      'python',
      ['-m', 'jupyterlab_clusters.tests.beds.sshd', folder],
      { stdio: ['pipe', 'pipe', 'inherit'] }
    );
    const told = await new Promise<string>((resolve, reject) => {
      process.stdout?.once('data', (line: Buffer) => resolve(line.toString()));
      process.once('exit', code => reject(new Error(`sshd ended: ${code}`)));
    });
    const { bin, hosts } = JSON.parse(told) as { bin: string; hosts: string[] };
    copyFileSync(path.join(bin, 'ssh'), path.join(jupyter.programs, 'ssh'));
    return new Hosts(process, hosts);
  }

  async end(): Promise<void> {
    const ended = new Promise(resolve => this.process.once('exit', resolve));
    this.process.stdin?.end();
    await ended;
  }
}
