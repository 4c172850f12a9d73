/**
 * What was chosen for each profile and launcher the last time. A loss of it
 * costs some typing: its failures are nobody's concern.
 */
import type { IStateDB } from '@jupyterlab/statedb';
import type { ReadonlyPartialJSONObject } from '@lumino/coreutils';

import type { LastChoices } from '../ui/newcluster/suggestions';

const KEY = 'jupyterlab-clusters:choices';

/** Kept by JupyterLab, where it can. */
export class Choices {
  constructor(private readonly _state: IStateDB | null) {}

  /** All of them. */
  async last(): Promise<LastChoices> {
    try {
      const kept = await this._state?.fetch(KEY);
      return isObject(kept) ? (kept as LastChoices) : {};
    } catch {
      return {};
    }
  }

  /** The next form of this profile begins with them. */
  async keep(
    profile: string,
    launcher: string,
    options: Readonly<Record<string, unknown>>
  ): Promise<void> {
    const last = await this.last();
    const of = { ...last[profile], [launcher]: options };
    const now = { ...last, [profile]: of } as ReadonlyPartialJSONObject;
    await this._state?.save(KEY, now).catch(() => undefined);
  }
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
