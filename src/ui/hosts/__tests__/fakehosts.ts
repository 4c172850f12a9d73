/** Tests of hosts that only remember what was asked; what is known is the sample that pytest writes. */
import { Signal } from '@lumino/signaling';
import * as fs from 'fs';
import * as path from 'path';

import { isHostTests } from '../../../cluster/check';
import type { IHostTest, IHostTests } from '../../../cluster/state';
import type { IHostTesting } from '../../../tokens';

const SAMPLE = path.resolve(
  __dirname,
  '../../../../jupyterlab_clusters/tests/wire/rest-host-tests.json'
);

/** The recorded answer: one ready, one with a new key, one without ipyparallel, one still tested. */
export function recorded(): IHostTests {
  const { message } = JSON.parse(fs.readFileSync(SAMPLE, 'utf-8'));
  if (!isHostTests(message)) {
    throw new Error('The sample is no test of hosts.');
  }
  return message;
}

export class FakeHosts implements IHostTesting {
  hosts: readonly IHostTest[] = [];
  testing = false;
  error: string | null = null;
  tested: Readonly<Record<string, unknown>> | null = null;
  readonly changed: Signal<IHostTesting, void> = new Signal(this);
  isDisposed = false;
  /** What was asked, as words. */
  readonly asked: string[] = [];

  /** Tell something new. */
  tell(part: Partial<FakeHosts>): void {
    Object.assign(this, part);
    this.changed.emit();
  }

  async test(
    launcher: string,
    options: Record<string, unknown>
  ): Promise<void> {
    this.asked.push(`test ${launcher} ${JSON.stringify(options)}`);
  }

  async accept(host: string, fingerprint: string): Promise<void> {
    this.asked.push(`accept ${host} ${fingerprint}`);
  }

  dispose(): void {
    this.isDisposed = true;
  }
}
