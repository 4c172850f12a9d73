/** A notebook whose cells compute on a cluster. */
import type { IJupyterLabPageFixture } from '@jupyterlab/galata';
import { expect } from '@jupyterlab/galata';

export class Notebook {
  private constructor(private readonly page: IJupyterLabPageFixture) {}

  static async create(page: IJupyterLabPageFixture): Promise<Notebook> {
    const name = await page.notebook.createNew();
    expect(name).toBeTruthy();
    return new Notebook(page);
  }

  /** Runs `code` in a new cell at the end and gives what it printed. */
  async run(code: string): Promise<string> {
    const { notebook } = this.page;
    const cell = this.cells++;
    if (cell > 0) {
      await notebook.addCell('code', code);
    } else {
      await notebook.setCell(0, 'code', code);
    }
    await notebook.runCell(cell, true);
    const lines = await notebook.getCellTextOutput(cell);
    return (lines ?? []).join('\n').trim();
  }

  private cells = 0;
}

/** Connects, and waits for so many engines. */
export function connect(engines: number): string {
  return [
    'import ipyparallel as ipp',
    'client = ipp.Client(profile="default")',
    `client.wait_for_engines(${engines}, timeout=60)`,
    'print(len(client))'
  ].join('\n');
}

/** Has every engine tell its process id. */
export const PIDS = [
  'import os',
  'print(*sorted(client[:].apply_sync(os.getpid)))'
].join('\n');

/** Has the engine in process `pid` print; the hub's numbers are not those of slots. */
export function say(pid: number, words: string): string {
  return [
    'pids = client[:].apply_sync(os.getpid)',
    `of = client.ids[pids.index(${pid})]`,
    `client[of].apply_sync(print, "${words}", flush=True)`
  ].join('\n');
}
